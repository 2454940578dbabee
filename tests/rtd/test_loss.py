import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

import rtd.loss as loss
from rtd.barcode import Barcode
from rtd.divergence import Comparison, max_rtd, rtd, srtd
from rtd.lite import max_rtd_lite, rtd_lite, srtd_lite
from rtd.loss import Member, RTDLoss, distance_loss, rtd_loss
from rtd.metrics import DegenerateError, distances, normalise, positive_pairs

FAMILY: dict[str, tuple[Member, Comparison]] = {
    "rtd": (loss.RTD, rtd),
    "max_rtd": (loss.MAX_RTD, max_rtd),
    "srtd": (loss.SRTD, srtd),
    "rtd_lite": (loss.RTD_LITE, rtd_lite),
    "max_rtd_lite": (loss.MAX_RTD_LITE, max_rtd_lite),
    "srtd_lite": (loss.SRTD_LITE, srtd_lite),
}
family = pytest.mark.parametrize(("member", "divergence"), FAMILY.values(), ids=FAMILY)
members = pytest.mark.parametrize("member", [member for member, _ in FAMILY.values()], ids=FAMILY)


def cloud(n: int, p: int, seed: int) -> torch.Tensor:
    return torch.randn(n, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    return cloud(n, 3, 0), cloud(n, 2, 1)


def slopes(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, step: float = 1e-6) -> torch.Tensor:
    """Central differences in every coordinate."""
    out = torch.zeros_like(x)
    for k in range(x.numel()):
        shift = torch.zeros_like(x).view(-1)
        shift[k] = step
        shift = shift.view_as(x)
        out.view(-1)[k] = (function(x + shift) - function(x - shift)) / (2 * step)
    return out


def slope(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(x), x)
    return gradient


@family
def test_the_value_is_that_of_the_divergence(member: Member, divergence: Comparison) -> None:
    x, y = cloud(40, 5, 0), cloud(40, 3, 1)
    assert rtd_loss(x, y, member=member).item() == pytest.approx(divergence(x, y).value, rel=1e-14)


def test_the_value_is_the_mean_of_both_cross_barcodes_to_the_last_digit() -> None:
    x, y = cloud(40, 5, 0), cloud(40, 3, 1)
    assert rtd_loss(x, y).item() == rtd(x, y).value


@pytest.mark.slow
@members
def test_the_gradient_is_that_of_central_differences(member: Member) -> None:
    x, y = pair()
    for function, at in ((lambda x: rtd_loss(x, y, member=member), x), (lambda y: rtd_loss(x, y, member=member), y)):
        exact = slope(function, at)
        assert exact.abs().max() > 0.1
        with torch.no_grad():
            assert torch.allclose(exact, slopes(function, at), rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"longest": 3}, {"quantile": None}, {"quantile": 0.5}, {"convention": positive_pairs}], ids=lambda o: next(iter(o))
)
def test_the_gradient_is_exact_under_every_option(options: dict) -> None:
    x, y = pair()

    def function(x: torch.Tensor) -> torch.Tensor:
        return rtd_loss(x, y, **options)

    assert torch.allclose(slope(function, x), slopes(function, x), rtol=0, atol=1e-6)


def test_the_scale_can_be_held_constant() -> None:
    x, y = pair()
    held = slope(lambda x: rtd_loss(x, y, scale_gradient=False), x)
    scale = normalise(distances(x)).max() / distances(x).max()
    fixed = normalise(distances(y))
    by_hand = slopes(lambda x: distance_loss(scale * distances(x), fixed), x)
    assert torch.allclose(held, by_hand, rtol=0, atol=1e-6)
    assert not torch.allclose(held, slope(lambda x: rtd_loss(x, y), x))


def test_a_cloud_is_neither_pulled_together_nor_apart_when_the_scale_has_its_gradient() -> None:
    x, y = pair()
    assert (slope(lambda x: rtd_loss(x, y), x) * x).sum().abs() < 1e-12
    assert (slope(lambda x: rtd_loss(x, y, scale_gradient=False), x) * x).sum().abs() > 0.1


@pytest.mark.slow
def test_the_gradient_has_a_gradient() -> None:
    x, y = pair(8)
    direction = cloud(8, 3, 2)

    def along(x: torch.Tensor) -> torch.Tensor:
        x = x if x.requires_grad else x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(rtd_loss(x, y), x, create_graph=True)
        return (gradient * direction).sum()

    second = slope(along, x)
    assert second.abs().max() > 0.1
    assert torch.allclose(second, slopes(along, x).detach(), rtol=0, atol=1e-6)


def test_a_step_down_the_gradient_lowers_the_loss() -> None:
    x, y = pair(20)
    before = rtd_loss(x, y)
    after = rtd_loss(x - 1e-3 * slope(lambda x: rtd_loss(x, y), x), y)
    assert after < before


def test_the_longest_bars_are_what_counts() -> None:
    x, y = pair(20)
    w, v = normalise(distances(x)), normalise(distances(y))
    barcodes = loss.RTD.barcodes(w.numpy(), v.numpy())
    expected = sum(np.sort(barcode.lengths())[-3:].sum() for barcode in barcodes) / 2
    assert rtd_loss(x, y, longest=3).item() == pytest.approx(expected)
    assert rtd_loss(x, y, longest=10_000) == rtd_loss(x, y)


def test_both_directions_of_the_engine_s_sweep_are_the_two_cones() -> None:
    w, v = (normalise(distances(z)).numpy() for z in pair(20))
    one_by_one = Member(loss.RTD.cones, lambda small, big: loss.RTD.barcode(small, big))
    assert loss.RTD.barcodes(w, v) == one_by_one.barcodes(w, v)


