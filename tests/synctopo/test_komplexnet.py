"""Complex layers, phase dynamics and synchrony of KomplexNet: known answers, invariances and their opposites."""

import itertools
import math

import pytest
import torch
from torch import nn

from synctopo.models.komplexnet import (
    ComplexConv2d,
    ComplexLinear,
    KomplexNet,
    Lateral,
    Oscillators,
    Phases,
    RealNet,
    exclusive,
    gabors,
    group_loss,
    ideal,
    moving_threshold,
    phase_energy,
    phase_step,
    scattered,
    settling,
    symmetric,
    synchrony_index,
)

pytestmark = pytest.mark.smoke


def _generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _complex(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex128, generator=_generator())


def _scene(channels: int = 2, size: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    g = _generator()
    phases = 6.28 * torch.rand(3, channels, size, size, generator=g, dtype=torch.float64)
    weights = torch.rand(3, channels, size, size, generator=g, dtype=torch.float64)
    return phases, weights, torch.randn(channels, channels, 5, 5, generator=g, dtype=torch.float64)


def _layers(*, phase_bias: bool) -> list[tuple[nn.Module, torch.Tensor]]:
    conv = ComplexConv2d(2, 3, 3, stride=2, phase_bias=phase_bias, generator=_generator()).double()
    linear = ComplexLinear(6, 4, phase_bias=phase_bias, generator=_generator()).double()
    last = ComplexLinear(6, 4, rectified=False, phase_bias=phase_bias, generator=_generator()).double()
    return [(conv, _complex(3, 2, 7, 7)), (linear, _complex(3, 6)), (last, _complex(3, 6))]


def test_the_direction_of_a_complex_convolution_is_that_of_two_real_ones():
    conv, z = _layers(phase_bias=False)[0]
    found = conv.response(z.real, z.imag, z.abs())
    native = nn.functional.conv2d(z, conv.weight.to(z.dtype), stride=2, padding=1)
    torch.testing.assert_close(torch.complex(found.re, found.im), native)
    real, imaginary = (nn.functional.conv2d(part, conv.weight, stride=2, padding=1) for part in (z.real, z.imag))
    torch.testing.assert_close(torch.complex(found.re, found.im), torch.complex(real, imaginary))


def test_the_magnitude_is_half_that_of_the_phasors_and_half_that_of_the_lengths():
    *_, (last, z) = _layers(phase_bias=False)
    found = last.response(z.real, z.imag, z.abs())
    chi = z.abs() @ last.weight.T + last.bias
    torch.testing.assert_close(found.magnitude, ((z @ last.weight.T.to(z.dtype)).abs() + chi) / 2)


def test_published_biases_enter_both_parts():
    conv, z = _layers(phase_bias=True)[0]
    found = conv.response(z.real, z.imag, z.abs())
    torch.testing.assert_close(found.re, nn.functional.conv2d(z.real, conv.weight, conv.bias, stride=2, padding=1))
    torch.testing.assert_close(found.im, nn.functional.conv2d(z.imag, conv.weight, conv.bias, stride=2, padding=1))


@pytest.mark.parametrize("k", range(3))
def test_a_shift_of_all_phases_shifts_the_answer_and_with_published_biases_does_not(k):
    turn = torch.polar(torch.ones((), dtype=torch.float64), torch.tensor(1.1, dtype=torch.float64))
    layer, z = _layers(phase_bias=False)[k]
    torch.testing.assert_close(layer(z * turn), layer(z) * turn)
    biased, z = _layers(phase_bias=True)[k]
    assert (biased(z * turn) - biased(z) * turn).abs().max() > 0.05


def test_normalisation_and_rectification_leave_phases_alone():
    conv, z = _layers(phase_bias=False)[0]
    before, after = conv.response(z.real, z.imag, z.abs()), conv(z)
    lit = after.abs() > 1e-6
    assert lit.any()
    assert not lit.all()
    torch.testing.assert_close(after.angle()[lit], torch.atan2(before.im, before.re)[lit])


def test_a_layer_whose_input_is_0_has_a_gradient():
    conv = ComplexConv2d(1, 2, 3, generator=_generator())
    z = torch.zeros(2, 1, 5, 5, dtype=torch.complex64, requires_grad=True)
    conv(z).abs().square().sum().backward()
    assert z.grad is not None
    assert torch.isfinite(torch.view_as_real(z.grad)).all()


def test_the_threshold_moves_with_the_largest_magnitude():
    torch.testing.assert_close(moving_threshold(torch.tensor([[3.0, 1.0], [-3.0, -6.0]])), torch.tensor([[2.0, 0.0], [-2.0, -5.0]]))


@pytest.mark.parametrize(("channels", "size", "width"), [(1, 6, 3), (2, 7, 5), (3, 5, 9)])
def test_the_transform_couples_as_the_convolution_does(channels, size, width):
    field = torch.randn(2, channels, size, size + 1, dtype=torch.complex128, generator=_generator())
    kernel = torch.randn(channels, channels, width, width, dtype=torch.float64, generator=_generator(4))
    ways = [torch.complex(*Lateral(kernel, (size, size + 1), spectral=s)(field.real, field.imag)) for s in (False, True)]
    torch.testing.assert_close(*ways)
    torch.testing.assert_close(ways[0], nn.functional.conv2d(field, kernel.to(field.dtype), padding=width // 2))


def test_a_step_is_the_published_sum_over_pairs():
    phases, weights, kernel = _scene(2, 4)
    found = phase_step(phases, weights, Lateral(kernel, (4, 4)), rate=0.1, desync=0.3)
    expected = phases.clone()
    places = [(c, r, s) for c in range(2) for r in range(4) for s in range(4)]
    for o, r, s in places:
        for i, p, q in places:
            near = abs(p - r) <= 2 and abs(q - s) <= 2
            k = kernel[o, i, p - r + 2, q - s + 2] if near else torch.zeros((), dtype=kernel.dtype)
            expected[:, o, r, s] += 0.1 * (k - 0.3) * weights[:, i, p, q] * (phases[:, i, p, q] - phases[:, o, r, s]).sin()
    torch.testing.assert_close(found, expected)


def test_a_shift_of_all_phases_passes_through_a_step():
    phases, weights, kernel = _scene()
    lateral = Lateral(kernel, (7, 7))
    shifted = phase_step(phases + 0.7, weights, lateral, rate=0.1, desync=0.2)
    torch.testing.assert_close(shifted, phase_step(phases, weights, lateral, rate=0.1, desync=0.2) + 0.7)


def test_coupling_0_leaves_phases_and_other_coupling_does_not():
    phases, weights, kernel = _scene()
    assert torch.equal(phase_step(phases, weights, Lateral(0 * kernel, (7, 7)), rate=0.1), phases)
    assert not torch.equal(phase_step(phases, weights, Lateral(kernel, (7, 7)), rate=0.1), phases)


@pytest.mark.parametrize("spectral", [False, True])
def test_a_step_goes_down_the_energy_of_a_symmetric_kernel(spectral):
    phases, weights, kernel = _scene()
    kernel = symmetric(kernel)
    moved = phase_step(phases, weights, Lateral(kernel, (7, 7), spectral=spectral), rate=1.0, desync=0.2) - phases
    point = phases.clone().requires_grad_()
    (slope,) = torch.autograd.grad(phase_energy(point, weights, kernel, desync=0.2).sum(), point)
    torch.testing.assert_close(moved * weights, -slope)
    for place in ((0, 0, 2, 3), (1, 1, 0, 6), (2, 0, 6, 6)):
        bump = torch.zeros_like(phases)
        bump[place] = 1e-5
        up, down = (phase_energy(phases + sign * bump, weights, kernel, desync=0.2).sum() for sign in (1, -1))
        torch.testing.assert_close(slope[place], (up - down) / 2e-5, rtol=1e-6, atol=1e-8)


def test_a_kernel_that_is_not_symmetric_has_no_such_energy():
    phases, weights, kernel = _scene()
    moved = phase_step(phases, weights, Lateral(kernel, (7, 7)), rate=1.0) - phases
    point = phases.clone().requires_grad_()
    (slope,) = torch.autograd.grad(phase_energy(point, weights, kernel).sum(), point)
    assert (moved * weights + slope).abs().max() > 0.1


def test_small_steps_lower_the_energy():
    phases, weights, kernel = _scene()
    kernel = symmetric(kernel)
    energies = [phase_energy(p, weights, kernel) for p in settling(phases, weights, kernel, rate=0.02, desync=0.0, steps=20)]
    assert all((b < a).all() for a, b in itertools.pairwise(energies))


def test_two_oscillators_lock_at_the_arcsine_of_their_difference_over_twice_the_coupling():
    kernel = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
    kernel[0, 0, 1, 0] = kernel[0, 0, 1, 2] = 0.8
    frequency = torch.tensor([[0.3, -0.6]], dtype=torch.float64)
    phases = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
    lateral = Lateral(kernel, (1, 2))
    for _ in range(60):
        phases = phase_step(phases, torch.ones_like(phases), lateral, rate=0.4, frequency=frequency)
    assert float(phases[0, 0, 0, 0] - phases[0, 0, 0, 1]) == pytest.approx(math.asin(0.9 / 1.6), abs=1e-9)


def test_feedback_pulls_phases_to_its_own():
    phases, weights, kernel = _scene()
    field = 3 * torch.polar(torch.ones_like(phases), torch.full_like(phases, 0.4))
    lateral = Lateral(0 * kernel, (7, 7))
    for _ in range(40):
        phases = phase_step(phases, weights, lateral, rate=0.2, feedback=field)
    torch.testing.assert_close(phases.cos(), torch.full_like(phases, math.cos(0.4)))


def test_the_synchrony_of_locked_phases_is_1_and_of_evenly_spread_ones_0():
    masks = torch.zeros(1, 2, 4, 4)
    masks[0, 0, :2], masks[0, 1, 2:] = 1, 1
    phases = torch.full((1, 3, 4, 4), 0.9)
    phases[:, :, 2:] = torch.arange(8).view(2, 4) * 2 * math.pi / 8
    torch.testing.assert_close(synchrony_index(phases, masks), torch.tensor([[1.0, 0.0]]), atol=1e-6, rtol=0)


def test_scattered_phases_have_the_synchrony_of_chance():
    masks = torch.ones(40, 1, 16, 16)
    phases = scattered(torch.rand(40, 1, 16, 16, generator=_generator()), (2, 16, 16))
    found = float(synchrony_index(phases, masks).mean())
    assert found == pytest.approx(math.sqrt(math.pi / (4 * 256)), rel=0.15)


def test_silent_units_do_not_count():
    masks = torch.ones(1, 1, 2, 2)
    phases = torch.tensor([[[[0.3, 2.0], [0.3, -1.0]]]])
    active = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    assert float(synchrony_index(phases, masks, active)) == pytest.approx(1.0)
    assert float(synchrony_index(phases, masks)) < 0.7
    assert float(synchrony_index(phases, masks, 0 * active)) == 0.0


@pytest.mark.parametrize("shift", [0.0, 1.3])
def test_antiphase_has_no_group_loss_whatever_phase_0_is_and_however_many_units_are_silent(shift):
    masks = torch.zeros(1, 2, 4, 4)
    masks[0, 0, :2], masks[0, 1, 2:] = 1, 1
    phases = shift + math.pi * masks[:, 1:].expand(1, 2, 4, 4).clone()
    active = torch.rand(1, 2, 4, 4, generator=_generator()) < 0.5
    phases = torch.where(active, phases, torch.zeros(()))
    assert float(group_loss(phases, masks, active)) == pytest.approx(0.0, abs=1e-5)
    # the two in phase: S is 0 and D is 1 of a bound of 2
    together = torch.full_like(phases, shift)
    assert float(group_loss(together, masks, active)) == pytest.approx(0.5, abs=1e-5)


def test_three_objects_at_equal_angles_have_no_group_loss():
    masks = torch.zeros(1, 4, 6, 6)
    for g in range(3):
        masks[0, g, 2 * g : 2 * g + 2] = 1
    phases = (masks * (2 * math.pi / 3 * torch.arange(4.0))[:, None, None]).sum(1, keepdim=True)
    assert float(group_loss(phases, masks)) == pytest.approx(0.0, abs=1e-5)
    assert float(group_loss(phases / 2, masks)) > 0.1


def test_the_gradient_of_the_group_loss_is_that_of_differences():
    phases, weights, _ = _scene(1, 3)
    masks = torch.zeros(3, 2, 3, 3, dtype=torch.float64)
    masks[:, 0, :1], masks[:, 1, 1:] = 1, 1
    assert torch.autograd.gradcheck(lambda p: group_loss(p, masks, weights), phases.requires_grad_(), fast_mode=True)


def test_positions_of_several_objects_are_left_out():
    masks = torch.tensor([[[[1, 1, 0]], [[0, 1, 1]]]])
    assert exclusive(masks).tolist() == [[[[1, 0, 0]], [[0, 0, 1]]]]


def test_scattered_phases_are_a_function_of_the_image_and_differ_between_images_and_seeds():
    x = torch.rand(50, 1, 6, 6, generator=_generator())
    phases = scattered(x, (3, 6, 6))
    assert torch.equal(scattered(x[7:8], (3, 6, 6)), phases[7:8])
    assert not torch.equal(phases[0], phases[1])
    others = [scattered(x, (3, 6, 6), seed=seed) for seed in (1, 2, 3, 2**62 + 5)]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations((phases, *others), 2))
    changed = x.clone()
    changed[0, 0, 3, 3] += 1e-3
    assert not torch.isclose(scattered(changed, (3, 6, 6))[0], phases[0]).any()
    counts = torch.histc(phases, 8, -math.pi, math.pi) / phases.numel()
    torch.testing.assert_close(counts, torch.full((8,), 0.125), atol=0.02, rtol=0)


def test_ideal_phases_separate_the_objects_as_far_as_can_be():
    masks = torch.zeros(2, 3, 9, 9)
    masks[:, 0, :2, :2], masks[:, 1, 6:, 6:] = 1, 1
    masks[1, 2, :2, 7:] = 1
    elsewhere = torch.full((2, 1, 9, 9), 9.0)
    phases = ideal(masks, elsewhere)
    torch.testing.assert_close(phases[0, 0, 7, 7], torch.tensor(math.pi))
    torch.testing.assert_close(phases[1, 0, 0, 8], torch.tensor(4 * math.pi / 3))
    assert (phases[:, 0, 0, 0] == 0).all()
    assert phases[0, 0, 8, 0] == 9.0
    torch.testing.assert_close(synchrony_index(phases, masks)[1], torch.ones(3))


def test_gabors_see_bars_of_their_own_orientation():
    bars = torch.zeros(2, 1, 5, 5)
    bars[0, 0, :, 2], bars[1, 0, 2, :] = 1, 1
    found = nn.functional.conv2d(bars, gabors(4))[..., 0, 0]
    assert found.argmax(1).tolist() == [0, 2]
    torch.testing.assert_close(gabors(8).sum((2, 3)), torch.zeros(8, 1), atol=1e-6, rtol=0)


def _net(**options: object) -> KomplexNet:
    return KomplexNet((8, 8), 4, **{"channels": 3, "hidden": 6, "steps": 4, "width": 3, "generator": _generator(), **options})


def _images(n: int = 5, objects: int = 2) -> torch.Tensor:
    masks = torch.rand(n, objects, 8, 8, generator=_generator()) < 0.3
    image = masks.any(1, keepdim=True) * torch.rand(n, 1, 8, 8, generator=_generator(4))
    return torch.cat((image, masks.float()), 1)


@torch.no_grad()
@pytest.mark.parametrize("oscillators", Oscillators)
def test_no_score_depends_on_where_phase_0_is_but_with_published_biases(oscillators):
    x = _images()
    for phase_bias in (False, True):
        net = _net(oscillators=oscillators, phase_bias=phase_bias)
        amplitude = net.amplitude(x[:, :1])
        phases = net.settled(amplitude, net.start(x[:, :1], x[:, 1:]))
        moved = (net.scores(amplitude, phases + 1.0) - net.scores(amplitude, phases)).abs().max()
        assert float(moved) < 1e-5 if not phase_bias else float(moved) > 1e-3


def test_masks_matter_to_ideal_phases_alone():
    x = _images()
    for mode in Phases:
        net = _net(phases=mode)
        other = torch.cat((x[:, :1], x[:, 1:].flip(2)), 1)
        assert torch.equal(net(x), net(other)) == (mode is not Phases.IDEAL)


def test_ideal_phases_without_masks_are_refused():
    with pytest.raises(ValueError, match="ideal phases come from the masks"):
        _net(phases=Phases.IDEAL)(_images()[:, :1])


@pytest.mark.parametrize("oscillators", Oscillators)
def test_forward_is_the_readout_after_the_last_step(oscillators):
    for feedback in (False, True):
        net = _net(oscillators=oscillators, feedback=feedback)
        *_, state = net.states(_images())
        torch.testing.assert_close(net(_images()), state["readout"])


def test_phases_that_do_not_move_give_the_same_state_at_every_step():
    states = list(_net(phases=Phases.RANDOM).states(_images()))
    assert len(states) == 4
    assert all(torch.equal(s["readout"], states[0]["readout"]) for s in states)


def test_feedback_changes_phases_from_the_second_step_on():
    x = _images()
    with_feedback = _net(feedback=True)
    with torch.no_grad():
        with_feedback.from_hidden.fill_(0.5)
    without = _net()
    for t, (a, b) in enumerate(zip(with_feedback.states(x), without.states(x), strict=True)):
        assert torch.equal(a["conv1.phase"], b["conv1.phase"]) == (t == 0)


def test_phases_drawn_anew_differ_from_those_of_the_image():
    net, x = _net(), _images()
    assert not torch.equal(net(x, generator=_generator()), net(x))
    assert torch.equal(net(x, generator=_generator()), net(x, generator=_generator()))


@pytest.mark.parametrize("oscillators", Oscillators)
def test_the_real_control_has_no_fewer_parameters_and_hardly_more(oscillators):
    net = KomplexNet((32, 32), 10, oscillators=oscillators, generator=_generator())
    ours, theirs = (sum(p.numel() for p in m.parameters()) for m in (net, RealNet.matching(net, generator=_generator())))
    assert 0 <= theirs - ours < 0.03 * ours


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "at least one output"),
        ({"width": 4}, "odd width"),
        ({"feedback": True, "phases": Phases.ZERO}, "feedback moves phases"),
    ],
)
def test_a_network_that_cannot_be_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        _net(**options)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="images of 8 x 8"):
        _net()(torch.rand(2, 1, 7, 7))


def test_a_kernel_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="odd width"):
        Lateral(torch.zeros(1, 1, 4, 4), (5, 5))
