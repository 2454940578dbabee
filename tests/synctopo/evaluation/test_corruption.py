"""Corruptions: what each does to known images, and that severities grow."""

import math

import pytest
import torch
from torch import Tensor

from synctopo.evaluation import corruption
from synctopo.evaluation.corruption import LARGE, SMALL, STRONG, named


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images() -> Tensor:
    return torch.rand(40, 1, 16, 16, generator=_generator(7))


@pytest.mark.parametrize("suite", [SMALL, LARGE, STRONG], ids=["small", "large", "strong"])
def test_severities_spoil_more_and_more_and_none_spoils_nothing(suite):
    x = _images()
    for one in suite.values():
        assert torch.equal(one.apply(x, 0, generator=_generator()), x)
        changes = [float((one.apply(x, s, generator=_generator()) - x).square().mean()) for s in range(1, 6)]
        assert changes == sorted(changes)
        assert changes[0] > 0


@pytest.mark.parametrize("suite", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("shape", [(5, 12, 12), (5, 1, 12, 12), (5, 3, 12, 12)])
def test_images_of_any_layout_stay_in_range_and_shape(suite, shape):
    x = torch.rand(shape, generator=_generator())
    for one in suite.values():
        found = one.apply(x, 5, generator=_generator())
        assert found.shape == x.shape
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1


def test_the_same_generator_spoils_alike_and_another_otherwise():
    x = _images()
    for name in ("gaussian_noise", "impulse_noise", "speckle_noise", "occlusion", "uniform_noise"):
        one = SMALL[name]
        assert torch.equal(one.apply(x, 3, generator=_generator(1)), one.apply(x, 3, generator=_generator(1)))
        assert not torch.equal(one.apply(x, 3, generator=_generator(1)), one.apply(x, 3, generator=_generator(2)))


def test_noise_has_the_width_it_says():
    grey = torch.full((200, 1, 20, 20), 0.5)
    assert float((corruption.gaussian_noise(grey, 0.1, generator=_generator()) - grey).std()) == pytest.approx(0.1, rel=0.02)
    assert float((corruption.additive_noise(grey, 2.0, generator=_generator()) - grey).std()) == pytest.approx(2.0, rel=0.02)
    assert float((corruption.uniform_noise(grey, 0.3, generator=_generator()) - grey).std()) == pytest.approx(0.3 / math.sqrt(3), rel=0.02)
    assert float((corruption.speckle_noise(grey, 0.2, generator=_generator()) - grey).std()) == pytest.approx(0.1, rel=0.02)
    spoilt = corruption.impulse_noise(grey, 0.2, generator=_generator())
    assert float((spoilt != grey).float().mean()) == pytest.approx(0.2, rel=0.05)
    assert float((spoilt == 1).float().mean()) == pytest.approx(0.1, rel=0.05)


def test_speckle_leaves_black_black():
    assert not SMALL["speckle_noise"].apply(torch.zeros(2, 8, 8), 5, generator=_generator()).any()


def test_blurring_a_point_gives_a_gaussian_and_a_flat_image_stays_flat():
    point = torch.zeros(1, 41, 41, dtype=torch.float64)
    point[0, 20, 20] = 1
    blurred = corruption.gaussian_blur(point, 2.0)[0]
    assert float(blurred.sum()) == pytest.approx(1.0)
    offsets = torch.arange(-20.0, 21.0, dtype=torch.float64)
    assert float((blurred.sum(1) * offsets**2).sum()) == pytest.approx(4.0, rel=0.01)
    torch.testing.assert_close(blurred, blurred.T)
    flat = torch.full((2, 3, 9, 9), 0.25, dtype=torch.float64)
    torch.testing.assert_close(corruption.gaussian_blur(flat, 1.5), flat)


def test_two_blurs_make_one_of_the_summed_variance():
    x = torch.zeros(1, 61, 61, dtype=torch.float64)
    x[0, 25:35, 28:31] = 1
    twice = corruption.gaussian_blur(corruption.gaussian_blur(x, 3.0), 4.0)
    torch.testing.assert_close(twice, corruption.gaussian_blur(x, 5.0), atol=2e-3, rtol=0)


def test_contrast_keeps_the_mean_and_shrinks_the_deviations():
    x = 0.3 + 0.4 * _images()
    found = corruption.contrast(x, 0.5)
    torch.testing.assert_close(found.mean((-2, -1)), x.mean((-2, -1)))
    torch.testing.assert_close(found.std((-2, -1)), 0.5 * x.std((-2, -1)))


def test_brightness_raises_the_largest_channel_and_keeps_the_hue():
    x = torch.tensor([0.4, 0.2, 0.1]).view(1, 3, 1, 1)
    torch.testing.assert_close(corruption.brightness(x, 0.2), 1.5 * x)
    torch.testing.assert_close(corruption.brightness(torch.zeros(1, 3, 1, 1), 0.2), torch.full((1, 3, 1, 1), 0.2))


def test_occlusion_covers_the_share_that_it_says_with_one_square_elsewhere_in_each():
    white = torch.ones(50, 3, 20, 20)
    found = corruption.occlusion(white, 0.16, generator=_generator())
    black = found[:, 0] == 0
    assert bool((black.sum((1, 2)) == 64).all())
    assert bool((black.any(2).sum(1) == 8).all())
    assert torch.equal(found[:, 0], found[:, 2])
    assert len({tuple(b.nonzero()[0].tolist()) for b in black}) > 10


def test_what_is_not_there_is_said():
    with pytest.raises(ValueError, match="no corruption 'gausian_noise'; the nearest are 'gaussian_noise'"):
        named("gausian_noise")
    with pytest.raises(ValueError, match=r"contrast has the severities 1 to 5 \(0: clean\); got 6"):
        named("contrast").apply(_images(), 6, generator=_generator())
    with pytest.raises(ValueError, match=r"images are \[sample, row, column\] or"):
        named("contrast").apply(torch.rand(3, 4), 1, generator=_generator())
