"""The same spiking networks in snnTorch, Norse, SpikingJelly, BindsNET and Brian2, each as its documentation writes them."""

import importlib.util
import sys
import tempfile
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import Tensor, nn

UNUSED = ("torchvision", "torchaudio", "tensorboard", "tensorboardX", "cv2", "gymnasium", "ale_py", "skimage", "h5py", "nir", "nirtorch")


class StandIn(ModuleType):
    """A module that answers to every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


class StandIns(MetaPathFinder, Loader):
    """Finds what peers import for data sets, plots and files, and what is never called here, where it is not installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        return ModuleSpec(fullname, self, is_package=True) if fullname.split(".")[0] in UNUSED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def installed(peer: str) -> bool:
    """Whether a peer is there; from then on its unused imports are."""
    if not any(isinstance(finder, StandIns) for finder in sys.meta_path):
        sys.meta_path.append(StandIns())
        if importlib.util.find_spec("tensorboard") is not None:
            sys.modules.setdefault("torch.utils.tensorboard", StandIn("torch.utils.tensorboard"))
    return importlib.util.find_spec(peer) is not None


class SNNTorch(nn.Module):
    """700 -> recurrent -> 20 by snntorch.RLeaky; logits are the mean membrane of a leaky read-out."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        import snntorch
        from snntorch import surrogate

        super().__init__()
        self.into, self.out = nn.Linear(inputs, units, bias=False), nn.Linear(units, outputs, bias=False)
        self.layer = snntorch.RLeaky(beta=0.95, linear_features=units, spike_grad=surrogate.fast_sigmoid(25), init_hidden=False)
        self.readout = snntorch.Leaky(beta=0.95, reset_mechanism="none")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes, voltage = self.layer.init_rleaky()
        membrane = self.readout.init_leaky()
        all_spikes, total = [], torch.zeros(())
        for now in self.into(x).unbind(1):
            spikes, voltage = self.layer(now, spikes, voltage)
            _, membrane = self.readout(self.out(spikes), membrane)
            all_spikes.append(spikes)
            total = total + membrane
        return torch.stack(all_spikes), total / x.shape[1]


class Norse(nn.Module):
    """The same by norse.LIFRecurrent."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        import norse.torch as norse

        super().__init__()
        self.layer = norse.LIFRecurrent(inputs, units, p=norse.LIFParameters(alpha=torch.tensor(25.0)))
        self.out, self.readout = nn.Linear(units, outputs, bias=False), norse.LICell()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes, _ = self.layer(x.transpose(0, 1))
        state, total = None, torch.zeros(())
        for now in spikes:
            voltage, state = self.readout(self.out(now), state)
            total = total + voltage
        return spikes, total / x.shape[1]


class SpikingJelly(nn.Module):
    """The same by LinearRecurrentContainer, whose one matrix is for input and recurrence."""

    def __init__(self, inputs: int, units: int, outputs: int) -> None:
        from spikingjelly.activation_based import layer, neuron, surrogate

        super().__init__()
        self.into, self.out = nn.Linear(inputs, units, bias=False), nn.Linear(units, outputs, bias=False)
        cell = neuron.LIFNode(tau=20.0, decay_input=False, surrogate_function=surrogate.ATan())
        self.layer = layer.LinearRecurrentContainer(cell, in_features=units, out_features=units)
        self.readout = neuron.LIFNode(tau=20.0, decay_input=False, v_threshold=1e9)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        from spikingjelly.activation_based import functional

        functional.reset_net(self)
        all_spikes, total = [], torch.zeros(())
        for now in self.into(x).unbind(1):
            spikes = self.layer(now)
            self.readout(self.out(spikes))
            all_spikes.append(spikes)
            total = total + self.readout.v
        return torch.stack(all_spikes), total / x.shape[1]


Reservoir = tuple[np.ndarray, int]
"""Weights after learning [from, to], and the number of spikes."""


def bindsnet_reservoir(weight: np.ndarray, into: np.ndarray, x: np.ndarray, *, decay: float, rate: float) -> Reservoir:
    """A recurrent layer with PostPre, one sample after the other; weights [from, to], x [sample, time, input]."""
    from bindsnet.learning import PostPre
    from bindsnet.network import Network
    from bindsnet.network.monitors import Monitor
    from bindsnet.network.nodes import Input, LIFNodes
    from bindsnet.network.topology import Connection

    scale = 1 - decay  # an input of BindsNET adds to the voltage, one of ours is what it moves towards
    network = Network(dt=1.0)
    hidden = LIFNodes(n=len(weight), traces=True, rest=0.0, reset=0.0, thresh=1.0, refrac=0, tc_decay=-1 / np.log(decay), tc_trace=20.0)
    network.add_layer(Input(n=len(into)), name="in")
    network.add_layer(hidden, name="hidden")
    outside = Connection(network.layers["in"], hidden, w=torch.tensor(into * scale, dtype=torch.float32))
    recurrent = Connection(
        hidden,
        hidden,
        w=torch.tensor(weight * scale, dtype=torch.float32),
        update_rule=PostPre,
        nu=(rate * scale, rate * scale),
        wmin=0.0,
        wmax=scale,
    )
    network.add_connection(outside, "in", "hidden")
    network.add_connection(recurrent, "hidden", "hidden")
    monitor = Monitor(hidden, ["s"], time=x.shape[1])
    network.add_monitor(monitor, name="spikes")
    spikes = 0
    for sample in torch.tensor(x, dtype=torch.uint8):
        network.run(inputs={"in": sample[:, None]}, time=len(sample))
        spikes += int(monitor.get("s").sum())
        network.reset_state_variables()
    return recurrent.w.detach().numpy() / scale, spikes


