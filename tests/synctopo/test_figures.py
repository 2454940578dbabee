"""Figures: drawn without a screen, the same bytes for the same values."""

import numpy as np
import pytest

import rtd
from synctopo import figures

pytestmark = pytest.mark.smoke

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X + np.where(np.arange(40)[:, None] < 5, 4.0, 0.0)

ROWS = [
    {
        "kind": "pair",
        "condition_a": a,
        "condition_b": b,
        "seed_a": s,
        "seed_b": t,
        "site_a": site,
        "measure": "rtd",
        "closer": "lower",
        "identical": 0.0,
        "value": None if missing else 1.0 + (a != b),
    }
    for site in ("hidden", "L1", "L2")
    for a, b, missing in (("x", "x", False), ("y", "y", False), ("x", "y", False), ("x", "z", True))
    for s, t in ((0, 1), (1, 0))
]

DRAWN = {
    "matrix": lambda: figures.rtd_matrix(ROWS, ["x", "y", "z"], measure="rtd", site="hidden"),
    "layers": lambda: figures.layer_profile(ROWS, [("x", "y")] * 5, measure="rtd", sites=["L1", "L2"], title="t"),
    "barcode": lambda: figures.barcode(rtd.cross_barcode(*(rtd.normalise(rtd.distances(c)) for c in (X, Y))).bars, "x to y"),
    "localisation": lambda: figures.localisation(rtd.localise(X, Y), {"x": X, "y": Y}),
    "localisation in one dimension": lambda: figures.localisation(rtd.localise(X[:, :1], Y), {"x": X[:, :1], "y": Y}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_written_in_every_format_and_is_the_same_file_again(name, tmp_path):
    first = figures.write(DRAWN[name](), tmp_path / "a", "figure")
    again = figures.write(DRAWN[name](), tmp_path / "b", "figure")
    assert [p.suffix for p in first] == [".png", ".pdf", ".svg"]
    for one, other in zip(first, again, strict=True):
        assert one.stat().st_size > 1000
        assert one.read_bytes() == other.read_bytes()


def test_the_matrix_shows_a_dash_where_there_is_no_value():
    texts = [t.get_text() for t in DRAWN["matrix"]().axes[0].texts]
    assert texts.count("–") == 5
    assert texts.count("2.0") == 2


def test_the_samples_that_moved_are_drawn_largest():
    axes = DRAWN["localisation"]().axes[0]
    found = rtd.localise(X, Y)
    assert sorted(axes.collections[0].get_array()) == sorted(found.contributions)
    assert max(axes.collections[0].get_sizes()) == pytest.approx(70)


def test_a_dollar_in_a_name_is_no_formula_and_a_missing_letter_no_warning(tmp_path):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().set_title(r"$\foo$ 日本")
    figures.save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 0
