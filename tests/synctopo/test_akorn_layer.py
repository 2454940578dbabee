"""Kuramoto layers: what the mathematics says of them, and every sentence that bad input gets."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn

from synctopo.models.akorn import (
    AttentiveCoupling,
    ConvCoupling,
    DenseCoupling,
    Frequency,
    KuramotoLayer,
    NormReadout,
    energy,
    kuramoto_step,
    normalised,
    order_parameter,
    projected,
    random_oscillators,
    rotated,
)
from synctopo.models.akorn.dynamics import antisymmetric, rotation

EXACT = torch.zeros((), dtype=torch.float64)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _oscillators(*shape: int, seed: int = 0) -> Tensor:
    return random_oscillators(*shape, like=EXACT, generator=_generator(seed))


def _normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=_generator(seed), dtype=torch.float64)


LAYERS = {
    "dense": (lambda: DenseCoupling(6 * 9, 4, generator=_generator()), (3, 3)),
    "by frequency": (lambda: ConvCoupling(24, 5, generator=_generator()), (4, 3)),
    "convolution": (lambda: ConvCoupling(24, 1, generator=_generator()), (5, 5)),
    "attention": (lambda: AttentiveCoupling(24, heads=3, generator=_generator()), (2, 3)),
    "attention with positions": (lambda: AttentiveCoupling(24, heads=3, place=(2, 3), generator=_generator()), (2, 3)),
    "of one's own": (lambda: nn.Conv2d(24, 24, 3, padding=1), (4, 4)),
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> tuple[KuramotoLayer, Tensor, Tensor]:
    make, place = LAYERS[request.param]
    torch.manual_seed(0)
    built = KuramotoLayer(make(), 6, 4, learn_gamma=True, generator=_generator()).double()
    return built, _oscillators(3, 6, 4, *place), _normal(3, 6, 4, *place)


def _by_the_book(layer: KuramotoLayer, x: Tensor, c: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        drive = c + layer.coupling(x.flatten(1, 2)).view_as(x)
        omega = layer.omega()
        x = x + layer.gamma * (projected(x, drive) + (0 if omega is None else rotated(x, omega)))
        x = x / x.norm(dim=2, keepdim=True)
    return x


def test_a_layer_does_what_the_equations_say(layer):
    net, x, c = layer
    torch.testing.assert_close(net(x, c, steps=5), _by_the_book(net, x, c, 5))


def test_the_gradients_are_those_of_the_equations(layer):
    net, x, c = layer
    found = []
    for run in (lambda: net(x, c, steps=3), lambda: net(x, c, steps=3, segment=2), lambda: _by_the_book(net, x, c, 3)):
        net.zero_grad()
        (run() * _normal(*x.shape, seed=5)).sum().backward()
        found.append({name: p.grad.clone() for name, p in net.named_parameters()})
    for name, gradient in found[2].items():
        torch.testing.assert_close(found[0][name], gradient)
        torch.testing.assert_close(found[1][name], gradient)


def test_lengths_stay_1(layer):
    net, x, c = layer
    for state in net.float().states(x.float(), c.float(), steps=20):
        torch.testing.assert_close(state.x.norm(dim=2), torch.ones(state.x.norm(dim=2).shape), rtol=0, atol=1e-6)


def test_the_states_end_where_the_layer_does_and_so_do_two_runs_one_after_the_other(layer):
    net, x, c = layer
    last = list(net.states(x, c, steps=7))[-1].x
    torch.testing.assert_close(net(x, c, steps=7), last)
    torch.testing.assert_close(net(net(x, c, steps=3), c, steps=4), last)


def test_a_sample_does_not_see_the_others(layer):
    net, x, c = layer
    torch.testing.assert_close(net(x[1:2], c[1:2], steps=6), net(x, c, steps=6)[1:2])


def test_single_precision_follows_double_precision_over_128_steps(layer):
    net, x, c = layer
    with torch.no_grad():
        # weak coupling does not amplify what is rounded
        for p in net.coupling.parameters():
            p.mul_(0.3)
        exact = net(x, c, steps=128)
        rough = net.float()(x.float(), c.float(), steps=128)
    assert float((exact - rough).abs().max()) < 1e-4


def test_gradients_of_a_step_are_central_differences():
    x, y = _normal(2, 3, 3, 2).requires_grad_(), _normal(2, 3, 3, 2, seed=2).requires_grad_()
    gamma, speeds = torch.tensor(0.7, dtype=torch.float64, requires_grad=True), _normal(3, 3, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, y, g, s: kuramoto_step(normalised(x), y, g, antisymmetric(s, 3)), (x, y, gamma, speeds), check_undefined_grad=False
    )


def test_many_dimensions_step_as_few_do():
    x, y = _oscillators(2, 3, 12), _normal(2, 3, 12)
    moved = x + 0.5 * projected(x, y)
    torch.testing.assert_close(kuramoto_step(x, y, 0.5), moved / moved.norm(dim=2, keepdim=True))


def test_energy_never_rises_for_symmetric_coupling_without_rotation():
    coupling = DenseCoupling(12, 3, symmetric=True, generator=_generator())
    x, c = _oscillators(4, 12, 3), _normal(4, 12, 3)
    rises = []
    for gamma in (4.0, 0.1):
        net = KuramotoLayer(coupling, 12, 3, frequency=Frequency.NONE, gamma=gamma).double()
        course = torch.stack([s.energy.detach() for s in net.states(x, 3 * c, steps=60)])
        rises.append(float(course.diff(dim=0).max()))
    assert rises[1] <= 1e-12
    # with steps that are too long it does
    assert rises[0] > 1e-3


def test_a_small_step_takes_from_the_energy_its_size_times_the_square_of_the_velocity():
    coupling = DenseCoupling(5, 3, symmetric=True, generator=_generator()).double()
    x, c = _oscillators(1, 5, 3), _normal(1, 5, 3)
    errors = []
    for gamma in (1e-2, 5e-3, 2.5e-3):
        net = KuramotoLayer(coupling, 5, 3, frequency=Frequency.NONE, gamma=gamma).double()
        before, after = (s.energy.detach() for s in net.states(x, c, steps=1))
        velocity = projected(x, c + coupling(x.flatten(1, 2)).view_as(x)).detach()
        errors.append(float((after - before + gamma * velocity.square().sum()).abs() / gamma))
    # first order: half of the step, half of the error
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


def test_with_scalar_coupling_turning_all_turns_the_result_and_a_matrix_coupling_does_not():
    turn = torch.linalg.qr(_normal(3, 3))[0]
    turned = lambda t: torch.einsum("nm,som->son", turn, t)  # noqa: E731
    x, c = _oscillators(2, 5, 3), _normal(2, 5, 3)
    difference = {}
    for scalar in (True, False):
        net = KuramotoLayer(DenseCoupling(5, 3, scalar=scalar, generator=_generator()), 5, 3, frequency=Frequency.NONE).double()
        away = net(turned(x), turned(c), steps=10) - turned(net(x, c, steps=10))
        difference[scalar] = float(away.detach().abs().max())
    assert difference[True] < 1e-12
    assert difference[False] > 1e-2


def test_natural_rotation_is_antisymmetric_and_turns_by_its_speed():
    omega = antisymmetric(_normal(4, 6), 4)
    torch.testing.assert_close(omega, -omega.transpose(1, 2))
    x = _oscillators(3, 4, 4)
    torch.testing.assert_close((x * rotated(x, omega)).sum(2), torch.zeros(3, 4, dtype=torch.float64))
    spin = antisymmetric(torch.tensor([0.01], dtype=torch.float64), 2)
    at = torch.tensor([1.0, 0.0], dtype=torch.float64).view(1, 1, 2)
    for _ in range(100):
        at = kuramoto_step(at, torch.zeros_like(at), 1.0, spin)
    assert float(torch.atan2(at[0, 0, 1], at[0, 0, 0])) == pytest.approx(1.0, rel=1e-4)


def _classical(weights: Tensor, speeds: Tensor, phases: Tensor, gamma: float, steps: int) -> Tensor:
    """N = 2: phases after steps of the layer's own dynamics."""
    coupling = DenseCoupling(len(phases), 2, scalar=True)
    coupling.weight.data = weights
    net = KuramotoLayer(coupling.double(), len(phases), 2, frequency=Frequency.EACH, gamma=gamma).double()
    assert net.speeds is not None
    net.speeds.data = speeds[:, None]
    with torch.no_grad():
        x = net(torch.stack((phases.cos(), phases.sin()), 1)[None], steps=steps)[0]
    return torch.atan2(x[:, 1], x[:, 0])


