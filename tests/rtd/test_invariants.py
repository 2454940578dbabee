"""What holds for every pair of representations, each with its opposite, where it has one: P1 to P16 of the theory, in its order."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

import rtd
from rtd.lite import tree_weight
from rtd.reference import cone_bars, with_apex, zero_block
from rtd.rips import exact_bars
from rtd.similarity import edge_similarity, merge_similarity

EVERY = settings(deadline=None, max_examples=30, derandomize=True)
SOME = settings(deadline=None, max_examples=10, derandomize=True)
KINDS = st.sampled_from(["cubes", "clusters", "rings", "grid", "integers", "duplicates", "equal", "scaled", "partly equal"])
SIZES = st.integers(2, 20)
SEEDS = st.integers(0, 10**6)
ROUNDING = 1e-12


def total(bars: np.ndarray) -> float:
    return float((bars[:, 1] - bars[:, 0]).sum())


def clouds(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, x[:, :3] + 0.5 * rng.normal(size=(n, 3))


def rotation(p: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(p, p)))[0]


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p1_a_representation_has_no_bar_against_itself(kind, n, seed, pair):
    w, _ = pair(kind, n, seed)
    assert len(rtd.cross_barcode(w, w)) == 0
    assert len(rtd.lite_cross_barcode(w, w)) == 0


def test_p1_opposite_a_different_one_has():
    x, y = clouds(30, 0)
    assert rtd.rtd(x, x).value == 0
    assert rtd.rtd(x, y).value > 0.1


@SOME
@given(n=st.integers(4, 25), seed=SEEDS)
def test_p2_isometry_scaling_padding_and_a_common_order_change_nothing(n, seed):
    x, y = clouds(n, seed)
    value = rtd.rtd(x, y).value
    moved = 7.5 * x @ rotation(4, seed) + 30
    padded = np.column_stack((y, np.zeros((n, 2))))
    order = np.random.default_rng(seed).permutation(n)
    for a, b in ((moved, y), (x, padded), (x[order], y[order]), (-x, 0.01 * y)):
        assert rtd.rtd(a, b).value == pytest.approx(value, abs=ROUNDING * n)


@SOME
@given(n=st.integers(20, 30), seed=SEEDS)
def test_p2_opposite_a_shear_and_an_order_of_one_alone_change_the_value(n, seed):
    x, y = clouds(n, seed)
    value = rtd.rtd(x, y).value
    shear = np.eye(4)
    shear[0, 1:] = 3
    assert abs(rtd.rtd(x @ shear, y).value - value) > 1e-3
    assert abs(rtd.rtd(np.roll(x, 1, axis=0), y).value - value) > 1e-3


@EVERY
@given(n=st.integers(2, 60), seed=SEEDS)
def test_noise_of_the_last_digit_makes_no_bar_that_a_user_would_count(n, seed):
    x, _ = clouds(n, seed)
    w, v = (rtd.normalise(rtd.distances(c)) for c in (100 + x, (100 + x) @ rotation(4, seed)))
    assert rtd.cross_barcode(w, v).total() < ROUNDING * n


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p3_what_is_nowhere_nearer_adds_nothing(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    assert len(rtd.cross_barcode(w, np.maximum(w, v))) == 0
    if (np.minimum(w, v) < w).any() and tree_weight(np.minimum(w, v)) < tree_weight(w):
        assert len(rtd.cross_barcode(w, np.minimum(w, v))) > 0


@EVERY
@given(n=SIZES, seed=SEEDS)
def test_p4_the_mean_of_directions_is_symmetric_and_not_negative(n, seed):
    x, y = clouds(n, seed)
    there, back = rtd.rtd(x, y), rtd.rtd(y, x)
    assert there.value == back.value >= 0
    assert (there.forward, there.backward) == (back.backward, back.forward)


def test_p4_opposite_one_direction_is_not_symmetric():
    d = rtd.rtd(*clouds(30, 0))
    assert abs(d.forward - d.backward) > 0.01


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p5_the_doubled_complex_is_connected_and_all_its_loops_end_by_the_enclosing_radius(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    doubled = zero_block(np.minimum(w, v), w)
    assert len(exact_bars(doubled, 0)) == 1
    bars = exact_bars(doubled, 1)
    assert (bars <= w.max(1).min()).all()


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p6_births_are_different_edges_where_v_is_nearer_and_deaths_are_entries(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    code = rtd.cross_barcode(w, v)
    i, j = code.births.T
    assert (v[i, j] < w[i, j]).all()
    assert np.array_equal(code.bars[:, 0], v[i, j])
    assert len(set(map(tuple, code.births.tolist()))) == len(code) <= np.count_nonzero(np.triu(v < w))
    assert np.isin(code.bars[:, 1], np.concatenate((w, v))).all()


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p7_the_exact_value_lies_between_the_lite_one_and_that_with_the_loops_of_min(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    least = np.minimum(w, v)
    lite, exact = tree_weight(w) - tree_weight(least), rtd.cross_barcode(w, v).total()
    assert lite - ROUNDING <= exact <= lite + total(rtd.persistence(least)) + ROUNDING


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p8_each_lite_bar_has_an_exact_one_with_its_birth_that_lives_as_long(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    exact = rtd.cross_barcode(w, v).bars.tolist()
    # with ties several bars share a birth: the longest of each go together
    for birth, death in sorted(rtd.lite_cross_barcode(w, v).bars.tolist(), key=lambda bar: -bar[1]):
        longest = max((bar for bar in exact if bar[0] == birth), key=lambda bar: bar[1])
        assert longest[1] >= death
        exact.remove(longest)


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p9_the_lite_bars_add_up_to_the_difference_of_the_trees(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    assert rtd.lite_cross_barcode(w, v).total() == pytest.approx(tree_weight(w) - tree_weight(np.minimum(w, v)), abs=ROUNDING)


@pytest.mark.slow
@SOME
@given(kind=KINDS, n=st.integers(3, 6), seed=SEEDS)
def test_p10_the_alternating_sums_of_the_cone_and_of_both_complexes_agree(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    least = np.minimum(w, v)
    # degrees 0 to n: the cone reaches one further than the complexes
    cone = sum((-1) ** k * total(cone_bars(least, w, k)) for k in range(n + 1))
    ends = sum((-1) ** k * (reduced(least, k) - reduced(w, k)) for k in range(n + 1))
    assert cone == pytest.approx(ends, abs=ROUNDING)


def reduced(d: np.ndarray, degree: int) -> float:
    """Total length of the bars of reduced homology."""
    bars = rtd.persistence(d, degree)
    return total(bars[np.isfinite(bars[:, 1])])


@EVERY
@given(kind=KINDS, n=SIZES, seed=SEEDS)
def test_p11_rtd_and_max_rtd_together_are_at_least_srtd(kind, n, seed, pair):
    w, v = pair(kind, n, seed)
    least, most = np.minimum(w, v), np.maximum(w, v)
    parts = rtd.cross_barcode(w, v).total() + rtd.cone_barcode(w, most).total()
    assert parts >= rtd.cone_barcode(least, most).total() - ROUNDING


def test_p11_opposite_neither_alone_is_and_the_sum_may_be_more():
    x, y = clouds(30, 0)
    low, high, both = rtd.rtd(x, y), rtd.max_rtd(x, y), rtd.srtd(x, y).value
    assert max(low.forward, high.forward) < both < low.forward + high.forward


@EVERY
@given(n=SIZES, seed=SEEDS)
def test_p12_lite_and_max_lite_add_up_to_srtd_lite_and_max_lite_is_the_larger(n, seed):
    x, y = clouds(n, seed)
    low, high, both = (member(x, y).value for member in (rtd.rtd_lite, rtd.max_rtd_lite, rtd.srtd_lite))
    assert low + high == pytest.approx(both, abs=ROUNDING)
    assert high + ROUNDING >= both / 2 >= low - ROUNDING


def test_p12_opposite_the_order_that_the_paper_prints_is_not_true():
    x, y = clouds(30, 0)
    assert rtd.srtd_lite(x, y).value > rtd.max_rtd_lite(x, y).value


def bottleneck(a: np.ndarray, b: np.ndarray) -> float:
    """Bottleneck distance of two barcodes of finite bars."""
    alone_a, alone_b = (a[:, 1] - a[:, 0]) / 2, (b[:, 1] - b[:, 0]) / 2
    cost = np.zeros((len(a) + len(b),) * 2)
    cost[: len(a), : len(b)] = np.abs(a[:, None] - b[None]).max(-1)
    cost[: len(a), len(b) :] = alone_a[:, None]
    cost[len(a) :, : len(b)] = alone_b[None]
    for limit in np.unique(cost):
        rows, columns = linear_sum_assignment(cost > limit)
        if not (cost > limit)[rows, columns].any():
            return float(limit)
    return 0.0


@EVERY
@given(kind=KINDS, n=st.integers(2, 12), seed=SEEDS, size=st.sampled_from([0.01, 0.1, 1.0]))
def test_p13_the_barcode_moves_no_further_than_an_entry(kind, n, seed, size, pair):
    w, v = pair(kind, n, seed)
    rng = np.random.default_rng(seed)
    moved = []
    for d in (w, v):
        noise = np.triu(rng.uniform(-size, size, d.shape), 1)
        moved.append(np.abs(d + noise + noise.T))
    step = max(np.abs(a - b).max() for a, b in zip(moved, (w, v), strict=True))
    assert bottleneck(rtd.cross_barcode(*moved).bars, rtd.cross_barcode(w, v).bars) <= step + ROUNDING


def test_p13_opposite_the_constant_one_is_not_to_be_improved():
    w, v = np.array([[0.0, 4.0], [4.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    step = 0.5 * (1 - np.eye(2))
    assert bottleneck(rtd.cross_barcode(w + step, v + step).bars, rtd.cross_barcode(w, v).bars) == 0.5


@pytest.mark.slow
@SOME
@given(n=st.integers(3, 8), seed=SEEDS)
def test_p14_central_differences_are_counts_of_births_and_deaths(n, seed, pair):
    w, v = pair("cubes", n, seed)
    code = rtd.cross_barcode(w, v)
    by_w, by_v = np.zeros_like(w), np.zeros_like(v)
    least_is_w = w < v
    for (birth, death), (i, j), (k, m) in zip(code.bars, code.births, code.deaths, strict=True):
        assert birth == v[i, j]
        by_v[i, j] -= 1
        (by_w if death == w[k, m] else by_v)[k, m] += 1
    assert not by_v[least_is_w].any()
    assert (by_w >= 0).all()
    step = 1e-6
    for d, gradient in ((w, by_w), (v, by_v)):
        for i, j in combinations(range(n), 2):
            ends = []
            for sign in (1, -1):
                d[i, j] += sign * step
                d[j, i] = d[i, j]
                ends.append(rtd.cross_barcode(w, v).total())
                d[i, j] -= sign * step
                d[j, i] = d[i, j]
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(gradient[i, j], abs=1e-6)


@EVERY
@given(n=st.integers(3, 30), seed=SEEDS)
def test_p15_increasing_changes_of_the_distances_leave_both_similarities_at_one(n, seed):
    w = rtd.distances(clouds(n, seed)[0])
    grown = np.expm1(w) + w**3
    assert edge_similarity(w, grown) == merge_similarity(w, grown) == 1


@settings(deadline=None, max_examples=200, derandomize=True)
@given(n=st.integers(3, 6), seed=SEEDS)
def test_p15_nts_e_of_one_makes_nts_m_one(n, seed):
    rng = np.random.default_rng(seed)
    w, v = (rtd.distances(rng.random((n, 2))) for _ in range(2))
    assert edge_similarity(w, v) < 1 or merge_similarity(w, v) == 1


def test_p15_opposite_nts_m_of_one_leaves_nts_e_free():
    # one pair in some hundreds; the example that the paper prints has NTS-M = -0.056
    rng = np.random.default_rng(85)
    w, v = (rtd.distances(rng.random((5, 2))) for _ in range(2))
    assert merge_similarity(w, v) == 1
    assert edge_similarity(w, v) == pytest.approx(5 / 7)


@EVERY
@given(kind=KINDS, n=st.integers(2, 8), seed=SEEDS)
def test_p16_every_doubled_matrix_and_the_cone_on_one_point_more_have_the_engines_bars(
    kind, n, seed, pair, cone_cells_bars: Callable[[np.ndarray, np.ndarray, int], list[tuple[float, float]]]
):
    w, v = pair(kind, n, seed)
    least = np.minimum(w, v)
    half = np.where(np.triu(np.ones((n, n), dtype=bool), 1), np.inf, w)
    fast = np.block([[np.zeros((n, n)), half.T], [half, least]])
    bars = sorted(map(tuple, rtd.cross_barcode(w, v).bars.tolist()))
    for doubled in (zero_block(least, w), fast, with_apex(least, w)):
        assert sorted(map(tuple, exact_bars(doubled, 1).tolist())) == bars
    assert sorted(cone_cells_bars(least, w, 1)) == bars
