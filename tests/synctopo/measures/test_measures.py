"""One battery for every measure: what it claims holds, what it does not claim does not, and nothing is NaN."""

import numpy as np
import pytest

from rtd import DegenerateError
from synctopo.measures import INVARIANCES, MEASURES, Cloud, Measure

RNG = np.random.default_rng(3)
N = 45
X = RNG.gamma(2.0, 1.0, (N, 6)) * (8, 4, 2, 1, 0.5, 0.05)
Y = np.abs(X[:, :4] @ RNG.gamma(1.0, 1.0, (4, 5)) + 2.0 * RNG.gamma(1.0, 1.0, (N, 5)))
ORDER = RNG.permutation(N)
ROTATION = np.linalg.qr(RNG.normal(size=(6, 6)))[0]

TRANSFORMATIONS = {
    "translation": X + 4.0 * np.arange(6.0),
    "isotropic scaling": 5.0 * X,
    "rotation": X @ ROTATION,
    "permutation of units": X[:, ::-1],
    "linear map": X @ (np.diag([0.1, 1.0, 3.0, 1.0, 2.0, 40.0]) + 0.5 * np.triu(np.ones((6, 6)), 1)),
    "dead units": np.hstack([X, np.zeros((N, 7))]),
    "order of samples": X[ORDER],
}

GIOTTO = {"landscape", "betti"}


# with other versions of numpy and scikit-learn, one measure of each kind says enough
KINDS = {
    "rtd_lite",
    "cka",
    "cka_rbf",
    "procrustes",
    "rsa_tau",
    "rsa_correlation",
    "rsa_poisson",
    "jaccard_knn_10",
    "ridge",
    "svcca",
    "pwcca",
    "wasserstein",
}


def marked(names):
    marks = {**dict.fromkeys(GIOTTO, pytest.mark.giotto), **dict.fromkeys(KINDS, pytest.mark.smoke)}
    return [pytest.param(name, marks=marks.get(name, ())) for name in names]


@pytest.fixture(params=marked(MEASURES))
def measure(request) -> Measure:
    if request.param in GIOTTO:
        pytest.importorskip("gtda")
    return MEASURES[request.param]


def value(measure: Measure, x: np.ndarray, y: np.ndarray) -> float:
    return measure.of(Cloud(x), Cloud(y), 0).value


def test_the_claims_are_in_the_known_words(measure):
    assert measure.invariances <= set(INVARIANCES)
    assert set(TRANSFORMATIONS) == set(INVARIANCES)
    assert measure.closer in ("lower", "higher")
    assert measure.about
    assert measure.chance


@pytest.mark.parametrize("word", INVARIANCES)
def test_what_is_claimed_to_be_ignored_changes_nothing_and_the_rest_does(measure, word):
    before = value(measure, X, Y)
    try:
        first, second = value(measure, TRANSFORMATIONS[word], Y), measure.of(Cloud(Y), Cloud(TRANSFORMATIONS[word]), 0).value
    except DegenerateError:
        assert word not in measure.invariances
        return
    if word in measure.invariances:
        assert first == pytest.approx(before, abs=1e-7)
    else:
        assert abs(first - before) > 1e-4
    assert second == pytest.approx(first, abs=1e-9) or not measure.symmetric


def test_a_cloud_and_itself_are_at_the_end_of_the_scale(measure):
    assert value(measure, X, X) == pytest.approx(measure.identical, abs=1e-7)
    assert (value(measure, X, Y) < measure.identical) == (measure.closer == "higher")


def test_less_noise_is_closer(measure):
    noise = RNG.gamma(1.0, 1.0, X.shape)
    near, far = value(measure, X, X + 0.02 * noise), value(measure, X, 0.1 * X + 4.0 * noise)
    assert near < far if measure.closer == "lower" else near > far


def test_swapping_the_clouds_swaps_the_directions(measure):
    there, back = measure.of(Cloud(X), Cloud(Y), 0), measure.of(Cloud(Y), Cloud(X), 0)
    assert measure.symmetric == (there.value == pytest.approx(back.value, abs=1e-10))
    if there.forward is not None:
        assert there.forward == pytest.approx(back.backward, abs=1e-10)
        assert there.value == pytest.approx((there.forward + there.backward) / 2)


def test_a_reordered_cloud_and_a_sub_sample_have_the_values_of_their_points(measure):
    a, b = Cloud(X), Cloud(Y)
    measure.of(a, b, 0)
    again = measure.of(a, b.reordered(ORDER), 0).value
    assert again == pytest.approx(value(measure, X, Y[ORDER]), abs=1e-9)
    index = np.concatenate([ORDER[:30], ORDER[:5]])
    assert measure.of(a.taken(index), b.taken(index), 0).value == pytest.approx(value(measure, X[index], Y[index]), abs=1e-7)


def gaussians(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape)