@pytest.mark.slow
def test_in_two_dimensions_it_is_the_classical_model_to_first_order_of_the_step():
    weights, speeds, phases = _normal(6, 6) / 3, _normal(6, seed=2), _normal(6, seed=3)
    w, s = weights.numpy(), speeds.numpy()
    exact = solve_ivp(lambda _, p: s + (w * np.sin(p[None] - p[:, None])).sum(1), (0, 2), phases.numpy(), rtol=1e-10, atol=1e-12).y[:, -1]
    errors = []
    for steps in (200, 400, 800):
        away = _classical(weights, speeds, phases, 2 / steps, steps).numpy() - exact
        errors.append(np.abs(np.angle(np.exp(1j * away))).max())
    assert errors[0] < 0.03
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


@pytest.mark.slow
def test_two_oscillators_lock_at_the_arcsine():
    strength, difference = 0.5, 0.6
    weights = torch.tensor([[0.0, strength], [strength, 0.0]], dtype=torch.float64)
    phases = _classical(weights, torch.tensor([difference, 0.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64), 0.05, 600)
    assert float(phases[0] - phases[1]) == pytest.approx(np.arcsin(difference / (2 * strength)), rel=1e-3)


@pytest.mark.slow
def test_synchrony_sets_in_where_the_mean_field_theory_says():
    count, width = 500, 0.5
    # Lorentzian frequencies at equal shares of their distribution: K_c = 2 / (pi g(0)) = 2 * width
    shares = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    speeds = width * torch.tan(torch.pi * (shares - 0.5))
    start = 2 * torch.pi * torch.rand(count, generator=_generator(), dtype=torch.float64)
    found = {}
    for strength in (0.6, 2.0, 4.0):
        x = torch.stack((start.cos(), start.sin()), 1)[None]
        spin, orders = antisymmetric(speeds[:, None], 2), []
        for step in range(400):
            field = strength * x.mean(1, keepdim=True).expand_as(x)
            x = kuramoto_step(x, field, 0.05, spin)
            if step >= 200:
                orders.append(float(order_parameter(x)))
        found[strength] = np.mean(orders)
    assert found[0.6] < 0.15
    for strength in (2.0, 4.0):
        assert found[strength] == pytest.approx(np.sqrt(1 - 2 * width / strength), abs=0.06)


def test_the_order_parameter_is_1_for_agreement_and_0_for_opposites():
    x = _oscillators(1, 1, 3).expand(2, 4, 3).clone()
    x[1, ::2] *= -1
    torch.testing.assert_close(order_parameter(x), torch.tensor([1.0, 0.0], dtype=torch.float64))


def test_the_energy_has_the_half_of_the_paper():
    x, c = _oscillators(2, 3, 4), _normal(2, 3, 4)
    torch.testing.assert_close(energy(x, 2 * x, c), -3.0 - (x * c).sum((1, 2)))
    torch.testing.assert_close(energy(x, 2 * x), torch.full((2,), -3.0, dtype=torch.float64))


def test_a_state_without_direction_becomes_the_first_axis_and_moves_on():
    x = torch.zeros(1, 2, 3)
    x[0, 1] = torch.tensor([0.0, 3.0, 4.0])
    torch.testing.assert_close(normalised(x), torch.tensor([[[1.0, 0, 0], [0, 0.6, 0.8]]]))
    net = KuramotoLayer(DenseCoupling(2, 3, generator=_generator()), 2, 3)
    assert bool(net(x, torch.ones(1, 2, 3), steps=3).isfinite().all())


def test_what_is_no_number_stays_none_and_half_precision_does_not_overflow():
    x = torch.ones(1, 3, 4)
    x[0, 1, 2] = torch.nan
    assert normalised(x).isnan().all(2).tolist() == [[False, True, False]]
    x[0, 0] = 0
    assert normalised(x).isnan().all(2).tolist() == [[False, True, False]]
    for kind in (torch.float16, torch.bfloat16):
        found = normalised(torch.full((1, 1, 4), 300.0, dtype=kind))
        assert found.dtype == kind
        assert found.tolist() == [[[0.5] * 4]]


@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2)])
def test_second_derivatives_are_those_of_differences(n, order):
    back, shape = [order.index(k) for k in range(4)], (1, 2, n, 3)
    x, y = (_normal(*shape, seed=k).permute(order).contiguous().permute(back).requires_grad_() for k in range(2))
    gamma, speeds = torch.tensor(0.6, dtype=torch.float64, requires_grad=True), _normal(2, n * (n - 1) // 2, seed=2).requires_grad_()

    def step(x: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
        return kuramoto_step(normalised(x), y, gamma)

    def turned(x: Tensor, y: Tensor, speeds: Tensor) -> Tensor:
        tokens = (t.flatten(1, 2).transpose(1, 2).contiguous() for t in (y, x))
        return rotation(antisymmetric(speeds, n))(*tokens)

    assert torch.autograd.gradgradcheck(step, (x, y, gamma))
    # the square makes the gradient depend on every argument
    assert torch.autograd.gradgradcheck(lambda *given: turned(*given).square(), (x.flatten(3), y.flatten(3), speeds))


def test_a_penalty_of_the_gradient_reaches_every_weight_of_a_layer():
    net = KuramotoLayer(AttentiveCoupling(8, heads=2, generator=_generator()), 2, 4, generator=_generator())
    weights = [p for p in net.parameters() if p.requires_grad]
    x, c = (_normal(2, 2, 4, 3, seed=k).float() for k in range(2))
    grad = torch.autograd.grad(net(x, c, steps=3)[..., 0].sum(), weights, create_graph=True)
    sum(g.square().sum() for g in grad).backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in weights)


@pytest.mark.parametrize("shape", [(0, 2, 4, 3), (2, 2, 4)])
def test_attention_takes_no_samples_and_no_space(shape):
    net = KuramotoLayer(AttentiveCoupling(8, heads=2, generator=_generator()), 2, 4, generator=_generator())
    assert net(torch.ones(shape), steps=2).shape == shape
    assert NormReadout(8, 3, 4)(torch.ones(shape)).shape == (shape[0], 3, *shape[3:])


def test_positions_make_attention_see_where_a_place_is():
    x = _normal(1, 8, 2, 2).float()
    swapped = x.flatten(2)[..., [1, 0, 3, 2]].view_as(x)
    alike = {}
    for place in (None, (2, 2)):
        net = AttentiveCoupling(8, heads=2, place=place, generator=_generator())
        back = net(swapped).flatten(2)[..., [1, 0, 3, 2]].view_as(x)
        alike[place] = torch.allclose(back, net(x), atol=1e-6)
    # a mirror image keeps distances but not directions
    assert alike == {None: True, (2, 2): False}


def test_attention_over_many_places_is_the_same_in_blocks():
    net = AttentiveCoupling(8, heads=2, generator=_generator())
    x = _normal(1, 8, 12, 12).float()
    three = nn.functional.linear(x.flatten(2).transpose(1, 2), net.weight, net.bias).view(1, 144, 3, 2, 4)
    q, k, v = three.permute(2, 0, 3, 1, 4)
    want = ((q @ k.transpose(-1, -2)) / 2).softmax(-1) @ v
    want = nn.functional.linear(want.transpose(1, 2).reshape(1, 144, 8), net.out_weight)
    torch.testing.assert_close(net(x), want.transpose(1, 2).reshape(x.shape), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: KuramotoLayer(nn.Identity(), 3, 1), "at least two dimensions"),
        (lambda: KuramotoLayer(nn.Identity(), 3, 2, gamma=0.0), "positive number"),
        (lambda: KuramotoLayer(nn.Identity(), 3, 2)(torch.ones(1, 2, 2), steps=1), "3 oscillators, 2 components"),
        (lambda: KuramotoLayer(nn.Identity(), 3, 2)(torch.ones(1, 3, 2), torch.ones(1, 3, 3), steps=1), "shape of the states"),
        (lambda: KuramotoLayer(nn.Identity(), 3, 2)(torch.ones(1, 3, 2), steps=-1), "0 or more steps"),
        (lambda: KuramotoLayer(nn.Identity(), 3, 2)(torch.ones(1, 3, 2), steps=1, segment=-1), "0 to keep all"),
        (lambda: KuramotoLayer(nn.Linear(6, 5), 3, 2)(torch.ones(1, 3, 2), steps=1), "a coupling gives drives"),
        (lambda: kuramoto_step(torch.ones(1, 3, 1), torch.ones(1, 3, 1)), "n of at least 2"),
        (lambda: kuramoto_step(torch.ones(1, 3, 2), torch.ones(1, 2, 2)), "a drive of its own shape"),
        (lambda: antisymmetric(torch.ones(2), 3), "3 planes"),
        (lambda: DenseCoupling(0, 2), "at least one oscillator"),
        (lambda: ConvCoupling(4, 2), "odd kernel"),
        (lambda: ConvCoupling(4, 3).prepared((4,), None), "on a map"),
        (lambda: AttentiveCoupling(6, heads=4), "evenly"),
        (lambda: AttentiveCoupling(6, heads=2, place=(2, 2)), "are odd"),
        (lambda: AttentiveCoupling(8, heads=2, place=(2, 2))(torch.ones(1, 8, 3, 3)), "make a coupling"),
        (lambda: rotation(torch.zeros(1, 4, 4))(torch.ones(1, 3, 8), torch.ones(1, 3, 8)), "1 oscillators of 4 components"),
        (lambda: rotation(torch.zeros(2, 4, 4))(torch.ones(1, 2, 8), torch.ones(1, 3, 8)), "driven by"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 2, 0), (0, 3, 1, 2)])