BRIAN_STANDARD = {
    "neuron": "dv/dt = -v / tau : 1",
    "reset": "v -= 1",
    "synapse": """w : 1
        dApre/dt = -Apre / tau_plus : 1 (event-driven)
        dApost/dt = -Apost / tau_minus : 1 (event-driven)""",
    "pre": "v_post += w * scale; Apre += 1; w = clip(w - a_minus * Apost, 0, 1)",
    "post": "Apost += 1; w = clip(w + a_plus * Apre, 0, 1)",
}
"""Two traces in each synapse, as in Brian2's own example of STDP."""

BRIAN_BEST = {
    "neuron": """dv/dt = -v / tau : 1
        dApre/dt = -Apre / tau_plus : 1
        dApost/dt = -Apost / tau_minus : 1""",
    "reset": "v -= 1; Apre += 1; Apost += 1",
    "synapse": "w : 1",
    "pre": "w = clip(w - a_minus * Apost_post, 0, 1); v_post += w * scale",
    "post": "w = clip(w + a_plus * Apre_pre, 0, 1)",
}
"""Traces on the neurons, of which there are fewer; with our order within a step, so that spikes and weights are the same."""

BRIAN_SYNAPSES = BRIAN_STANDARD | {
    "synapse": """w : 1
        a_plus : 1 (constant)
        a_minus : 1 (constant)
        tau_plus : second (constant)
        tau_minus : second (constant)
        dApre/dt = -Apre / tau_plus : 1 (event-driven)
        dApost/dt = -Apost / tau_minus : 1 (event-driven)"""
}
"""The standard script with four constants in each synapse."""


class Brian:
    """A reservoir as a C++ program, built once; a run is the program alone. Constants are numbers, or arrays [from, to] of each synapse."""

    def __init__(self, script: dict[str, str], weight: np.ndarray, into: np.ndarray, x: np.ndarray, constants: dict[str, Any]) -> None:
        import brian2 as b

        b.device.reinit()
        self.folder = tempfile.mkdtemp(prefix="brian2-")
        b.set_device("cpp_standalone", build_on_run=False, directory=self.folder)
        b.prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O3", "-ffast-math", "-march=native", "-std=c++11"]
        b.defaultclock.dt = 1 * b.ms
        steps, units = x.shape[0], len(weight)
        numbers = {"tau": -1 / np.log(constants["decay"]) * b.ms, "scale": (1 - constants["decay"]) / constants["decay"]}
        for name in ("a_plus", "a_minus"):
            numbers[name] = constants[name]
        for name in ("tau_plus", "tau_minus"):
            numbers[name] = constants[name] * b.ms
        each = script is BRIAN_SYNAPSES
        namespace = {"tau": numbers["tau"], "scale": numbers["scale"]} if each else numbers
        group = b.NeuronGroup(units, script["neuron"], threshold="v > 1", reset=script["reset"], method="exact", namespace=namespace)
        t, j = np.nonzero(x)
        source = b.SpikeGeneratorGroup(len(into), j, t * b.ms)
        outside = b.Synapses(source, group, "w : 1", on_pre="v_post += w * scale", namespace=namespace)
        outside.connect(True)
        outside.w = into.ravel()
        inside = b.Synapses(group, group, script["synapse"], on_pre=script["pre"], on_post=script["post"], namespace=namespace)
        inside.post.order = -1 if script is BRIAN_BEST else 1
        there = ~np.eye(units, dtype=bool)
        inside.connect(i=np.nonzero(there)[0], j=np.nonzero(there)[1])
        inside.w = weight[there]
        if each:
            for name in ("a_plus", "a_minus", "tau_plus", "tau_minus"):
                setattr(inside, name, numbers[name][there])
        spikes = b.SpikeMonitor(group, record=False)
        self.network = b.Network(group, source, outside, inside, spikes)
        self.network.run(steps * b.ms)
        b.device.build(directory=self.folder, compile=True, run=False, debug=False)
        self.device, self.synapses, self.spikes, self.there = b.device, inside, spikes, there

    def run(self) -> Reservoir:
        self.device.run(self.folder, with_output=False, run_args=[])
        weight = np.zeros(self.there.shape)
        weight[self.there] = np.asarray(self.synapses.w)
        return weight, int(self.spikes.num_spikes)
