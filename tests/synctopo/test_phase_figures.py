"""Figures of phases and scenes show what they are given, and tables of scenes count it."""

import numpy as np
import pytest

from synctopo import figures
from synctopo.tables.bound import scenes

pytestmark = pytest.mark.smoke


def _phases() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    masks = np.zeros((2, 6, 6), bool)
    masks[0, :3], masks[1, 3:] = True, True
    phases = np.where(masks[0], 0.0, np.pi)[None, None].repeat(2, 0).repeat(3, 1).astype(float)
    return phases, np.ones((3, 6, 6)), masks


def test_hue_is_the_phase_and_brightness_the_amplitude():
    phases, amplitude, _ = _phases()
    amplitude[:, 0, 0] = 0.0
    figure = figures.phase_steps(phases, amplitude, image=amplitude[0], steps=(1, 8), title="x")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == ["image", "step 1", "step 8"]
    picture = figure.axes[1].images[0].get_array()
    assert picture[0, 0].max() == 0
    assert not np.allclose(picture[1, 1], picture[4, 4])
    assert np.allclose(picture[4, 4], picture[5, 5])


def test_the_histogram_of_an_object_has_its_synchrony_in_its_title():
    phases, amplitude, masks = _phases()
    rng = np.random.default_rng(0)
    scattered = np.where(masks[1], rng.uniform(-np.pi, np.pi, (3, 6, 6)), phases[0])
    figure = figures.phase_directions(scattered, masks, amplitude)
    assert figure.axes[0].get_title() == "object 1: synchrony 1.00"
    assert float(figure.axes[1].get_title().split()[-1]) < 0.4
    shares = [bar.get_height() for bar in figure.axes[0].patches]
    assert sum(shares) == pytest.approx(1.0)


def test_a_gallery_shows_every_scene_with_its_objects_outlined():
    _, _, masks = _phases()
    images = np.random.default_rng(0).random((7, 6, 6))
    figure = figures.scene_gallery(images, masks[None].repeat(7, 0), across=4, title="scenes")
    assert sum(bool(axes.images) for axes in figure.axes) == 7
    assert all(len(axes.collections) == 2 for axes in figure.axes[:7])


def test_shapes_that_do_not_fit_are_refused():
    phases, amplitude, masks = _phases()
    with pytest.raises(ValueError, match="an amplitude for each unit"):
        figures.phase_steps(phases, amplitude[:1])
    with pytest.raises(ValueError, match="as many numbers of steps"):
        figures.phase_steps(phases, amplitude, steps=(1,))
    with pytest.raises(ValueError, match="must fit phases"):
        figures.phase_directions(phases[0], masks[:, :4])
    with pytest.raises(ValueError, match="scenes need images"):
        figures.scene_gallery(np.zeros((2, 6, 6)), masks[None])


def _row(condition: str, seed: int, right: int, within: float | None) -> dict[str, object]:
    learned = {"images": "test", "amount": 0.0, "right": [10, right], "classes": 40, "whole": [2, right // 4], "total": 20}
    three = {"images": "overlapping_three_mnist", "amount": 0.0, "right": [right], "classes": 60, "whole": [1], "total": 20}
    noisy = {"images": "noise", "amount": 0.05, "right": [right - 1], "classes": 40, "whole": [0], "total": 20}
    if within is not None:
        learned |= {"within": [0.1, within], "group_loss": [0.7, 1 - within]}
    return {"kind": "model", "condition": condition, "seed": seed, "scenes": [learned, noisy, three]}


def test_scenes_are_told_by_kind_and_over_steps():
    rows = [_row("bound", 0, 30, 0.8), _row("bound", 1, 34, 0.9), _row("real", 0, 20, None)]
    named, marked, steps = scenes(rows, ["real", "bound", "other"])
    assert list(named.frame.columns) == ["condition", "as learned", "noise 0.05", "three"]
    assert named.frame.iloc[1]["as learned"] == "80.0 ± 7.1 / 37.5 ± 3.5"
    assert named.frame.iloc[0]["three"] == "33.3 / 5.0"
    assert marked.frame["condition"].tolist() == ["bound"]
    assert marked.frame.iloc[0]["as learned"] == "0.85 ± 0.07 / 0.150 ± 0.071"
    assert list(steps.frame.columns) == ["condition", "step 1", "step 2"]
    assert steps.frame.iloc[1]["step 1"] == "25.0 ± 0.0, 0.10 ± 0.00"
    assert scenes([{"kind": "model", "condition": "mlp", "seed": 0}], ["mlp"]) == []


def test_scenes_are_drawn_over_steps_and_over_images():
    rows = [_row("bound", 0, 30, 0.8), _row("bound", 1, 34, 0.9), _row("few", 1, 10, 0.8), _row("real", 0, 20, None)]
    steps = figures.named_over_steps(rows, ["real", "bound", "few", "other"])
    named, marked = steps.axes
    assert [line.get_ydata().tolist() for line in named.lines] == [[25, 50], [25, 80], [25, 25]]
    assert [line.get_ydata()[-1] for line in marked.lines] == [pytest.approx(0.85), 0.8]
    images = figures.named_over_images(rows, [{100: "few", 1000: "bound"}])
    (line,) = images.axes[0].lines
    # of the seed that both have
    assert line.get_xdata().tolist() == [100, 1000]
    assert line.get_ydata().tolist() == [25, 85]
    assert line.get_label() == "bound"
