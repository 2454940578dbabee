"""Figures: drawn without a screen, the same bytes for the same values."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import rtd
from synctopo import figures
from synctopo.figures.writing import COLOURS

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

TIMED = [{**r, "time_a": t, "value": None if r["value"] is None else r["value"] + t} for t in (0, 5) for r in ROWS]

FRAME = pd.DataFrame(
    [
        {"model_a": "a", "model_b": "b", "site_a": "h", "site_b": "h", "time_a": s, "time_b": t, "measure": "rtd", "closer": "lower"}
        | {"value": None if s == 3 else abs(s - t)}
        for s in range(4)
        for t in range(4)
    ]
)

LONG = [f"condition {k:02} with a name of some length" for k in range(12)]
MANY = [
    {**ROWS[0], "site_a": "hidden", "condition_a": a, "condition_b": b, "seed_a": s, "seed_b": 1 - s, "value": 1.0 + abs(i - j)}
    for i, a in enumerate(LONG)
    for j, b in enumerate(LONG[: i + 1])
    for s in (0, 1)
]
BARS = rtd.cross_barcode(*(rtd.normalise(rtd.distances(c)) for c in (X, Y))).bars
MASS = np.arange(25.0).reshape(5, 5)

DRAWN = {
    "matrix": lambda: figures.rtd_matrix(ROWS, ["x", "y", "z"], measure="rtd", site="hidden"),
    "layers": lambda: figures.layer_profile(ROWS, [("x", "y")] * 5, measure="rtd", sites=["L1", "L2"], title="t"),
    "clustered": lambda: figures.clustered_matrix(MANY, LONG[:3], measure="rtd", site="hidden"),
    "twelve clustered": lambda: figures.clustered_matrix(MANY, LONG, measure="rtd", site="hidden"),
    "map": lambda: figures.model_map(rtd.distances(X[:14]), ["one", *["two"] * 13], measure="rtd"),
    "time matrix": lambda: figures.time_matrix(FRAME),
    "time profile": lambda: figures.time_profile(TIMED, [("x", "y")], measure="rtd", site="hidden", title="t"),
    "training": lambda: figures.over_training([1, 2, 3], {"a": X[:3, :2], "b": np.ones((3, 1))}, measure="rtd"),
    "raster": lambda: figures.raster(np.arange(60).reshape(20, 3) % 7 == 0, dt=0.5, title="net", sort=True),
    "phase map": lambda: figures.phase_map(4 * X[:32].reshape(6, 4, 4), titles=list("abcdef")),
    "unrolled graph": lambda: figures.unrolled_graph(MASS, [9, 9, 4, 9, 9]),
    "barcode": lambda: figures.barcode(BARS, "x to y"),
    "both barcodes": lambda: figures.cross_barcodes(BARS, BARS[:0], ("x", "y")),
    "localisation": lambda: figures.localisation(rtd.localise(X, Y), {"x": X, "y": Y}),
    "localisation in one dimension": lambda: figures.localisation(rtd.localise(X[:, :1], Y), {"x": X[:, :1], "y": Y}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(DRAWN) - {"twelve clustered"}))
def test_a_figure_is_written_in_every_format_and_is_the_same_file_again(name, tmp_path):
    first = figures.write(DRAWN[name](), tmp_path / "a", "figure")
    again = figures.write(DRAWN[name](), tmp_path / "b", "figure")
    assert [p.suffix for p in first] == [".png", ".pdf", ".svg"]
    for one, other in zip(first, again, strict=True):
        assert one.stat().st_size > 1000
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_page_gets_the_figure_of_the_file_without_what_lies_behind_it(name):
    drawn = figures.Drawn.of(DRAWN[name]())
    assert b"#ffffff" in drawn.svg
    assert drawn.element.startswith("<svg ")
    assert "#ffffff" not in drawn.element
    assert "ground" not in drawn.element
    assert len(drawn.svg) - len(drawn.element) < 1000 * (2 + len(drawn.figure.axes))


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
    figure = Figure()
    figure.add_subplot().set_title(r"$\foo$ 日本")
    figures.save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 0


def words(figure: Figure) -> list[Text]:
    """The texts that are seen; of the tick labels, those inside the axes' limits."""
    figure.draw_without_rendering()
    found = [*figure.texts, *(t for legend in figure.legends for t in legend.get_texts())]
    for axes in figure.axes:
        found += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts] if axes.axison else [axes.title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison and axes.name != "polar" else ():
            low, high = sorted(axis.get_view_interval())
            inside = [label for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False) if low <= tick <= high]
            found += [label for label in inside if axis.get_tick_params()[f"label{'bottom' if axis is axes.xaxis else 'left'}"]]
    return [t for t in found if t.get_text().strip()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["twelve clustered", "matrix", "map", "time matrix", "both barcodes", "unrolled graph", "phase map", "training"]
)
def test_no_two_texts_of_a_figure_lie_on_each_other(name):
    figure = DRAWN[name]()
    placed = [(t.get_text(), t.get_window_extent()) for t in words(figure) if t.get_rotation() == 0]
    clashes = [
        (one, other)
        for k, (one, a) in enumerate(placed)
        for other, b in placed[:k]
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]
    assert clashes == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(DRAWN) - {"layers"}))
