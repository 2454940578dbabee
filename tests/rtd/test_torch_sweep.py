"""The sweep in torch operations finds what the compiled one finds, edge by edge and component by component."""

import numpy as np
import pytest
import torch

from rtd import edges, engine, sweep, torch_sweep
from rtd.inputs import device_of


def matrices():
    rng = np.random.default_rng(0)
    for n in (2, 3, 5, 20, 61):
        cloud = rng.normal(size=(n, 3))
        yield np.sqrt(((cloud[:, None] - cloud[None]) ** 2).sum(-1))
        yield symmetric(rng.integers(0, 4, size=(n, n)).astype(float))
        yield symmetric(rng.random((n, n)))
        angle = 2 * np.pi * np.arange(n) / n
        ring = np.c_[np.cos(angle), np.sin(angle)].round(6)
        yield np.sqrt(((ring[:, None] - ring[None]) ** 2).sum(-1))
    yield np.zeros((6, 6))


def symmetric(a: np.ndarray) -> np.ndarray:
    upper = np.triu(a, 1)
    return upper + upper.T


def found(chunks):
    many: dict[int, list[int]] = {}
    ends = []
    for chunk in chunks:
        assert chunk.offsets[-1] == len(chunk.points)
        for k, edge in enumerate(chunk.many):
            many[int(edge)] = chunk.points[chunk.offsets[k] : chunk.offsets[k + 1]].tolist()
        assert np.all(np.diff(chunk.lengths) >= 0)
        ends.append((chunk.until, chunk.until_id))
    return many, ends


def component(m: np.ndarray, edge: int, point: int) -> frozenset[int]:
    """The component of the lune of `edge` that holds `point`, by definition."""
    i, j = edge >> 16, edge & 65535

    def place(a: int, b: int) -> tuple[float, int]:
        return m[a, b], min(a, b) << 16 | max(a, b)

    here = place(i, j)
    lune = {k for k in range(len(m)) if k not in (i, j) and place(i, k) < here and place(j, k) < here}
    assert point in lune
    reached, fresh = {point}, [point]
    while fresh:
        k = fresh.pop()
        new = {h for h in lune - reached if place(h, k) < here}
        reached |= new
        fresh.extend(new)
    return frozenset(reached)


@pytest.mark.parametrize("numbers", [1, 500, torch_sweep.NUMBERS])
@pytest.mark.parametrize("m", list(matrices()), ids=lambda m: f"n={len(m)}")
def test_it_finds_the_lunes_of_several_components_that_the_compiled_sweep_finds(m, numbers):
    radius = float(m.max())
    ours, ends = found(torch_sweep.chunks(torch.from_numpy(m), radius, numbers=numbers))
    theirs, last = found(sweep.chunks(edges.runs(m, radius), np.arange(len(m), dtype=np.int32), 1, map))
    assert list(ours) == list(theirs)
    for edge, points in ours.items():
        own = {component(m, edge, k) for k in points}
        assert len(own) == len(points) == len(theirs[edge])
        assert own == {component(m, edge, k) for k in theirs[edge]}
    assert ends[-1:] == last[-1:]


def test_edges_beyond_the_radius_are_left_out():
    m = symmetric(np.arange(36.0).reshape(6, 6))
    chunk = list(torch_sweep.chunks(torch.from_numpy(m), 9.0))[-1]
    assert chunk.until == np.float64(9.0).view(np.int64)
    assert chunk.done == 1.0


@pytest.mark.parametrize("kind", ["gaussian", "integers"])
def test_barcodes_by_way_of_a_device_are_the_compiled_ones(kind):
    # the operations are the same on every device; the CPU is the one that is always there
    rng = np.random.default_rng(1)
    for n in (0, 1, 2, 3, 40, 90):
        if kind == "gaussian":
            w, v = (np.sqrt(((c[:, None] - c[None]) ** 2).sum(-1)) for c in rng.normal(size=(2, n, 3)))
        else:
            w, v = (symmetric(rng.integers(0, 5, size=(n, n)).astype(float)) for _ in range(2))
        w, v = (np.triu(d, 1) + np.triu(d, 1).T for d in (w, v))
        there = engine.cross_barcodes(w, v, device=torch.device("cpu"))
        here = engine.cross_barcodes(w, v)
        for one, other in zip(there, here, strict=True):
            np.testing.assert_array_equal(one.bars, other.bars)


def test_a_tensor_on_the_cpu_or_an_array_has_no_device_of_its_own_and_another_has():
    assert device_of(torch.zeros(2), np.zeros(2), [0.0]) is None
    assert device_of(torch.zeros(2), torch.zeros(2, device="meta")) == torch.device("meta")
