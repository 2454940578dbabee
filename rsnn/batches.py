"""Mini-batches of plasticity: each sample finds the network as it stood before the batch, and the batch leaves the mean of the outcomes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int32

from rsnn.events import Events, part_of
from rsnn.kernels import Neurons
from rsnn.reservoir import Adaptation, Plastic, Scaling, learn
from rsnn.rows import Past, Synapses, settle

Groups = tuple[Plastic, Plastic]


@dataclass(frozen=True)
class Learner:
    """All that changes while a sample is learned, in arrays of its own: as many as there are threads."""

    groups: Groups
    theta: Float[np.ndarray, "unit"]
    scaling: Scaling
    state: Float[np.ndarray, "variable unit"]

    @classmethod
    def like(cls, groups: Groups, theta: Float[np.ndarray, "unit"], scaling: Scaling) -> "Learner":
        """A learner for these synapses, which shares what does not change."""
        first, second = (
            p._replace(
                synapses=p.synapses._replace(weight=p.synapses.weight.copy()),
                past=Past(*(a.copy() for a in p.past)),
                scratch=type(p.scratch)(*(a.copy() for a in p.scratch)),
            )
            for p in groups
        )
        return cls((first, second), theta.copy(), scaling._replace(average=scaling.average.copy()), np.zeros((5, len(theta))))

    def changing(self, learns: Bool[np.ndarray, "2"]) -> list[np.ndarray]:
        """What a batch takes the mean of: weights that learn, thresholds, and the mean rates of synaptic scaling."""
        return [*(p.synapses.weight for p, moves in zip(self.groups, learns, strict=True) if moves), self.theta, self.scaling.average]


def learn_batch(
    x: Events,
    drive: Float[np.ndarray, "driven time unit"],
    steps: int,
    counts: Int32[np.ndarray, "sample unit"],
    shared: Learner,
    learners: list[Learner],
    neurons: Neurons,
    adaptation: Adaptation,
    learns: Bool[np.ndarray, "2"],
    fixed: Synapses,
) -> None:
    """One batch: spikes added to `counts`, the mean of what each sample made of `shared` back into it, the same for any number of learners.

    Input is `x` or `drive` and `steps` as in `reservoir.learn`; `shared` has no unheard past.
    """
    before = shared.changing(learns)
    total = [np.zeros_like(a) for a in before]

    def present(learner: Learner, n: int) -> list[np.ndarray]:
        for own, start in zip(learner.changing(learns), before, strict=True):
            own[:] = start
        one = slice(n, n + 1)
        given, carried = (part_of(x, n * steps, (n + 1) * steps), drive[one], steps), (learner.state, learner.theta)
        learn(*given, *carried, counts[one], neurons, adaptation, learner.scaling, learner.groups, learns, fixed, True)
        for p, moves in zip(learner.groups, learns, strict=True):
            if moves:
                settle(p.synapses, p.rule, p.past, p.scratch)
        return learner.changing(learns)

    for found in _in_order(present, learners, len(counts)):
        for whole, part in zip(total, found, strict=True):
            whole += part
    for own, whole in zip(before, total, strict=True):
        np.divide(whole, len(counts), out=own)


def _in_order(present: Callable[[Learner, int], list[np.ndarray]], learners: list[Learner], count: int) -> Iterator[list[np.ndarray]]:
    # sums in the order of the samples, whoever was first: the same bits for any number of threads
    if len(learners) == 1:
        yield from (present(learners[0], n) for n in range(count))
        return
    with ThreadPoolExecutor(len(learners)) as pool:
        for start in range(0, count, len(learners)):
            yield from pool.map(present, learners, range(start, min(start + len(learners), count)))