@pytest.mark.parametrize("member", [loss.RTD, loss.MAX_RTD, loss.SRTD, loss.RTD_LITE])
def test_barcodes_by_way_of_a_device_are_the_compiled_ones(member: Member) -> None:
    # the operations are the same on every device; the CPU is the one that is always there
    w, v = (normalise(distances(z)).numpy() for z in pair(20))
    for here, there in zip(member.barcodes(w, v), member.barcodes(w, v, torch.device("cpu")), strict=True):
        assert np.array_equal(here.bars, there.bars)


@members
def test_equal_clouds_have_no_loss_and_no_gradient(member: Member) -> None:
    x = cloud(15, 3, 0).requires_grad_()
    value = rtd_loss(x, x.detach(), member=member)
    value.backward()
    assert value.item() == 0
    assert x.grad is not None
    assert not x.grad.any()


def test_points_that_coincide_have_a_finite_gradient() -> None:
    x, y = pair()
    x[1], y[3], y[4] = x[0], y[2], y[2]
    for function, at in ((lambda x: rtd_loss(x, y), x), (lambda y: rtd_loss(x, y), y)):
        at = at.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(at), at, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), at)
        assert gradient.isfinite().all()
        assert second.isfinite().all()


def test_a_loss_of_distances_is_the_loss_of_the_clouds() -> None:
    x, y = pair()
    x.requires_grad_()
    ours = rtd_loss(x, y)
    theirs = distance_loss(normalise(distances(x)), normalise(distances(y)))
    assert ours.item() == theirs.item()
    assert torch.allclose(*(torch.autograd.grad(value, x)[0] for value in (ours, theirs)), rtol=0, atol=1e-12)


@pytest.mark.slow
def test_any_dissimilarity_will_do() -> None:
    x, y = pair()

    def function(x: torch.Tensor) -> torch.Tensor:
        return distance_loss(normalise(distances(x, "cosine")), normalise(distances(y)))

    assert torch.allclose(slope(function, x), slopes(function, x), rtol=0, atol=1e-6)


def test_single_precision_gets_a_gradient_of_its_own_dtype() -> None:
    x, y = (z.float().requires_grad_() for z in pair())
    value = rtd_loss(x, y)
    value.backward()
    assert value.dtype == torch.float64
    assert x.grad is not None
    assert x.grad.dtype == torch.float32
    assert torch.allclose(x.grad.double(), slope(lambda x: rtd_loss(x, y.detach()), x.detach().double()), atol=1e-5)


def test_a_rotation_changes_nothing_and_a_shear_does() -> None:
    x, y = pair()
    turn = torch.linalg.qr(cloud(3, 3, 2)).Q
    assert rtd_loss(x @ turn, y).item() == pytest.approx(rtd_loss(x, y).item(), abs=1e-12)
    assert rtd_loss(x @ torch.diag(torch.tensor([1.0, 5.0, 0.2]).double()), y).item() != pytest.approx(rtd_loss(x, y).item(), abs=1e-3)


def test_the_module_is_the_function_with_its_options() -> None:
    x, y = pair()
    options = {"member": loss.SRTD, "longest": 5, "quantile": 0.5, "convention": positive_pairs, "scale_gradient": False}
    assert RTDLoss(**options)(x, y) == rtd_loss(x, y, **options)
    assert RTDLoss()(x, y) == rtd_loss(x, y)


@pytest.mark.slow
def test_a_short_descent_brings_two_clouds_together() -> None:
    y = cloud(20, 2, 1)
    x = cloud(20, 2, 0).requires_grad_()
    optimiser = torch.optim.Adam([x], 0.1)
    first = rtd_loss(x, y).item()
    for _ in range(12):
        optimiser.zero_grad()
        rtd_loss(x, y).backward()
        optimiser.step()
    assert rtd_loss(x, y).item() < 0.8 * first


def test_a_member_of_one_s_own_is_a_pair_of_sides_and_a_barcode() -> None:
    def longest_birth(small: np.ndarray, big: np.ndarray) -> Barcode:
        i, j = np.unravel_index(int((big - small).argmax()), small.shape)
        edge = np.array([[min(i, j), max(i, j)]])
        return Barcode.from_pairs(np.array([[small[i, j], big[i, j]]]), edge, edge.copy())

    x, y = pair()
    widest = Member(loss.SRTD.cones, longest_birth)
    w, v = normalise(distances(x)), normalise(distances(y))
    assert rtd_loss(x, y, member=widest).item() == pytest.approx((w - v).abs().max().item())


@pytest.mark.parametrize("longest", [0, -1])
def test_a_number_of_bars_that_is_none_is_refused(longest: int) -> None:
    x, y = pair()
    with pytest.raises(ValueError, match="longest must be a whole number of at least 1"):
        RTDLoss(longest=longest)(x, y)


def test_a_collapsed_cloud_is_refused() -> None:
    with pytest.raises(DegenerateError, match=re.escape("the 0.9 quantile of the distances is 0")):
        rtd_loss(torch.zeros(10, 3), cloud(10, 2, 0))


def test_unequal_numbers_of_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="x has 10 and y has 9"):
        rtd_loss(cloud(10, 3, 0), cloud(9, 3, 0))


@pytest.mark.slow
def test_a_word_in_place_of_a_member_is_refused_with_the_members() -> None:
    # in a process of its own: the type checks of the test run would speak first
    code = "import torch, rtd; x = torch.eye(4); rtd.rtd_loss(x, x, member='srtd')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ValueError: `member` is rtd.loss.RTD, MAX_RTD, SRTD, RTD_LITE, MAX_RTD_LITE or SRTD_LITE; got 'srtd'." in done.stderr
