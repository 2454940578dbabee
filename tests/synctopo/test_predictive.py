"""Predictive coding: what must hold for any encoder, against equations written out by hand."""

import copy

import pytest
import torch
from torch import Tensor, nn

from synctopo.models import CNN, Hyper, Noise, Order, PredictiveCoding, Scaling, predify
from synctopo.models.predictive import default_decoder
from synctopo.models.predictive.decoders import reach
from synctopo.models.predictive.hyper import for_each
from synctopo.models.predictive.tracing import checked_names

PLAIN = Hyper(feedforward=1.0, feedback=0.0, error=0.0)
MEMORY = Hyper(feedforward=0.0, feedback=0.0, error=0.0)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


class Residual(nn.Module):
    """A block with a skip connection, batch normalisation, and activations that write in place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.norm(self.conv(x)))


class Residuals(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.blocks = nn.ModuleList([Residual(4), Residual(4)])
        self.unused = nn.Conv2d(4, 4, 1)
        self.shared = nn.ReLU()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.shared(self.stem(x))
        for block in self.blocks:
            h = block(h)
        return self.head(self.shared(h).mean((2, 3)))


def _sequential(inplace: bool) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, padding=1),
        nn.ReLU(inplace),
        nn.Flatten(),
        nn.Linear(45, 8),
        nn.Dropout(0.5),
        nn.Linear(8, 3),
    )


def _images(n: int = 3) -> Tensor:
    return torch.rand(n, 2, 6, 6, generator=_generator())


def _residuals() -> Residuals:
    torch.manual_seed(0)
    return Residuals()


ENCODERS = {
    "sequential": (lambda: _sequential(False), ["1", "4"]),
    "in place": (lambda: _sequential(True), ["0", "1", "3", "4"]),
    "convolutions and a vector": (lambda: _sequential(True), ["2", "4", "6"]),
    "residual": (_residuals, ["stem", "blocks.0", "blocks.1"]),
    "inside and around a block": (_residuals, ["blocks.0.conv", "blocks.0"]),
    "one layer": (_residuals, ["head"]),
}


@pytest.fixture(params=ENCODERS)
def wrapped(request: pytest.FixtureRequest) -> PredictiveCoding:
    build, layers = ENCODERS[request.param]
    return predify(build(), layers, steps=3, example=_images(), generator=_generator())


def _run(model: PredictiveCoding, x: Tensor) -> list[dict[str, Tensor]]:
    with torch.no_grad():
        return list(model.states(x))


def _plain(model: PredictiveCoding, x: Tensor) -> Tensor:
    with torch.no_grad():
        return copy.deepcopy(model.module).eval()(x)


def test_the_first_state_is_the_feedforward_pass_bit_for_bit(wrapped):
    assert torch.equal(_run(wrapped, _images())[0]["readout"], _plain(wrapped, _images()))


def test_feedforward_alone_is_the_plain_net_bit_for_bit_at_every_step(wrapped):
    states = _run(wrapped.tuned(PLAIN), _images())
    assert len(states) == 4
    for state in states:
        assert all(torch.equal(state[site], states[0][site]) for site in state)
        assert torch.equal(state["readout"], _plain(wrapped, _images()))


def test_memory_alone_is_constant_bit_for_bit(wrapped):
    states = _run(wrapped.tuned(MEMORY), _images())
    assert all(torch.equal(state[site], states[0][site]) for state in states for site in state)


def test_the_dynamics_move_the_values_and_the_readout(wrapped):
    states = _run(wrapped, _images())
    assert not torch.equal(states[0]["pcoder1.value"], states[1]["pcoder1.value"])
    assert not torch.equal(states[0]["readout"], states[-1]["readout"])


def test_the_users_module_is_identical_before_and_after():
    for build, layers in ENCODERS.values():
        net = build()
        before = copy.deepcopy(net)
        model = predify(net, layers, example=_images(), generator=_generator())
        _run(model, _images())
        assert model.module is net
        assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), before.state_dict().values(), strict=True))
        assert [m.training for m in net.modules()] == [m.training for m in before.modules()]
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
        assert [n for n, _ in net.named_modules()] == [n for n, _ in before.named_modules()]
        assert vars(net).keys() == vars(before).keys()


def test_hooks_are_removed_after_an_error():
    net = _sequential(False)
    model = predify(net, ["1"], example=_images())
    model.wire(_images())
    with pytest.raises(RuntimeError):
        next(model.states(torch.rand(2, 2, 6, 6, dtype=torch.float64)))
    assert not any(m._forward_hooks for m in net.modules())


def test_samples_do_not_see_each_other_and_one_alone_will_do(wrapped):
    for together, alone in zip(_run(wrapped, _images(7)), _run(wrapped, _images(7)[3:4]), strict=True):
        for site in together:
            torch.testing.assert_close(together[site][3:4], alone[site], rtol=1e-5, atol=1e-6)


def test_gradients_on_or_off_or_inference_mode_make_no_difference(wrapped):
    x = _images()
    off = _run(wrapped, x)
    on = list(wrapped.states(x))
    with torch.inference_mode():
        inference = list(wrapped.states(x.clone()))
    for a, b, c in zip(off, on, inference, strict=True):
        for site in a:
            torch.testing.assert_close(a[site], b[site])
            torch.testing.assert_close(a[site], c[site])


def test_double_precision_goes_through():
    x = _images().double()
    model = predify(_residuals().double(), ["stem", "blocks.0"], steps=2, example=x, generator=_generator())
    assert all(value.dtype == torch.float64 for state in _run(model, x) for value in state.values())


def test_a_copy_and_a_state_dict_are_the_same_model_of_their_own():
    model = predify(_residuals(), ["stem", "blocks.0"], steps=2, example=_images(), generator=_generator())
    twin = copy.deepcopy(model)
    want = _run(model, _images())[-1]["readout"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(_run(twin, _images())[-1]["readout"], want)
    model.load_state_dict(twin.state_dict())
    assert torch.equal(_run(model, _images())[-1]["readout"], want)


def test_without_an_example_the_first_inputs_build_the_same_decoders():
    early = predify(_residuals(), ["stem", "blocks.0"], steps=2, example=_images(), generator=_generator())
    late = predify(_residuals(), ["stem", "blocks.0"], steps=2, generator=_generator())
    assert not list(late.decoders.parameters())
    assert torch.equal(_run(late, _images())[-1]["readout"], _run(early, _images())[-1]["readout"])


def _by_hand(order: Order, hyper: Hyper) -> list[Tensor]:
    """Read-outs of two dense coders, the equation written out with gradients by autograd of the mean square error."""
    f1, f2, head, d1, d2 = _dense()
    x = torch.rand(4, 6, generator=_generator())
    beta, share, alpha = hyper.at(1)
    a = f1(x)
    b = f2(a)
    found = [head(b)]
    for _ in range(3):
        ra, rb = a.detach().requires_grad_(), b.detach().requires_grad_()
        # the mean over the cells of a sample, summed over samples, which do not see each other
        ga = torch.autograd.grad(((d1(ra) - x) ** 2).mean(1).sum(), ra)[0]
        gb = torch.autograd.grad(((d2(rb) - a.detach()) ** 2).mean(1).sum(), rb)[0]
        sa, sb = 6 / 6**0.5, 5 / 5**0.5
        new_a = beta * f1(x) + share * d2(b) + (1 - beta - share) * a - alpha * sa * ga
        new_b = beta * f2(new_a if order is Order.BOTTOM_UP else a) + (1 - beta) * b - alpha * sb * gb
        a, b = new_a, new_b
        found.append(head(b))
    return found


def _dense() -> list[nn.Linear]:
    torch.manual_seed(1)
    return [nn.Linear(6, 5), nn.Linear(5, 4), nn.Linear(4, 3), nn.Linear(5, 6), nn.Linear(4, 5)]


@pytest.mark.parametrize("order", list(Order))
def test_both_orders_are_their_equations(order):
    f1, f2, head, d1, d2 = _dense()
    hyper = Hyper(0.4, 0.25, 0.1)
    x = torch.rand(4, 6, generator=_generator())
    model = predify(nn.Sequential(f1, f2, head), ["0", "1"], {"0": d1, "1": d2}, hyper, steps=3, order=order, example=x)
    for state, want in zip(_run(model, x), _by_hand(order, hyper), strict=True):
        torch.testing.assert_close(state["readout"], want)


def test_the_two_orders_differ():
    assert not torch.allclose(_by_hand(Order.BOTTOM_UP, Hyper())[-1], _by_hand(Order.SYNCHRONOUS, Hyper())[-1])


@pytest.mark.parametrize("scaling", list(Scaling))
def test_with_a_linear_decoder_and_small_steps_the_error_falls_and_never_grows(scaling):
    net = CNN((6, 6), [4], 3, generator=_generator())
    x = torch.rand(5, 1, 6, 6, generator=_generator())
    alpha = 0.05 if scaling is Scaling.REACH else 0.5
    model = predify(net, ["conv1"], None, Hyper(0.0, 0.0, alpha), steps=30, scaling=scaling, example=x, generator=_generator())
    errors = torch.stack([s["pcoder1.error"].flatten(1).square().mean(1) for s in _run(model, x)])
    assert bool((errors.diff(dim=0) <= 0).all())
    assert bool((errors[-1] < 0.99 * errors[0]).all())


def test_the_error_is_the_prediction_minus_the_layer_below(wrapped):
    x = _images()
    for state in _run(wrapped, x):
        torch.testing.assert_close(state["pcoder1.error"], state["pcoder1.prediction"] - x)
        if "pcoder2.error" in state:
            torch.testing.assert_close(state["pcoder2.error"], state["pcoder2.prediction"] - state["pcoder1.value"])


def test_the_gradient_through_the_dynamics_is_the_finite_difference():
    net = CNN((5, 5), [3, 4], 3, generator=_generator()).double()
    x = torch.rand(2, 1, 5, 5, generator=_generator(), dtype=torch.float64)
    model = predify(net, ["conv1", "conv2"], None, Hyper(0.3, 0.3, 0.5), steps=3, example=x, generator=_generator())
    direction = torch.randn(x.shape, generator=_generator(), dtype=torch.float64)
    shown = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(model(shown).sum(), shown)
    with torch.no_grad():
        step = 1e-6
        difference = (model(x + step * direction).sum() - model(x - step * direction).sum()) / (2 * step)
    torch.testing.assert_close((slope * direction).sum(), difference, rtol=1e-6, atol=1e-8)


def test_amounts_can_differ_by_layer_and_by_step():
    x = _images()
    model = predify(_residuals(), ["stem", "blocks.0"], steps=2, example=x, generator=_generator())
    late = {"stem": Hyper((1.0, 0.5), (0.0, 0.2), (0.0, 0.1)), "blocks.0": PLAIN}
    first, second, third = _run(model.tuned(late), x)
    assert torch.equal(first["readout"], second["readout"])
    assert not torch.equal(second["readout"], third["readout"])


def test_noise_is_one_draw_for_all_samples_and_runs_and_another_for_another_seed():
    x = _images()

    def start(seed: int) -> Tensor:
        noisy = predify(_residuals(), ["stem"], steps=1, noise=Noise(0.1, start=1.0, seed=seed), example=x, generator=_generator())
        return _run(noisy, x)[0]["pcoder1.value"]

    assert torch.equal(start(0), start(0))
    assert torch.equal(start(0)[0], start(0)[1])
    assert not torch.equal(start(0), start(1))
    assert abs(float(start(0)[0].std()) - 1) < 0.2


def test_zero_noise_changes_nothing():
    x = _images()
    quiet, plain = (predify(_residuals(), ["stem"], steps=2, noise=n, example=x, generator=_generator()) for n in (Noise(0.0), None))
    assert torch.equal(_run(quiet, x)[-1]["readout"], _run(plain, x)[-1]["readout"])


def test_the_reach_of_a_decoder_is_the_number_of_cells_that_one_cell_moves():
    generator = _generator()
    assert reach(nn.ConvTranspose2d(4, 3, 3, padding=1), torch.rand(1, 4, 9, 9, generator=generator)) == 27
    assert reach(nn.Linear(4, 7), torch.rand(1, 4, generator=generator)) == 7
    rectified = nn.Sequential(nn.ConvTranspose2d(4, 8, 3, padding=1), nn.ReLU())
    assert 36 < reach(rectified, torch.rand(1, 4, 9, 9, generator=generator)) <= 72


@pytest.mark.parametrize(
    ("value", "target"), [((4, 7), (2, 9)), ((4, 3, 3), (2, 5, 6)), ((3, 2, 2, 2), (2, 4, 4, 4)), ((8,), (2, 3)), ((5, 4), (3, 6, 6))]
)
def test_a_default_decoder_fits_representations_of_any_rank(value, target):
    assert default_decoder(value, target, generator=_generator())(torch.rand(3, *value)).shape == (3, *target)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.relu = nn.ReLU()
        self.second = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.second(self.relu(self.first(x))))


@pytest.mark.parametrize(
    ("layers", "decoders", "hyper", "sentence"),
    [
        ([], None, None, "at least one layer"),
        ("relu", None, None, "`encoders` is a list of layer names"),
        (["frist"], None, None, "no layer 'frist' in this Twice; the nearest is 'first'"),
        (["first", "first"], None, None, "names the layer 'first' more than once"),
        (["relu"], None, None, "the layer 'relu' is called 2 times in one pass"),
        (["second", "first"], None, None, "the pass calls them in the order first, second"),
        (["first"], {"second": nn.Linear(3, 6)}, None, "no coder 'second' that `decoders` could be for"),
        (["first"], {"first": nn.Linear(6, 5)}, None, r"the decoder of 'first' gives \[5\] for a sample, but the input has \[6\]"),
        (["first", "second"], {"second": nn.Linear(3, 5)}, None, r"but the layer below, 'first', has \[6\]"),
        (["first"], {"first": nn.Linear(5, 6)}, None, r"the decoder of 'first' cannot take its value, \[6\] for a sample"),
        (["first"], {"first": nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 6))}, None, "the decoder of 'first' writes into its input"),
        (["first"], {"first": nn.Threshold(1e9, 0.0)}, None, "the decoder of 'first' gives the same for every value"),
        (["first"], None, {"second": Hyper()}, "no coder 'second' that `hyper` could be for"),
        (["first", "second"], None, {"first": Hyper()}, "no entry for the coder 'second'"),
        (["first"], None, Hyper((0.1, 0.2)), "the Hyper of 'first' has numbers for 2 steps, but the model takes 10"),
    ],
)
def test_what_cannot_be_wrapped_is_said_in_a_sentence_with_the_layer(layers, decoders, hyper, sentence):
    with pytest.raises(ValueError, match=sentence):
        predify(Twice(), layers, decoders, hyper, example=torch.rand(2, 6))


def test_a_layer_that_is_never_called_is_named():
    with pytest.raises(ValueError, match="the layer 'unused' is not called"):
        predify(_residuals(), ["unused"], example=_images())


def test_a_decoder_with_the_encoders_weights_is_refused():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="shares weights with the encoder"):
        predify(net, ["0"], {"0": net[0]}, example=torch.rand(2, 4))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"feedforward": -0.1}, r"Hyper\(feedforward=...\) is a number from 0 on"),
        ({"error": float("nan")}, "is a number from 0 on"),
        ({"feedforward": 0.8, "feedback": 0.3}, "make at most 1; got 0.8 \\+ 0.3"),
        ({"feedforward": (0.1, 0.2), "error": (0.1,)}, "all the same length"),
    ],
)
def test_amounts_that_cannot_be_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Hyper(**arguments)


def test_other_misuse_ends_in_a_sentence():
    model = predify(_residuals(), ["stem"], steps=1)
    with pytest.raises(ValueError, match="give predify an `example`"):
        model.tuned(Hyper())
    _run(model, _images())
    with pytest.raises(ValueError, match=r"built for inputs of \[2, 6, 6\], but \[2, 8, 8\] came"):
        _run(model, torch.rand(1, 2, 8, 8))
    with pytest.raises(ValueError, match="the input is a tensor"):
        _run(model, torch.rand(3))
    with pytest.raises(ValueError, match="`steps` is a whole number"):
        predify(_residuals(), ["stem"], steps=-1)
    with pytest.raises(ValueError, match="predify wraps a torch module; got int"):
        checked_names(3, ["stem"])
    with pytest.raises(ValueError, match="`hyper` is a Hyper for all coders"):
        for_each(0.3, ("stem",), 1)
    with pytest.raises(ValueError, match=r"Noise\(amount=...\) is a standard deviation"):
        Noise(-1.0)


def test_a_tuple_is_no_value_and_no_readout():
    with pytest.raises(ValueError, match="the layer '0' returns tuple"):
        predify(nn.Sequential(nn.GRU(3, 4)), ["0"], example=torch.rand(2, 5, 3))
    with pytest.raises(ValueError, match="Sequential returns tuple; one tensor"):
        _run(predify(nn.Sequential(nn.Linear(3, 3), nn.GRU(3, 4)), ["0"], steps=1), torch.rand(2, 3))
