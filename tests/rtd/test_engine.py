import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtd import edges
from rtd.barcode import Barcode
from rtd.engine import cone_barcode, cross_barcodes, is_compiled, warm_up
from rtd.reference import cone_bars

SHAPES = ("gaussian", "clusters", "rings", "grid", "duplicates", "integers", "zeros", "non-metric", "ultrametric")
RELATIONS = ("independent", "equal", "scaled", "partly equal", "above", "permuted", "noisy")


def euclid(x: np.ndarray) -> np.ndarray:
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))


def symmetric(upper: np.ndarray) -> np.ndarray:
    upper = np.triu(upper, 1).astype(float)
    return upper + upper.T


def make_shape(shape: str, n: int, rng: np.random.Generator) -> np.ndarray:
    if shape == "gaussian":
        return euclid(rng.normal(size=(n, int(rng.integers(1, 10)))))
    if shape == "clusters":
        return euclid(rng.normal(size=(n, 2)) + 6 * rng.integers(0, 4, (n, 1)))
    if shape == "rings":
        angle = 2 * np.pi * np.arange(n) / max(n // 2, 1)
        return euclid(np.column_stack((np.cos(angle), np.sin(angle))) * (1 + rng.integers(0, 2, n)[:, None]))
    if shape == "grid":
        return euclid(rng.integers(0, 5, (n, 2)).astype(float))
    if shape == "duplicates":
        return euclid(rng.normal(size=(n, 3))[rng.integers(0, max(n // 2, 1), n)])
    if shape == "integers":
        return symmetric(rng.integers(1, 6, (n, n)))
    if shape == "zeros":
        return symmetric(rng.integers(0, 3, (n, n)))
    if shape == "ultrametric":
        digits = rng.integers(0, 3, (n, 3))
        return (4 - np.cumprod(digits[:, None] == digits[None], axis=-1).sum(-1)) * ~np.eye(n, dtype=bool) * 1.0
    return symmetric(rng.random((n, n)) ** rng.integers(1, 9))


def make_case(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two matrices on n points: of every shape in turn, with every relation in turn."""
    rng = np.random.default_rng(seed)
    shape, relation = SHAPES[seed % len(SHAPES)], RELATIONS[seed // len(SHAPES) % len(RELATIONS)]
    w = make_shape(shape, n, rng)
    other = make_shape(SHAPES[int(rng.integers(len(SHAPES)))], n, rng)
    mask = symmetric(rng.random((n, n)) < 0.5) > 0
    order = rng.permutation(n)
    return w, {
        "independent": other,
        "equal": w.copy(),
        "scaled": 1.5 * w,
        "partly equal": np.where(mask, w, other),
        "above": w + other * mask,
        "permuted": w[np.ix_(order, order)],
        "noisy": w * (1 + symmetric(rng.random((n, n)) * 0.2)),
    }[relation]


def bars_of(barcode: Barcode) -> list[tuple[float, float]]:
    return sorted(map(tuple, barcode.bars.tolist()))


def bars_by_ripser(small: np.ndarray, big: np.ndarray) -> list[tuple[float, float]]:
    return sorted(map(tuple, cone_bars(small, big).tolist())) if len(small) else []


def bars_by_hand(small: np.ndarray, big: np.ndarray) -> list[tuple[float, float]]:
    """All loops, caps and triangles on n points, and the textbook reduction; none of the engine's reductions."""
    pairs = list(combinations(range(len(small)), 2))
    row = {e: k for k, e in enumerate(sorted(pairs, key=lambda e: (small[e], e)))}
    birth = {row[e]: small[e] for e in pairs}
    cells = [(big[e], {row[e]}) for e in pairs]
    for i, j, k in combinations(range(len(small)), 3):
        sides = [(i, j), (i, k), (j, k)]
        cells.append((max(small[e] for e in sides), {row[e] for e in sides}))
    stored: dict[int, set[int]] = {}
    bars = []
    for time, column in sorted(cells, key=lambda cell: (cell[0], max(cell[1]))):
        while column and max(column) in stored:
            column = column ^ stored[max(column)]
        if column:
            stored[max(column)] = column
            if time > birth[max(column)]:
                bars.append((float(birth[max(column)]), float(time)))
    return sorted(bars)


def check_edges(barcode: Barcode, w: np.ndarray, v: np.ndarray) -> None:
    m = np.minimum(w, v)
    births, deaths = tuple(barcode.births.T), tuple(barcode.deaths.T)
    assert (barcode.births[:, 0] < barcode.births[:, 1]).all()
    assert (barcode.deaths[:, 0] < barcode.deaths[:, 1]).all()
    assert (v[births] < w[births]).all()
    assert np.array_equal(m[births], barcode.bars[:, 0])
    assert ((m[deaths] == barcode.bars[:, 1]) | (w[deaths] == barcode.bars[:, 1])).all()
    assert len({tuple(e) for e in barcode.births.tolist()}) == len(barcode)


def check_case(w: np.ndarray, v: np.ndarray) -> None:
    m = np.minimum(w, v)
    forward, backward = cross_barcodes(w, v)
    assert bars_of(forward) == bars_by_ripser(m, w)
    assert bars_of(backward) == bars_by_ripser(m, v)
    check_edges(forward, w, v)
    check_edges(backward, v, w)


@pytest.mark.parametrize("n", range(2, 8))
def test_tiny_matrices_give_the_bars_of_the_textbook_reduction_on_n_points(n):
    for seed in range(len(SHAPES) * len(RELATIONS)):
        w, v = make_case(n, seed)
        m = np.minimum(w, v)
        forward, backward = cross_barcodes(w, v)
        assert bars_of(forward) == bars_by_hand(m, w)
        assert bars_of(backward) == bars_by_hand(m, v)


def test_no_points_and_one_point_have_no_bars():
    for n in (0, 1):
        assert cross_barcodes(np.zeros((n, n)), np.zeros((n, n))) == (Barcode.empty(), Barcode.empty())


def test_bars_are_those_of_ripser_on_the_doubled_matrix_for_every_shape_and_relation():
    for seed in range(2 * len(SHAPES) * len(RELATIONS)):
        check_case(*make_case(8 + seed % 23, seed))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_bars_are_those_of_ripser_in_two_thousand_cases(part):
    for seed in range(1000 + 250 * part, 1250 + 250 * part):
        check_case(*make_case(int(np.random.default_rng(seed).integers(2, 46)), seed))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "shape"), [(64, "zeros"), (65, "clusters"), (127, "grid"), (128, "gaussian"), (200, "rings"), (100, "non-metric")]
)
def test_bars_are_those_of_ripser_for_up_to_two_hundred_points(n, shape):
    for relation in (0, 3):
        check_case(*make_case(n, SHAPES.index(shape) + len(SHAPES) * relation))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), n=st.integers(2, 9), levels=st.integers(1, 12))
def test_any_two_matrices_give_the_bars_of_the_textbook_reduction(data, n, levels):
    values = st.lists(st.integers(0, levels), min_size=n * n, max_size=n * n)
    w, v = (symmetric(np.array(data.draw(values)).reshape(n, n)) for _ in range(2))
    forward, backward = cross_barcodes(w, v)
    m = np.minimum(w, v)
    assert bars_of(forward) == bars_by_hand(m, w)
    assert bars_of(backward) == bars_by_hand(m, v)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(2, 40), seed=st.integers(0, 10**6), exponent=st.integers(-1000, 900))
def test_scaling_by_a_power_of_two_scales_every_bar(n, seed, exponent):
    w, v = make_case(n, seed)
    scale = 2.0**exponent
    for a, b in zip(cross_barcodes(w, v), cross_barcodes(w * scale, v * scale), strict=True):
        assert np.array_equal(a.bars * scale, b.bars)
        assert np.array_equal(a.births, b.births)
        assert np.array_equal(a.deaths, b.deaths)


def test_values_that_single_precision_cannot_tell_apart_are_told_apart():
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        w, v = (1 + 1e-12 * make_shape(shape, 30, rng) for _ in range(2))
        for d in (w, v):
            np.fill_diagonal(d, 0.0)
        check_case(w, v)


def test_lengths_over_many_orders_of_magnitude_are_sorted():
    rng = np.random.default_rng(1)
    for power in (40, 300):
        w, v = (symmetric(10.0 ** (power * (2 * rng.random((60, 60)) - 1))) for _ in range(2))
        check_case(w, v)


def test_both_directions_at_once_are_the_two_cones():
    for seed in range(60):
        w, v = make_case(25, seed)
        m = np.minimum(w, v)
        assert cross_barcodes(w, v) == (cone_barcode(m, w), cone_barcode(m, v))
        assert cross_barcodes(w, v) == cross_barcodes(v, w)[::-1]


@pytest.mark.parametrize("n", [3, 30, 150, 300])
def test_any_number_of_threads_gives_the_same_barcode(n):
    for seed in range(len(SHAPES)):
        w, v = make_case(n, seed)
        one = cross_barcodes(w, v)
        assert cross_barcodes(w, v, threads=2) == one
        assert cross_barcodes(w, v, threads=3) == one


def test_groups_of_edges_do_not_change_the_barcode(monkeypatch):
    cases = [make_case(60, seed) for seed in range(len(SHAPES))]
    whole = [cross_barcodes(w, v) for w, v in cases]
    monkeypatch.setattr(edges, "LEAST_GROUP", 100)
    monkeypatch.setattr(edges, "MOST_GROUP", 200)
    monkeypatch.setattr(edges, "FEWEST", 7)
    assert [cross_barcodes(w, v) for w, v in cases] == whole
    assert [cross_barcodes(w, v, threads=2) for w, v in cases] == whole


def test_single_precision_is_exact_too():
    for seed in range(30):
        w, v = (d.astype(np.float32) for d in make_case(30, seed))
        assert cross_barcodes(w, v) == cross_barcodes(w.astype(np.float64), v.astype(np.float64))


def test_integers_any_memory_order_and_negative_zero_are_the_same_numbers():
    w, v = make_case(20, 5)
    expected = cross_barcodes(w, v)
    assert cross_barcodes(w.astype(np.int64), v.astype(np.int8)) == expected
    assert cross_barcodes(np.asfortranarray(w), v) == expected
    assert cross_barcodes(np.where(w == 0, -0.0, w), v) == expected


def test_the_input_is_not_changed():
    w, v = make_case(20, 0)
    w.flags.writeable = v.flags.writeable = False
    cross_barcodes(w, v)


def test_the_number_of_bars_is_the_number_of_shorter_edges_with_an_empty_lune():
    rng = np.random.default_rng(3)
    for n in (5, 20, 50):
        w, v = euclid(rng.normal(size=(n, 3))), euclid(rng.normal(size=(n, 5)))
        m = np.minimum(w, v)
        witness = np.maximum(m[:, None, :], m[None, :, :]).copy()
        witness[np.arange(n), :, np.arange(n)] = witness[:, np.arange(n), np.arange(n)] = np.inf
        empty = witness.min(-1) >= m
        for barcode, big in zip(cross_barcodes(w, v), (w, v), strict=True):
            assert len(barcode) == np.triu((big > m) & empty, 1).sum()


def test_the_sum_of_the_bars_changes_as_the_critical_edges_say():
    rng = np.random.default_rng(4)
    w, v = euclid(rng.normal(size=(9, 3))), euclid(rng.normal(size=(9, 3)))
    forward = cross_barcodes(w, v)[0]
    slope = np.zeros((2, 9, 9))
    for (birth, death), (i, j), (k, h) in zip(forward.bars, forward.births, forward.deaths, strict=True):
        slope[0 if w[i, j] == birth else 1, i, j] -= 1
        slope[0 if w[k, h] == death else 1, k, h] += 1
    step = 1e-7
    for i, j in combinations(range(9), 2):
        for which in range(2):
            totals = []
            for sign in (1, -1):
                moved = [w.copy(), v.copy()]
                moved[which][i, j] += sign * step
                moved[which][j, i] = moved[which][i, j]
                totals.append(cross_barcodes(*moved)[0].total())
            assert (totals[0] - totals[1]) / (2 * step) == pytest.approx(slope[which, i, j], abs=1e-6)
    assert np.abs(slope).sum() > 10


def test_rounding_noise_makes_no_bar_longer_than_the_noise():
    x = np.random.default_rng(5).normal(size=(100, 8))
    q = np.linalg.qr(np.random.default_rng(6).normal(size=(8, 8)))[0]
    w, v = euclid(x), euclid(x @ q)
    assert max(b.total() for b in cross_barcodes(w, v)) < 1e-12 * 100


def test_progress_rises_to_at_most_one_and_what_it_raises_ends_the_work():
    w, v = make_case(200, 0)
    shares: list[float] = []
    expected = cross_barcodes(w, v, progress=shares.append)
    assert shares == sorted(shares)
    assert shares
    assert all(0 < s <= 1 for s in shares)

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    for threads in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            cross_barcodes(w, v, threads=threads, progress=stop)
    assert cross_barcodes(w, v) == expected


D = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("w", "v", "message"),
    [
        (np.zeros((2, 3)), D, "must be square, of real numbers, not float64 of shape (2, 3)."),
        (np.zeros(4), D, "must be square"),
        (D * 1j, D, "must be square, of real numbers, not complex128"),
        (D, np.zeros((3, 3)), "both matrices must be on the same points, but their shapes are (2, 2) and (3, 3)."),
        (D * np.nan, D, "every distance must be finite and >= 0, but (0, 0) is nan."),
        (D, np.array([[0.0, np.inf], [np.inf, 0.0]]), "every distance must be finite and >= 0, but (0, 1) is inf."),
        (-D, D, "every distance must be finite and >= 0, but (0, 1) is -1."),
        (D + np.eye(2), D, "the diagonal of a distance matrix must be 0, but (0, 0) is 1."),
        (D, np.triu(D), "must be symmetric, but (0, 1) is 1 and (1, 0) is 0; give (d + d.T) / 2."),
    ],
)
def test_bad_matrices_are_refused_with_a_sentence(w, v, message):
    with pytest.raises(ValueError) as error:
        cross_barcodes(w, v)
    assert message in str(error.value)


