"""Scenes of objects: every pixel has its object; scores are those of scikit-learn; contrastive learning pulls views together."""

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation
from sklearn.metrics import adjusted_rand_score

from synctopo.evaluation import segmentation
from synctopo.generated import objects
from synctopo.learning.contrastive import contrast, fit_contrast, view
from synctopo.models import AKOrN

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("name", objects.SCENES)
def test_scenes_are_the_same_for_the_same_seed_and_pixels_lie_in_0_to_1(name):
    once, again, other = (objects.SCENES[name](4, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(once.images, again.images)
    np.testing.assert_array_equal(once.masks, again.masks)
    assert not np.array_equal(once.masks, other.masks)
    assert once.images.min() >= 0
    assert once.images.max() <= 1


def test_tetrominoes_are_three_of_four_squares_each_of_one_colour_that_do_not_touch():
    found = objects.tetrominoes(12, seed=0)
    for image, mask in zip(found.images, found.masks, strict=True):
        assert sorted(np.unique(mask)) == [0, 1, 2, 3]
        for k in (1, 2, 3):
            assert (mask == k).sum() == 4 * 25
            assert len(np.unique(image[:, mask == k], axis=1).T) == 1
            around = binary_dilation(mask == k, np.ones((3, 3))) & (mask != k)
            assert (mask[around] == 0).all()
        assert (image[:, mask == 0] == 0).all()


def test_of_hollow_shapes_every_bright_pixel_has_one_object_or_is_marked_as_overlap():
    found = objects.shapes(50, seed=0)
    bright = found.images[:, 0] == 1
    np.testing.assert_array_equal(bright, found.masks != 0)
    assert (found.masks == objects.OVERLAP).any()
    dim = found.images[:, 0][~bright]
    assert 0.1 <= dim.min() < dim.max() <= 0.6
    assert set(found.masks.max((1, 2))) == {2, 3, 4}


def test_of_sprites_all_can_be_seen():
    found = objects.sprites(10, seed=0)
    for mask in found.masks:
        seen = np.unique(mask[mask > 0])
        np.testing.assert_array_equal(seen, np.arange(1, len(seen) + 1))
        assert all((mask == k).sum() >= 20 for k in seen)


def test_the_rand_index_is_that_of_scikit_learn():
    for groups, kinds in ((2, 2), (5, 3), (1, 4), (9, 1)):
        a, b = RANDOM.integers(groups, size=60), RANDOM.integers(kinds, size=60)
        assert segmentation.rand_index(a, b) == pytest.approx(adjusted_rand_score(b, a), abs=1e-12)
    assert segmentation.rand_index(a, a) == 1


def test_only_pixels_of_objects_count():
    truth = np.array([[[0, 0, 1], [2, 2, -1]]])
    found = np.array([[[7, 8, 0], [1, 1, 0]]])
    assert segmentation.fg_ari(found, truth)[0] == 1
    spoilt = found.copy()
    spoilt[0, 1, 0] = 0
    assert segmentation.fg_ari(spoilt, truth)[0] == pytest.approx(adjusted_rand_score([1, 2, 2], [0, 0, 1]))


def test_best_overlap_is_intersection_over_union_averaged_over_objects():
    truth = np.array([[[0, 0, 1, 1], [2, 2, 2, 2]]])
    found = np.array([[[0, 0, 0, 1], [1, 1, 1, 1]]])
    # object 1: one of two pixels; object 2: four of five
    assert segmentation.mean_best_overlap(found, truth)[0] == pytest.approx((max(1 / 4, 1 / 6) + 4 / 5) / 2)


def test_groups_that_do_not_mix_are_found():
    truth = RANDOM.integers(3, size=(2, 4, 5))
    states = np.eye(3)[truth].transpose(0, 3, 1, 2) + 0.01 * RANDOM.normal(size=(2, 3, 4, 5))
    found = segmentation.clustered(states, 3)
    assert all(segmentation.rand_index(f.ravel(), t.ravel()) == 1 for f, t in zip(found, truth, strict=True))
    large = segmentation.enlarged(found, (8, 10))
    np.testing.assert_array_equal(large[:, ::2, ::2], found)
    np.testing.assert_array_equal(large[:, 1::2, 1::2], found)


def test_a_code_that_finds_its_other_view_costs_little_and_one_that_does_not_much():
    codes = torch.eye(4)
    assert float(contrast(codes, codes, 0.05)) < 1e-6
    assert float(contrast(codes, codes.roll(1, 0), 0.05)) > 10
    # where nothing is told apart, the cost is that of a guess among all others
    assert float(contrast(torch.ones(4, 3), torch.ones(4, 3))) == pytest.approx(np.log(7), rel=1e-5)


def test_views_are_of_the_same_image_and_differ():
    x = torch.from_numpy(objects.tetrominoes(6, seed=0).images)
    one, two = (view(x, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    assert one.shape == x.shape
    assert not torch.equal(one, two)
    still = view(x, generator=torch.Generator().manual_seed(0), smallest=1.0, jitter=0.0)
    torch.testing.assert_close(
        torch.minimum((still - x).abs().amax((1, 2, 3)), (still.flip(3) - x).abs().amax((1, 2, 3))), torch.zeros(6), atol=1e-4, rtol=0
    )


@pytest.mark.slow
def test_contrastive_training_learns_and_resumes_bit_for_bit(tmp_path):
    x = torch.from_numpy(objects.tetrominoes(12, seed=0).images)
    net = lambda: AKOrN.objects((3, 32, 32), patch=8, channels=16, kernel=3, steps=2, generator=torch.Generator().manual_seed(0))  # noqa: E731
    draw = lambda: torch.Generator().manual_seed(1)  # noqa: E731
    whole, file = net(), tmp_path / "half.safetensors"
    wanted = fit_contrast(whole, x, steps=30, batch=8, generator=draw())
    assert wanted.loss[-1] < wanted.loss[0]
    fit_contrast(net(), x, steps=15, batch=8, generator=draw(), checkpoint=file)
    resumed = net()
    assert fit_contrast(resumed, x, steps=30, batch=8, generator=draw(), checkpoint=file) == wanted
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: objects.tetrominoes(1, seed=0, side=9, cell=4), "do not fit"),
        (lambda: segmentation.clustered(np.ones((1, 2, 3, 3)), 0), "one group or more"),
        (lambda: segmentation.clustered(np.full((1, 2, 3, 3), np.nan), 2), "finite states"),
        (lambda: segmentation.enlarged(np.zeros((1, 3, 3), dtype=int), (7, 6)), "no multiple"),
        (lambda: segmentation.rand_index(np.zeros(0, dtype=int), np.zeros(0, dtype=int)), "0 and 0 points"),
        (lambda: segmentation.fg_ari(np.zeros((1, 2, 2), dtype=int), np.zeros((1, 2, 2), dtype=int)), "without any object"),
        (lambda: segmentation.fg_ari(np.zeros((1, 2, 2), dtype=int), np.zeros((1, 2, 3), dtype=int)), "masks of one shape"),
        (lambda: contrast(torch.ones(1, 3), torch.ones(1, 3)), "at least two samples"),
        (lambda: fit_contrast(torch.nn.Flatten(), torch.ones(2, 1, 4, 4), steps=1, generator=torch.Generator()), "as many images"),
        (lambda: AKOrN.objects((3, 10, 8), patch=4), "do not tile"),
        (lambda: AKOrN.objects((3, 8, 8), patch=4, channels=6), "multiples?|times n"),
        (lambda: AKOrN.objects((3, 8, 8), patch=4, channels=8, kernel=3)(torch.ones(1, 3, 12, 8)), "8 x 8 pixels"),
        (lambda: AKOrN.objects((3, 8, 8), patch=4, channels=8, kernel=3)(torch.ones(1, 1, 8, 8)), "images are"),
        (lambda: AKOrN.classifier((3,), 2), "an image is"),
        (lambda: AKOrN.classifier((8, 8), 2, channels=(4, 8), kernels=(3,)), "its kernel"),
        (lambda: AKOrN.classifier((8, 8), 2, channels=(4,), kernels=(3,), steps=(1, 2)), "number of steps"),
        (lambda: AKOrN.boards(1), "at least two rows"),
        (lambda: AKOrN.boards(4, stimulus=0.0), "a positive number; got 0"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_no_image_of_shapes_is_without_an_object():
    # as small as a shape: a quarter of all pairs are two equal shapes at one place, of which nothing belongs to either
    found = objects.shapes(200, seed=0, side=18, objects=(2, 2))
    assert (found.masks > 0).any((1, 2)).all()