@pytest.mark.parametrize("n", [2, 4, 5])
def test_the_compiled_step_is_that_of_torch_in_every_order_of_memory(order, n, monkeypatch):
    back, shape = [order.index(k) for k in range(4)], (3, 4, n, 35)
    laid = [t.permute(order).contiguous().permute(back) for t in (_oscillators(*shape), _normal(*shape), _normal(*shape, seed=2))]
    found = []
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr("synctopo.models.akorn.dynamics._order", lambda x: None)
        x, y = (t.clone().requires_grad_() for t in laid[:2])
        gamma = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
        out = kuramoto_step(x, y, gamma)
        found.append([out, *torch.autograd.grad((out * laid[2]).sum(), (x, y, gamma))])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("n", [2, 4, 5])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_rotation_on_top_of_a_drive_is_the_drive_and_omega_times_the_state(n, kind):
    drive, x, weights = (_normal(3, 7, 6 * n, seed=k).to(kind).requires_grad_() for k in range(3))
    speeds = _normal(6, n * (n - 1) // 2, seed=3).to(kind).requires_grad_()

    def by_einsum(omega: Tensor) -> Tensor:
        return drive + rotated(x.unflatten(2, (6, n)).movedim(1, -1), omega).movedim(-1, 1).flatten(2)

    found = []
    for run in (lambda omega: rotation(omega)(drive, x), by_einsum):
        out = run(antisymmetric(speeds, n))
        found.append((out, *torch.autograd.grad((out * weights).sum(), (drive, x, speeds))))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_oscillators_of_one_dimension_are_signs():
    assert normalised(torch.tensor([[[3.0], [-2.0]]])).tolist() == [[[1.0], [-1.0]]]
