"""The recurrent spiking network: weights, masks and neurons, and the stream of its states over time."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from rsnn.connectivity import Connectivity, Dale, Dense, Sparse, WinnerTakeAll
from rsnn.events import events_of
from rsnn.heterogeneity import Number, Parameter, check_parameter, draw, spawn
from rsnn.layer import PooledSpikes, Setting, Spikes, learnable, run_block
from rsnn.neurons import (
    ALIF,
    LIF,
    SHORTEST_TAU,
    LIFConstants,
    LIFState,
    Neuron,
    Reset,
    lif_constants,
    lif_step,
    rest_state,
)
from rsnn.pooling import averaged, share_of_steps
from rsnn.surrogate import DEFAULT_SURROGATE, Surrogate

TAU_TRACE = 20.0
"""Time constant of `hidden.trace` in ms."""
TAU_READOUT = 20.0
"""Time constant of the leaky read-out in ms, where none is named."""

DRIVE_BLOCK = 2**18  # numbers of input drive computed at once: 2 MiB, which stay in the cache


class State(NamedTuple):
    """Everything that is carried from one step to the next."""

    neurons: LIFState
    spikes: Float[Tensor, "sample unit"]
    trace: Float[Tensor, "sample unit"]
    readout: Float[Tensor, "sample output"]


class Constants(NamedTuple):
    """What a step needs beside state and input: weights [from, to], neurons, decays per step."""

    recurrent: Float[Tensor, "unit unit"]
    readout: Float[Tensor, "unit output"]
    neurons: LIFConstants
    decay_trace: float
    decay_readout: Float[Tensor, "output"]


def step(drive: Float[Tensor, "sample unit"], state: State, k: Constants, surrogate: Surrogate) -> State:
    """The state after one more step, in which `drive` came in from outside; a spike reaches other neurons one step after it was fired."""
    spikes, neurons = lif_step(drive + state.spikes @ k.recurrent, state.neurons, k.neurons, surrogate)
    trace = k.decay_trace * state.trace + spikes
    readout = k.decay_readout * state.readout + spikes @ k.readout
    return State(neurons, spikes, trace, readout)


class RSNN(nn.Module):
    """Input -> recurrent layer of spiking neurons -> leaky read-out.

    `input_weight` [unit, input], `recurrent_weight` [unit, unit] (to, from) and `readout_weight` [output, unit] are in units of threshold;
    `input_mask` and `recurrent_mask` say where there are synapses: elsewhere the weights are 0 and stay 0. Neuron parameters, the time
    constant `tau_readout` [output] of the leaky read-out in ms and the adaptive threshold `theta` [unit] are buffers; one that requires a
    gradient gets it. Input weights are drawn with variance input_scale^2 / (inputs per neuron), or, if `excitatory_input`, as recurrent
    ones: uniformly from [0, 2 scale / (synapses per neuron)], so that the weights onto a neuron sum to the scale. `sign` [unit] is 1 for
    an excitatory neuron, -1 for an inhibitory one (`dale`, `WinnerTakeAll`), 0 where no sign is held. Everything is drawn from
    `generator`; without one, the same network is made every time.

    The dynamics run in float64 and are handed out in the dtype of the weights: else the last bit of a sum, which depends on the size of
    the batch and the number of threads, would decide about a spike.
    """

    input_mask: Bool[Tensor, "unit input"]
    recurrent_mask: Bool[Tensor, "unit unit"]
    theta: Float[Tensor, "unit"]
    threshold: Float[Tensor, "unit"]
    tau_mem: Float[Tensor, "unit"]
    tau_syn: Float[Tensor, "unit"]
    refractory: Float[Tensor, "unit"]
    tau_adaptation: Float[Tensor, "unit"]
    beta: Float[Tensor, "unit"]
    tau_readout: Float[Tensor, "output"]
    sign: Float[Tensor, "unit"]

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        *,
        neuron: Neuron = LIF(),  # noqa: B008  frozen
        connectivity: Connectivity = Sparse(0.1),  # noqa: B008
        input_connectivity: Connectivity = Dense(),  # noqa: B008
        dale: Dale | None = None,
        excitatory_input: bool = False,
        tau_readout: Parameter = TAU_READOUT,
        dt: Number = 1.0,
        input_scale: Number = 3.0,
        recurrent_scale: Number = 1.0,
        surrogate: Surrogate = DEFAULT_SURROGATE,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("inputs", inputs), ("units", units), ("outputs", outputs)):
            if size < 1:
                raise ValueError(f"RSNN({name}={size}): a network needs at least one of them.")
        for name, value in (("dt", dt), ("input_scale", input_scale), ("recurrent_scale", recurrent_scale)):
            if not (math.isfinite(value) and (value > 0 or (value == 0 and name != "dt"))):
                raise ValueError(f"RSNN({name}={value}): it must be a positive, finite number.")
        for name, rule in (("connectivity", connectivity), ("input_connectivity", input_connectivity)):
            if not isinstance(rule, Connectivity):
                raise ValueError(f"RSNN({name}={rule!r}): it must be Sparse(density), such as Sparse(0.1), or Dense().")
        if not isinstance(neuron, LIF | ALIF):
            raise ValueError(f"RSNN(neuron={neuron!r}): it must be a LIF or ALIF, such as LIF(tau_mem=20.0).")
        if isinstance(connectivity, WinnerTakeAll) and dale is not None:
            raise ValueError(
                "RSNN(connectivity=WinnerTakeAll(...), dale=...): where every neuron inhibits there is no share; leave one out."
            )
        check_parameter("RSNN", "tau_readout", tau_readout, lowest=0.0, open_end=True)
        generator = torch.Generator() if generator is None else generator
        # one stream for each thing that is drawn: another neuron or density leaves the rest as it was
        wiring, input_weights, recurrent_wiring, recurrent_weights, readout_weights, neurons, readout = (spawn(generator) for _ in range(7))
        self.dt = float(dt)
        self.reset: Reset = neuron.reset
        self.surrogate = surrogate
        self.register_buffer("input_mask", input_connectivity.mask(units, inputs, generator=wiring))
        self.register_buffer("recurrent_mask", connectivity.mask(units, units, generator=recurrent_wiring).fill_diagonal_(False))
        fan_in = max(1.0, float(self.input_mask.sum()) / units)
        if excitatory_input:
            drawn = torch.rand(units, inputs, generator=input_weights, dtype=torch.float64) * (2 * input_scale / fan_in)
        else:
            drawn = torch.randn(units, inputs, generator=input_weights, dtype=torch.float64) * (input_scale / math.sqrt(fan_in))
        self.input_weight = nn.Parameter((drawn * self.input_mask).float())
        fan_in = max(1.0, float(self.recurrent_mask.sum()) / units)
        if isinstance(connectivity, WinnerTakeAll):
            drawn, sign = -draw(connectivity.strength, (units, units), generator=recurrent_weights), torch.full((units,), -1.0)
        else:
            uniform = torch.rand(units, units, generator=recurrent_weights, dtype=torch.float64)
            drawn = uniform * self.recurrent_mask * (2 * recurrent_scale / fan_in)
            sign = torch.zeros(units) if dale is None else dale.signs(units)
            if dale is not None:
                drawn *= torch.where(sign < 0, -float(dale.inhibition), 1.0)
        self.recurrent_weight = nn.Parameter((drawn * self.recurrent_mask).float())
        normal = torch.randn(outputs, units, generator=readout_weights, dtype=torch.float64)
        self.readout_weight = nn.Parameter((normal / math.sqrt(units)).float())
        for name, values in neuron.draw(units, generator=neurons).items():
            self.register_buffer(name, values)
        self.register_buffer("theta", torch.zeros(units, dtype=torch.float64))
        self.register_buffer("tau_readout", draw(tau_readout, (outputs,), generator=readout).clamp_min(SHORTEST_TAU))
        self.register_buffer("sign", sign.double())

    @property
    def inputs(self) -> int:
        return self.input_weight.shape[1]

    @property
    def units(self) -> int:
        return self.input_weight.shape[0]

    @property
    def outputs(self) -> int:
        return self.readout_weight.shape[0]

    def neurons(self) -> LIFConstants:
        """The constants of a step of the neurons, float64."""
        return lif_constants(
            self.tau_mem.double(),
            self.tau_syn.double(),
            self.threshold.double() + self.theta.double(),
            self.refractory.double(),
            self.tau_adaptation.double(),
            self.beta.double(),
            dt=self.dt,
            reset=self.reset,
        )

    @torch.no_grad()
    def keep_signs(self) -> None:
        """Hold Dale's law: the weights of a neuron that have come to the other side of 0 than its `sign` are set to 0, in place."""
        self.recurrent_weight.masked_fill_(self.recurrent_weight * self.sign.to(self.recurrent_weight.dtype) < 0, 0.0)

    def constants(self) -> Constants:
        """Weights (masked) and neurons as `step` wants them, float64, differentiable."""
        return Constants(
            recurrent=(self.recurrent_weight * self.recurrent_mask).double().t(),
            readout=self.readout_weight.double().t(),
            neurons=self.neurons(),
            decay_trace=math.exp(-self.dt / TAU_TRACE),
            decay_readout=torch.exp(-self.dt / self.tau_readout.double()),
        )

    def rest(self, samples: int) -> State:
        """The state of a network in which nothing has happened yet."""
        like = self.input_weight.new_zeros((), dtype=torch.float64)
        zeros = like.new_zeros(samples, self.units)
        return State(rest_state(samples, self.units, like), zeros, zeros, like.new_zeros(samples, self.outputs))

    def drive(self, x: Shaped[Tensor, "sample time input"]) -> Iterator[Float[Tensor, "time sample unit"]]:
        """What the input adds to the current of each neuron, float64, in blocks of time steps that fit into memory."""
        weight = (self.input_weight * self.input_mask).double().t()
        for part in x.transpose(0, 1).split(max(1, DRIVE_BLOCK // (x.shape[0] * self.units))):
            yield part.double() @ weight

    def run(self, x: Shaped[Tensor, "*sample_time_input"], state: State | None = None) -> Iterator[State]:
        """The full state (float64) after each step of input `x`, from `state` or from rest; the last one carries a run on."""
        x = self.check(x)
        k = self.constants()
        state = self.rest(x.shape[0]) if state is None else state
        for block in self.drive(x):
            for drive in block:
                state = step(drive, state, k, self.surrogate)
                yield state

    def run_compiled(self, x: Shaped[Tensor, "sample time input"]) -> Iterator[State]:
        """`run` from rest without gradient, each block of steps at once."""
        k = self.constants()
        state, recurrent = self.rest(x.shape[0]), (self.recurrent_weight * self.recurrent_mask).t()
        for drive in self.drive(x):
            block, neurons, _ = run_block(drive, recurrent, k.neurons, state.neurons, state.spikes)
            spikes = block.spikes.double()
            for now, current, voltage, readout in zip(spikes, block.current, block.voltage, spikes @ k.readout, strict=True):
                trace = k.decay_trace * state.trace + now
                neurons_now = neurons._replace(current=current, voltage=voltage)
                state = State(neurons_now, now, trace, k.decay_readout * state.readout + readout)
                yield state
            state = state._replace(neurons=neurons)

    def states(self, x: Shaped[Tensor, "*sample_time_input"]) -> Iterator[dict[str, Float[Tensor, "sample site"]]]:
        """After each time step of input `x`: spikes (0 or 1), voltage (after reset), synaptic current and spike trace of the recurrent
        layer, and the read-out, each [sample, ...], voltages in units of threshold."""
        dtype = self.input_weight.dtype
        x = self.check(x)
        compiled = not torch.is_grad_enabled() and self.input_weight.device.type == "cpu"
        for state in self.run_compiled(x) if compiled else self.run(x):
            yield {
                "hidden.spikes": state.spikes.to(dtype),
                "hidden.voltage": state.neurons.voltage.to(dtype),
                "hidden.current": state.neurons.current.to(dtype),
                "hidden.trace": state.trace.to(dtype),
                "readout": state.readout.to(dtype),
            }

    def spikes(self, x: Shaped[Tensor, "*sample_time_input"], *, local: bool = False) -> Float[Tensor, "time sample unit"]:
        """All spikes at once, float64, differentiable in weights and neurons; what training needs.

        With `local`, the gradient stops where a spike reaches other neurons: what is left is that of e-prop, Bellec et al. 2020, eq. (1).
        """
        if self.input_weight.device.type != "cpu":
            return self.spikes_stepwise(self.check(x), local=local)
        return Spikes.apply(*self._layer(x, local))

    def _layer(self, x: Shaped[Tensor, "*sample_time_input"], local: bool) -> tuple[Any, ...]:
        """What the compiled layer is given, of an input that is checked here: where it is known what of it is not 0, only that."""
        self._check_form(x)
        events = events_of(x)
        check_finite(x, x if events is None else torch.from_numpy(events.value))
        given = torch.cat(list(self.drive(x))) if events is None else (self.input_weight * self.input_mask).t()
        k = self.neurons()
        # sums are float64, weights as they are kept: the half of the memory to go through
        recurrent = (self.recurrent_weight * self.recurrent_mask).t()
        return Setting(k, self.surrogate, local, len(x), events), given, recurrent, *learnable(k)

    def spikes_stepwise(self, x: Float[Tensor, "sample time input"], *, local: bool = False) -> Float[Tensor, "time sample unit"]:
        """`spikes` by its definition, `step`, and automatic differentiation."""
        k, state, found = self.constants(), self.rest(len(x)), []
        for block in self.drive(x):
            for drive in block:
                state = step(drive, state._replace(spikes=state.spikes.detach()) if local else state, k, self.surrogate)
                found.append(state.spikes)
        return torch.stack(found)

    def logits(self, spikes: Float[Tensor, "time sample unit"]) -> Float[Tensor, "sample output"]:
        """The read-out averaged over time: each spike counts with the mean of what its decay leaves in the steps to the end."""
        return averaged(spikes, share_of_steps(self.tau_readout.double(), len(spikes), dt=self.dt), self.readout_weight.double())

    def logits_and_counts(
        self, x: Shaped[Tensor, "*sample_time_input"], *, local: bool = False, feedback: Float[Tensor, "output unit"] | None = None
    ) -> tuple[Float[Tensor, "sample output"], Float[Tensor, " unit"]]:
        """`logits` of `spikes`, float64, and how often each neuron fired: both at once, in half of the memory, for training.

        With `feedback`, the gradient reaches the neurons by these weights in place of the read-out's.
        """
        self._check_form(x)
        share = share_of_steps(self.tau_readout.double(), x.shape[1], dt=self.dt)
        if share.ndim == 1 and self.input_weight.device.type == "cpu":
            seen, often = PooledSpikes.apply(share, *self._layer(x, local))
        else:
            seen = self.spikes(x, local=local)
            often = seen.detach().sum((0, 1))
        weight = self.readout_weight.double()
        if feedback is None:
            return averaged(seen, share, weight), often
        # the value of the read-out, the gradient of the feedback
        guided = averaged(seen, share, feedback.double())
        return averaged(seen.detach(), share, weight) + guided - guided.detach(), often

    def forward(self, x: Shaped[Tensor, "*sample_time_input"]) -> Float[Tensor, "sample output"]:
        """The read-out, averaged over time: one logit per output."""
        return self.logits_and_counts(x)[0].to(self.input_weight.dtype)

    def check(self, x: Tensor) -> Tensor:
        """`x` if it can be an input of this network; a ValueError with one sentence if not."""
        self._check_form(x)
        check_finite(x, x)
        return x

    def _check_form(self, x: Tensor) -> None:
        if x.ndim != 3 or x.shape[2] != self.inputs:
            raise ValueError(
                f"this network wants input [sample, time, {self.inputs}], not an array of shape {tuple(x.shape)}; "
                "rsnn.encode makes one from values [sample, input]."
            )
        if not x.shape[0] or not x.shape[1]:
            raise ValueError(f"input of shape {tuple(x.shape)} has no samples or no time steps; at least one of each is needed.")
        if x.is_complex():
            raise ValueError(f"this network wants real input, not {x.dtype}; take real and imaginary part as two inputs.")
        if x.device != self.input_weight.device:
            raise ValueError(f"the input is on {x.device}, the network on {self.input_weight.device}; x.to(...) brings them together.")


def check_finite(x: Shaped[Tensor, "sample ..."], there: Shaped[Tensor, "..."]) -> None:
    """Raise a sentence if the input is not finite; `there` are at least all of its numbers that are not 0."""
    # a sum is looked through in a fraction of the time, and finite only if everything is
    if not torch.isfinite(there.sum()) and not torch.isfinite(x).all():
        bad = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"the input has NaN or infinite values, first in sample {bad}; leave such samples out.")