def test_no_text_of_a_figure_is_cut_off(name):
    figure = DRAWN[name]()
    width, height = figure.get_size_inches() * figure.dpi
    for text in words(figure):
        box = text.get_window_extent()
        assert box.x0 > -1
        assert box.y0 > -1
        assert box.x1 < width + 1
        assert box.y1 < height + 1


def test_the_dendrogram_joins_the_nearest_first_also_for_a_similarity():
    near = {("x", "y"): 0.9, ("x", "z"): 0.1, ("y", "z"): 0.2}
    rows = [{**ROWS[0], "condition_a": a, "condition_b": b, "value": v} for (a, b), v in near.items()]
    for closer, identical, sign in (("higher", 1.0, 1.0), ("lower", 0.0, -1.0)):
        turned = [{**r, "closer": closer, "identical": identical, "value": r["value"] if sign > 0 else 1 - r["value"]} for r in rows]
        figure = figures.clustered_matrix(turned, ["z", "x", "y"], measure="rtd", site="hidden")
        names = [t.get_text() for t in figure.axes[1].get_yticklabels()]
        assert names in (["z", "x", "y"], ["x", "y", "z"], ["z", "y", "x"], ["y", "x", "z"])
        joined = min(max(line.get_xdata()) for line in figure.axes[0].lines)
        assert joined == pytest.approx(0.1)
        assert figure.axes[2].get_ylabel() == f"rtd ({closer}: more alike)"


def test_a_plane_keeps_the_distances_of_a_plane_and_not_those_of_a_simplex():
    flat = RNG.normal(size=(9, 2))
    points, stress = figures.scaled(rtd.distances(flat))
    np.testing.assert_allclose(rtd.distances(points), rtd.distances(flat), atol=1e-6)
    assert stress < 1e-6
    points, stress = figures.scaled(1.0 - np.eye(6))
    assert 0.1 < stress < 0.4
    np.testing.assert_array_equal(points, figures.scaled(1.0 - np.eye(6))[0])
    assert figures.scaled(np.zeros((3, 3)))[1] == 0.0


def test_no_step_away_from_the_map_lowers_its_stress():
    d = np.asarray(rtd.distances(RNG.normal(size=(12, 6))))
    points, stress = figures.scaled(d)

    def raw(places: np.ndarray) -> float:
        return float(((np.asarray(rtd.distances(places)) - d) ** 2).sum())

    assert stress == pytest.approx(np.sqrt(raw(points) / (np.asarray(rtd.distances(points)) ** 2).sum()))
    for size in (1e-3, 1e-1):
        assert all(raw(points + size * RNG.normal(size=points.shape)) > raw(points) for _ in range(50))


def test_a_phase_and_the_same_phase_a_turn_later_have_one_colour():
    shown = [figures.phase_map(np.full((2, 2), p)).axes[0].images[0].get_array()[0, 0] for p in (1.0, 1.0 + 2 * np.pi, 1.0 - 4 * np.pi)]
    assert shown == pytest.approx([1.0, 1.0, 1.0])


def test_the_widths_of_the_unrolled_graph_are_its_shares():
    figure = figures.unrolled_graph(MASS, [9, 9, 4, 9, 9])
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert (texts.count("8"), texts.count("7")) == (1, 3)  # of 300, from L5 to L4 23, and to L3 and L2 22 and 21; from L4 to L5 19
    (legend,) = figure.legends
    said = [t.get_text() for t in legend.get_texts()]
    assert said == ["forward 13 %", "skip 13 %", "feedback 53 %", "within a layer 20 %"]


def test_colours_differ_for_every_kind_of_colour_vision_and_in_grey():
    rgb = np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in COLOURS])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for kind, matrix in VISION.items():
        seen = np.clip(linear @ np.array(matrix).T, 0, 1)
        lab = _lab(seen)
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[~np.eye(len(lab), dtype=bool)]
        assert apart.min() > 9, kind


# Viénot, Brettel and Mollon 1999, and Brettel et al. 1997 for blue: linear RGB as people without one kind of cones see it.
VISION = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no long": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "no middle": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def _lab(linear: np.ndarray) -> np.ndarray:
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: figures.model_map(np.full((3, 3), np.nan), list("abc"), measure="m"), "needs a symmetric matrix of finite distances"),
        (lambda: figures.model_map(np.zeros((3, 3)), list("ab"), measure="m"), "a map of 3 models needs as many names; got 2"),
        (lambda: figures.clustered_matrix(ROWS, list("xyz"), measure="rtd", site="hidden"), "of x, y, z some have none"),
        (lambda: figures.clustered_matrix(ROWS, list("xyz"), measure="cka", site="hidden"), "a dendrogram needs two conditions or more"),
        (lambda: figures.raster(np.zeros(4)), r"spikes of one sample, \[time, unit\]; got \[4\]"),
        (lambda: figures.phase_map(np.zeros(4)), r"\[map, row, column\] for several; got \[4\]"),
        (lambda: figures.phase_map(np.zeros((2, 3, 3)), titles=["a"]), "2 maps need as many titles; got 1"),
        (lambda: figures.unrolled_graph(MASS, [1, 2]), r"2 layers need a mass \[2, 2\]"),
        (lambda: figures.unrolled_graph(0 * MASS, [1] * 5), "some are more than 0"),
        (lambda: figures.over_training([1, 2], {"a": np.zeros((3, 1))}, measure="m"), r"to be \[2 epochs, seeds\]; got \[3, 1\]"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