HARD = {
    "fewer samples than features": (gaussians(30, 200), gaussians(30, 100), {"svcca", "pwcca"}),
    "widths a hundredfold apart": (gaussians(60, 4), gaussians(60, 400), {"pwcca"}),
    "one feature": (gaussians(40, 1), gaussians(40, 3), {"rsa_correlation"}),
    "dead units": (gaussians(40, 5) * (1, 1, 0, 0, 1), gaussians(40, 3), set()),
    "duplicate rows": (gaussians(40, 5)[np.arange(40) // 2], gaussians(40, 5), set()),
    "the same duplicates": (gaussians(40, 5)[np.arange(40) // 4], gaussians(40, 5)[np.arange(40) // 4], set()),
    "spikes, mostly none": (
        (gaussians(40, 9) > 1.5).astype(np.uint8),
        (gaussians(40, 8) > 1.0).astype(np.int8),
        {"rsa_correlation"},
    ),
    "one sample that differs": (
        np.eye(40)[:, :1],
        gaussians(40, 3),
        {"rsa_correlation", "cka", "cka_rbf", "bottleneck", "wasserstein", "entropy", "landscape", "betti"}
        | {n for n in MEASURES if "rtd" in n},
    ),
    "all equally far apart": (
        np.eye(40),
        gaussians(40, 3),
        {"rsa_spearman", "rsa_tau", "rsa_correlation", "rsa_poisson", "cka", "cka_rbf", "pwcca", "svcca"},
    ),
    "huge": (1e200 * gaussians(40, 3), 1e200 * gaussians(40, 4), set()),
    "tiny": (1e-200 * gaussians(40, 3), 1e-200 * gaussians(40, 4), {"rsa_poisson"}),
    "far from the origin": (1e6 + gaussians(40, 3), gaussians(40, 4) - 1e6, set()),
    "float16": (gaussians(40, 3).astype(np.float16), gaussians(40, 4).astype(np.float16), set()),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_input_has_a_value_or_a_reason(measure, case):
    x, y, refused = HARD[case]
    if measure.name == "rsa_poisson":
        x, y = np.abs(x), np.abs(y)
    if measure.name in refused:
        with pytest.raises(DegenerateError, match=r"^[xy]: .+\.$"):
            value(measure, x, y)
    else:
        assert np.isfinite(value(measure, x, y))


@pytest.mark.parametrize("flat", [np.zeros((40, 3)), np.full((40, 3), 0.1)], ids=["silent", "constant"])
def test_a_cloud_of_one_point_is_refused_by_its_side(measure, flat):
    with pytest.raises(DegenerateError, match=r"^x: "):
        value(measure, flat, gaussians(40, 3))
    with pytest.raises(DegenerateError, match=r"^y: "):
        value(measure, gaussians(40, 3), flat)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_few_samples_have_a_value_or_a_reason(measure, n):
    x, y = np.abs(gaussians(n, 3)), np.abs(gaussians(n + 1, 2)[1:])
    try:
        found = value(measure, x, y)
    except DegenerateError:
        return
    assert np.isfinite(found)


def null(measure: Measure, a: Cloud, b: Cloud, permutations: int) -> np.ndarray:
    if measure.null is not None:
        return measure.null(a, b, permutations, 0)
    rng = np.random.default_rng(0)
    return np.array([measure.of(a, b.reordered(rng.permutation(len(b))), 0).value for _ in range(permutations)])


@pytest.mark.slow
@pytest.mark.parametrize("width", [8, 64, 512])
def test_unrelated_clouds_are_at_chance_whatever_their_width(measure, width):
    rng = np.random.default_rng(width)
    n, draws, permutations = 26, 4, 9
    places = []
    for _ in range(draws):
        a, b = (Cloud(np.abs(rng.normal(size=(n, width))) if measure.name == "rsa_poisson" else rng.normal(size=(n, width))) for _ in "ab")
        try:
            found = measure.of(a, b, 0).value
        except DegenerateError:
            assert measure.name in ("svcca", "pwcca")
            assert width > n
            return
        chance = null(measure, a, b, permutations)
        if not measure.matched:
            assert chance == pytest.approx(np.full(permutations, found), abs=1e-9)
            return
        calibrated, spread = ((v - chance.mean()) / (measure.identical - chance.mean()) for v in (found, chance))
        places.append(((spread < calibrated).mean() + (spread <= calibrated).mean()) / 2)
    # the place of a value among its null is uniform: the mean of four has a standard deviation of 0.145
    assert abs(np.mean(places) - 0.5) < 3 * 0.145


def test_related_clouds_are_beyond_chance(measure):
    if measure.matched:
        found, chance = value(measure, X, X + 0.02 * Y[:, :1]), null(measure, Cloud(X), Cloud(X + 0.02 * Y[:, :1]), 19)
        assert abs(found - chance.mean()) > 5 * chance.std(ddof=1)