def test_a_cone_of_matrices_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match=r"small must be <= big in every entry, but at \(0, 1\) they are 2 and 1; swap them\?"):
        cone_barcode(2 * D, D)


def test_too_many_points_are_refused_before_anything_is_computed():
    d = np.broadcast_to(np.zeros(1), (65536, 65536))
    with pytest.raises(ValueError, match="takes up to 65535 points, not 65536"):
        cross_barcodes(d, d)


def test_after_warming_up_everything_is_compiled():
    warm_up()
    assert is_compiled()


def run(code: str, **environment: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_importing_compiles_nothing_and_what_is_compiled_is_found_again(tmp_path):
    folder = str(tmp_path)
    code = "from rtd import engine, compilation; print(sum(len(k.signatures) for k in compilation.KERNELS), engine.is_compiled())"
    assert run(code, NUMBA_CACHE_DIR=folder) == "0 False"
    run("from rtd import engine; engine.warm_up()", NUMBA_CACHE_DIR=folder)
    assert run(code, NUMBA_CACHE_DIR=folder) == "0 True"


@pytest.mark.slow
def test_kernels_are_compiled_for_what_they_are_called_with():
    # in a process of its own: other tests call kernels with arrays that the engine never has
    code = (
        "import numpy as np; from rtd import compilation, engine; x = np.random.default_rng(0).random((40, 2)); "
        "w, v = (np.abs(x[:, None, k] - x[None, :, k]) for k in (0, 1)); w.flags.writeable = False; "
        "[engine.cross_barcodes(w, v.astype(np.float32), threads=t) for t in (1, 2)]; "
        "print([k.py_func.__name__ for k in compilation.KERNELS if len(k.signatures) != 1])"
    )
    assert run(code) == "[]"


@pytest.mark.slow
def test_without_a_second_process_all_is_compiled_here(tmp_path):
    code = "import sys; sys.executable = 'nothing'; from rtd import engine; engine.warm_up(); print(engine.is_compiled())"
    assert run(code, NUMBA_CACHE_DIR=str(tmp_path)) == "True"
