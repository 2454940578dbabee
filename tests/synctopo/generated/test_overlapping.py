"""Scenes of several glyphs: as many as asked for, overlapping as much as asked for, the same for the same seed."""

import numpy as np
import pytest

from synctopo import data
from synctopo.generated.overlapping import INK, Scene, composed, overlap_of

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def glyphs() -> data.Dataset:
    return data.digits()


def _composed(glyphs: data.Dataset, scene: Scene, count: int = 60, seed: int = 0):
    return composed(glyphs.images, glyphs.labels, count, scene, generator=np.random.default_rng(seed))


def test_an_image_has_as_many_classes_and_masks_as_objects(glyphs):
    found = _composed(glyphs, Scene(objects=3, size=40, glyph=12))
    assert (found.labels.sum(1) == 3).all()
    assert found.masks.any((2, 3)).all()
    assert found.images.shape == (60, 40, 40)
    assert found.images.min() >= 0
    assert found.images.max() <= 1


def test_numbers_of_objects_within_bounds_all_occur_and_the_masks_of_none_are_empty(glyphs):
    found = _composed(glyphs, Scene(objects=(2, 9), glyph=9))
    numbers = found.labels.sum(1)
    assert set(numbers.tolist()) == set(range(2, 10))
    assert (found.masks.any((2, 3)).sum(1) == numbers).all()


@pytest.mark.parametrize(("objects", "bounds"), [(2, (0.0, 0.0)), (2, (0.1, 0.2)), (2, (0.3, 0.5)), (3, (0.05, 0.15))])
def test_overlap_is_counted_in_pixels_and_lies_within_its_bounds(glyphs, objects, bounds):
    found = overlap_of(_composed(glyphs, Scene(objects=objects, overlap=bounds)).masks)
    assert (found >= bounds[0]).all()
    assert (found <= bounds[1]).all()


def test_glyphs_that_do_not_overlap_also_stand_diagonally(glyphs):
    masks = _composed(glyphs, Scene(glyph=12), 200).masks
    rows, columns = ((masks.any(axis)) for axis in (3, 2))
    apart = ~(rows.all(1).any(1)) & ~(columns.all(1).any(1))
    assert 0.02 < apart.mean() < 0.9


def test_boxes_of_aligned_glyphs_share_rows_or_columns_and_the_first_begins_further_up_and_left(glyphs):
    masks = _composed(glyphs, Scene(glyph=12, aligned=True), 200).masks
    rows, columns = (masks.any(axis) for axis in (3, 2))

    def gap(line):
        first, last = line.argmax(2), line.shape[2] - line[..., ::-1].argmax(2)
        return first.max(1) - last.min(1)

    assert (gap(rows) * gap(columns) <= 0).all()
    for line in (rows, columns):
        begins = line.argmax(2).mean(0)
        assert begins[0] < begins[1]


def test_masks_are_where_the_ink_is(glyphs):
    found = _composed(glyphs, Scene())
    inside = found.masks.any(1)
    assert found.images[inside].min() >= INK
    assert found.images[~inside].max() < 2 * INK


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(glyphs):
    once, again, other = (_composed(glyphs, Scene(texture=0.3, noise=0.1), 10, seed) for seed in (5, 5, 6))
    assert once.images.tobytes() == again.images.tobytes()
    assert once.images.tobytes() != other.images.tobytes()


def test_texture_lies_behind_and_noise_upon_everything(glyphs):
    plain, textured, noisy = (_composed(glyphs, s) for s in (Scene(), Scene(texture=0.5), Scene(noise=0.2)))
    assert np.array_equal(plain.masks, textured.masks)
    assert (textured.images >= plain.images - 1e-6).all()
    background = ~plain.masks.any(1)
    assert 0.1 < (textured.images - plain.images)[background].mean() < 0.4
    assert (noisy.images - plain.images).std() == pytest.approx(0.2, rel=0.02)


def test_scaling_changes_sizes_and_turning_does_not(glyphs):
    scenes = (Scene(objects=1), Scene(objects=1, scale=(1.3, 1.3)), Scene(objects=1, rotation=45.0))
    plain, large, turned = (_composed(glyphs, scene).masks.sum((2, 3)) for scene in scenes)
    assert 1.4 < large.mean() / plain.mean() < 2.0
    assert turned.mean() == pytest.approx(plain.mean(), rel=0.1)
    assert turned.std() < 1.3 * plain.std()


def test_without_shift_glyphs_stand_in_the_middle(glyphs):
    masks = _composed(glyphs, Scene(objects=1, shift=0.0)).masks[:, 0]
    for axis in (1, 2):
        line = masks.any(3 - axis)
        middle = (line.argmax(1) + 31 - line[:, ::-1].argmax(1)) / 2
        assert np.abs(middle - 15.5).max() <= 1


def test_what_cannot_be_placed_is_refused(glyphs):
    with pytest.raises(ValueError, match="found no place"):
        _composed(glyphs, Scene(objects=6, size=20, glyph=18), 2)
    with pytest.raises(ValueError, match="there are 10 classes"):
        _composed(glyphs, Scene(objects=11), 2)


@pytest.mark.parametrize(
    "options",
    [{"objects": 0}, {"glyph": 40}, {"overlap": (0.5, 0.2)}, {"scale": (0.0, 1.0)}, {"shift": 2.0}, {"noise": -1.0}],
)
def test_a_scene_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="got"):
        Scene(**options)


def test_scenes_to_learn_from_and_for_tests_share_no_digit():
    found = data.load("overlapping_digits")
    assert found.scenes
    assert found.classes == 10
    parts = data.split(found, train=100, test=50, seed=0)
    border = len(found.labels) - found.held_out
    assert parts.train.samples.max() < border <= parts.test.samples.min()
    assert parts.train.images.shape == (100, 3, 32, 32)
    assert data.of_scenes("overlapping_digits")
    assert not data.of_scenes("digits")


def test_more_than_there_is_cannot_be_drawn():
    with pytest.raises(ValueError, match="for tests alone"):
        data.split(data.load("overlapping_digits"), train=100, test=5000, seed=0)


def test_every_kind_of_scene_can_be_made_of_the_digits_that_come_along():
    for name, scene in data.SCENES.items():
        found = data.load(f"{name}_digits")
        assert found.images.shape[1] == 1 + scene.range[1]
        assert found.held_out == 500
        assert (found.images[:, 1:].any((2, 3)).sum(1) == found.labels.sum(1)).all()
