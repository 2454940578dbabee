"""Unsupervised training: a network whose recurrent weights, input weights or both learn by STDP, sample after sample."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from rsnn.batches import Learner, learn_batch
from rsnn.checkpoints import Save, check_resumed, fingerprint, flattened, put_back
from rsnn.events import FEW, in_order, part_of
from rsnn.grains import MANY, sum_of_moves
from rsnn.heterogeneity import spawn
from rsnn.homeostasis import Homeostasis, SynapticScaling, threshold_constants
from rsnn.layer import arrays
from rsnn.network import RSNN
from rsnn.plasticity import LearningRule
from rsnn.reservoir import Adaptation, Plastic, Scaling, learn
from rsnn.rows import Synapses, settle
from rsnn.storage import MANY_WINDOWS, fixed_synapses, matrix_of, plastic_synapses, rows_of, values_of

CHUNK = 2**21  # numbers of input or its drive at once: 16 MiB, and a call of `progress` now and then
RUNAWAY = 0.95  # share of all steps
FORM = ("ahead", "recent", "grains", MANY, "float32", MANY_WINDOWS)  # of what a checkpoint holds: one of another form is one of another run
RECORD = 9  # numbers kept of an epoch


@dataclass(frozen=True)
class STDPHistory:
    """What happened, one entry per epoch.

    `rate`: mean firing rate in Hz; `highest_rate`: that of the busiest neuron; `silent`: share of neurons without a spike; `moved`: mean
    distance of a weight from where it was before training; `weights`: minimum, quartiles and maximum of the plastic weights at the end.
    """

    rate: tuple[float, ...]
    highest_rate: tuple[float, ...]
    silent: tuple[float, ...]
    moved: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]


@torch.no_grad()
def fit_stdp(
    net: RSNN,
    spikes: Shaped[Tensor, "*sample_time_input"],
    rule: LearningRule | None,
    *,
    epochs: int = 1,
    batch: int = 1,
    input_rule: LearningRule | None = None,
    homeostasis: Homeostasis = Homeostasis(),  # noqa: B008  frozen
    generator: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
    checkpoint: Save | None = None,
    checkpoint_every: int = 1000,
    resume: Mapping[str, Tensor] | None = None,
) -> STDPHistory:
    """Change the recurrent weights of `net` (and its `theta`) in place by presenting the samples, in a new order each epoch.

    The network starts each sample from rest; read-out weights stay as they are, and input weights unless there is an `input_rule`, by
    which spikes of the input pair with those of the layer; with `rule=None` only these learn. Of a network that keeps Dale's law the
    recurrent synapses of inhibitory neurons stay as they are. `generator` draws the windows of the synapses, the thresholds' constants and
    the order. With a `batch` above 1, each of so many samples finds the network as it stood before them, and they leave the mean of what
    each alone would have made of weights and thresholds (`rsnn.batches`): within a sample the rule is exact, bounds and normalised sums
    hold, and the order within a batch does not matter; but a batch moves the weights about as far as one sample does, so that amplitudes
    want to be larger. Its samples run on as many threads as torch has, with the same result for any number. `progress(done, total)` is
    called with numbers of samples, `checkpoint` with all that a run needs to go on, at least every `checkpoint_every` samples (as `CHUNK`
    and batches allow); the same call with `resume` goes on there, and ends as the whole run does, bit for bit. Runs in float64 on the CPU,
    without batches on one core; the weights are rounded to their dtype at the end. In a network of float32, half a million windows and
    more that differ, or by which changes depend on weights, and the traces of their synapses, are float32, and two million weights or more
    that share a window which does not depend on them are also rounded to a 2^31st of the largest there may be whenever they move, unless
    there are batches or that is not small against what a pair moves (`rsnn.grains`); `net.double()` keeps all in float64. Raises ValueError
    for weights outside the bounds of the rule, and as soon as everything fires all the time or nothing fired in an epoch.
    """
    x = net.check(spikes)
    if epochs < 1:
        raise ValueError(f"fit_stdp(epochs={epochs}): at least one epoch is needed; leave the call out for an untrained network.")
    if batch < 1:
        raise ValueError(f"fit_stdp(batch={batch}): at least one sample makes a batch; 1 learns from each before the next is seen.")
    if rule is None and input_rule is None:
        raise ValueError("fit_stdp(rule=None): nothing would learn; give a rule such as PairSTDP(), or an input_rule.")
    generator = torch.Generator() if generator is None else generator
    keeps = checkpoint is not None or resume is not None
    mark = fingerprint(net, generator, tuple(x.shape), rule, input_rule, homeostasis, batch, FORM) if keeps else torch.zeros(0)
    windows, orders, input_windows, thresholds = spawn(generator), spawn(generator), spawn(generator), spawn(generator)
    groups, learns, fixed = synapses_of(net, rule, input_rule, homeostasis, windows, input_windows, grains=batch == 1)
    if input_rule is not None:
        check_spikes(x)
    recurrent, afferent = groups
    by_spikes = input_rule is not None or int(torch.count_nonzero(x)) / x.numel() < FEW
    # of these the history tells
    told = (recurrent if rule is not None else afferent).synapses
    before = told.weight.copy()
    theta = net.theta.double().numpy(force=True).copy()
    neurons = arrays(net.neurons()._replace(threshold=net.threshold.double()))
    adaptation = adaptation_of(net, homeostasis, thresholds)
    state = np.zeros((5, net.units))
    samples, steps = x.shape[:2]
    scaling = scaling_of(net, homeostasis.scaling, steps * net.dt)
    chunk = max(1, min(samples, CHUNK // (steps * max(net.units, net.inputs))))
    if checkpoint is not None:
        chunk = max(1, min(chunk, checkpoint_every))
    chunk = -(-chunk // batch) * batch
    learners = []
    if batch > 1:
        shared = Learner(groups, theta, scaling, state)
        learners = [Learner.like(groups, theta, scaling) for _ in range(min(batch, samples, torch.get_num_threads()))]
    counts, place = np.zeros(net.units, dtype=np.int64), np.zeros(3, dtype=np.int64)  # epoch, samples of it, samples since a checkpoint
    carried = (theta, scaling.average, *((p.synapses.weight, p.past) for p in groups), counts, place)
    records: list[tuple[float, ...]] = []
    if resume is not None:
        check_resumed(resume, mark, "stdp")
        put_back("stdp", carried, resume)
        records = [tuple(r) for r in resume["stdp.records"].tolist()]
    for epoch in range(epochs):
        order = torch.randperm(samples, generator=orders)
        if epoch < place[0]:
            continue
        for start in range(int(place[1]), samples, chunk):
            part = order[start : start + chunk]
            fired = np.zeros((len(part), net.units), dtype=np.int32)
            arrivals = in_order(x, part.numpy() if by_spikes else np.zeros(0, dtype=np.int64))
            drive = np.zeros((0, steps, net.units)) if by_spikes else driven(net, x[part.to(x.device)])
            if batch == 1:
                learn(arrivals, drive, steps, state, theta, fired, neurons, adaptation, scaling, groups, learns, fixed, True)
            else:
                for n in range(0, len(part), batch):
                    few, given = slice(n, n + batch), part_of(arrivals, n * steps, (n + batch) * steps)
                    learn_batch(given, drive[few], steps, fired[few], shared, learners, neurons, adaptation, learns, fixed)
            counts += fired.sum(0)
            place[:] = epoch, start + len(part), place[2] + len(part)
            check_not_exploding(float(fired.mean()) / steps, net.dt, epoch)
            if progress is not None:
                progress(epoch * samples + start + len(part), epochs * samples)
            if checkpoint is not None and place[2] >= checkpoint_every:
                place[2] = 0
                kept = torch.tensor(records, dtype=torch.float64).reshape(-1, RECORD)
                checkpoint({**flattened("stdp", carried), "stdp.records": kept, "stdp.run": mark})
        check_alive(counts / (samples * steps), net.dt, epoch)
        rates = counts / (samples * steps * net.dt / 1000)
        for p, moves in zip(groups, learns, strict=True):
            if moves:
                settled(p)
        weights = values_of(told)
        moved = sum_of_moves(told.weight, before) / weights.size * told.grain
        five = (v * told.grain for v in quartiles(weights))
        records.append((float(rates.mean()), float(rates.max()), float((counts == 0).mean()), moved, *five))
        counts[:] = 0
        place[:] = epoch + 1, 0, place[2]
    if rule is not None:
        plastic = plastic_mask(net)
        learnt = torch.from_numpy(matrix_of(recurrent.synapses, plastic, net.recurrent_weight)).to(net.recurrent_weight)
        net.recurrent_weight.copy_(torch.where(plastic, learnt, net.recurrent_weight * net.recurrent_mask))
    if input_rule is not None:
        net.input_weight.copy_(torch.from_numpy(matrix_of(afferent.synapses, net.input_mask, net.input_weight)))
    net.theta.copy_(torch.from_numpy(theta))
    return STDPHistory(*zip(*((*r[:4], tuple(r[4:])) for r in records), strict=True))


def quartiles(values: Shaped[np.ndarray, "..."]) -> list[float]:
    """Minimum, quartiles and maximum, interpolated between neighbours; all are sorted, in vectors, which is faster than to part them."""
    ordered = np.sort(values, axis=None)
    place = np.linspace(0, len(ordered) - 1, 5)
    # whole numbers may be as far apart as their type goes
    below, above = (ordered[whole(place).astype(int)].astype(np.float64) for whole in (np.floor, np.ceil))
    return (below + (above - below) * (place % 1)).tolist()


def synapses_of(
    net: RSNN,
    rule: LearningRule | None,
    input_rule: LearningRule | None,
    homeostasis: Homeostasis,
    windows: torch.Generator,
    input_windows: torch.Generator,
    *,
    grains: bool,
) -> tuple[tuple[Plastic, Plastic], Bool[np.ndarray, "2"], Synapses]:
    """The synapses of a network as the kernel wants them: recurrent ones and those of the input, whether they learn, and recurrent ones
    that do not."""
    normalisation, plastic = homeostasis.normalisation, plastic_mask(net)
    if rule is None:
        recurrent = fixed_synapses(net.recurrent_weight, plastic)
        fixed = rows_of(net.recurrent_weight, net.recurrent_mask)
    else:
        check_weights("recurrent", net.recurrent_weight, plastic, rule)
        recurrent = plastic_synapses(net.recurrent_weight, plastic, rule, normalisation, dt=net.dt, generator=windows, grains=grains)
        others = net.recurrent_mask & ~plastic
        fixed = rows_of(net.recurrent_weight, others) if others.any() else nothing(net.units)
    if input_rule is None:
        afferent = fixed_synapses(net.input_weight, net.input_mask)
    else:
        check_weights("input", net.input_weight, net.input_mask, input_rule)
        afferent = plastic_synapses(
            net.input_weight, net.input_mask, input_rule, normalisation, dt=net.dt, generator=input_windows, grains=grains
        )
    return (recurrent, afferent), np.array([rule is not None, input_rule is not None]), fixed


def nothing(units: int) -> Synapses:
    """No synapses of so many neurons."""
    return Synapses(np.zeros(0), np.zeros(units + 1, dtype=np.int64), np.zeros(0, dtype=np.int32), False)


def plastic_mask(net: RSNN) -> Bool[Tensor, "unit unit"]:
    """Where the network has recurrent synapses that can learn by STDP: those of neurons that are not inhibitory."""
    return net.recurrent_mask & (net.sign >= 0)


def settled(plastic: Plastic) -> None:
    """Bring all weights of a group of synapses up to date, in place."""
    settle(plastic.synapses, plastic.rule, plastic.past, plastic.scratch)


def driven(net: RSNN, x: Shaped[Tensor, "sample time input"]) -> Float[np.ndarray, "sample time unit"]:
    """What the input adds to the current of each neuron."""
    return np.ascontiguousarray(torch.cat(list(net.drive(x))).transpose(0, 1).numpy(force=True))


def check_spikes(x: Shaped[Tensor, "sample time input"]) -> None:
    """Raise a sentence unless every input is 0 or 1: plastic input synapses pair spikes."""
    if not ((x == 0) | (x == 1)).all():
        raise ValueError(
            f"with an input_rule the input must be spikes, 0 or 1, but it goes from {float(x.min()):g} to {float(x.max()):g}; "
            "rsnn.encode.poisson or latency makes spikes, or leave input_rule out."
        )


def check_weights(name: str, weight: Float[Tensor, "post pre"], mask: Bool[Tensor, "post pre"], rule: LearningRule) -> None:
    """Raise a sentence if a rule cannot hold the weights of synapses; its bounds may be rounded to the dtype of the network."""
    low = float(torch.where(mask, weight, math.inf).min())
    high = float(torch.where(mask, weight, -math.inf).max())
    bounds = torch.tensor([rule.w_min, rule.w_max], dtype=torch.float64)
    lowest, highest = bounds.to(weight.dtype).tolist()
    if mask.any() and not (low >= min(lowest, rule.w_min) and high <= max(highest, rule.w_max)):
        raise ValueError(
            f"the {name} weights go from {low:.9g} to {high:.9g}, outside the bounds [{rule.w_min:g}, {rule.w_max:g}] of the rule; "
            f"lower {name}_scale, widen the bounds, or train by STDP before surrogate gradients."
        )


def adaptation_of(net: RSNN, homeostasis: Homeostasis, generator: torch.Generator) -> Adaptation:
    """The adaptive thresholds as the kernel wants them."""
    base = net.threshold.double().cpu()
    k = threshold_constants(homeostasis.threshold, dt=net.dt, units=net.units, generator=generator)
    return Adaptation(*(v.contiguous().numpy() for v in (k.decay, k.rise, k.fall, k.lowest * base)))


def scaling_of(net: RSNN, rule: SynapticScaling | None, duration: float) -> Scaling:
    """Synaptic scaling after samples of `duration` ms as the kernel wants it."""
    if rule is None:
        return Scaling(np.zeros(0), 1.0, 0.0, 0.0)
    target = rule.target * duration / 1000
    return Scaling(np.full(net.units, target), target, -math.expm1(-duration / rule.tau), float(rule.strength))


def check_alive(activity: Float[np.ndarray, "unit"], dt: float, epoch: int) -> None:
    """Raise a sentence if nothing fired, or everything in nearly every step: `activity` is the share of steps with a spike."""
    if not activity.any():
        raise ValueError(
            f"no neuron fired in epoch {epoch + 1}, so there is nothing to learn from; raise input_scale or the rate of the input, "
            "or lower the threshold."
        )
    check_not_exploding(float(activity.mean()), dt, epoch)


def check_not_exploding(activity: float, dt: float, epoch: int) -> None:
    """Raise a sentence if neurons fired in nearly every step."""
    if activity > RUNAWAY:
        raise ValueError(
            f"in epoch {epoch + 1} the neurons fired in {activity:.0%} of all steps of {dt:g} ms: activity ran away; lower "
            "recurrent_scale or w_max, keep the normalisation on, or raise the increment of the adaptive threshold."
        )
