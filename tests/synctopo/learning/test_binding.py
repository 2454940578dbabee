"""Training that binds: kernels synchronise, layers above learn on settled phases, and what is named is counted."""

import numpy as np
import pytest
import torch

from rsnn.labels import named
from synctopo import data
from synctopo.generated.overlapping import Scene, composed
from synctopo.learning import binding
from synctopo.models.komplexnet import KomplexNet, Oscillators, Phases, RealNet


def _generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def scenes() -> tuple[torch.Tensor, torch.Tensor]:
    digits = data.digits()
    of = composed(digits.images, digits.labels, 160, Scene(size=20, glyph=11), generator=np.random.default_rng(0))
    return torch.from_numpy(np.concatenate((of.images[:, None], of.masks), 1, dtype=np.float32)), torch.from_numpy(of.labels)


def _net(**options: object) -> KomplexNet:
    chosen = {"oscillators": Oscillators.PIXELS, "channels": 4, "hidden": 20, "steps": 6, "width": 9, "rate": 0.05, "desync": 0.4}
    return KomplexNet((20, 20), 10, **{**chosen, "generator": _generator(), **options})


def _judged(net: KomplexNet, scenes: tuple[torch.Tensor, torch.Tensor]) -> binding.Judged:
    return binding.judged(net, scenes[0][:80], scenes[1][:80], every=False)


@pytest.mark.slow
def test_a_trained_kernel_binds_better_than_an_untrained_one_and_far_better_than_chance(scenes):
    x, _ = scenes
    net = _net()
    before = _judged(net, scenes)
    fitted = binding.fit_synchrony(net, x[80:], updates=15, batch=32, learning_rate=0.05, generator=_generator())
    after = _judged(net, scenes)
    chance = _judged(_net(phases=Phases.RANDOM), scenes)
    assert after.loss[-1] < before.loss[-1] < chance.loss[-1]
    assert after.within[-1] > 2 * chance.within[-1]
    assert len(fitted.synchrony_loss) == 10
    assert _judged(_net(phases=Phases.IDEAL), scenes).loss[-1] < 0.05


@pytest.mark.parametrize("oscillators", Oscillators)
def test_settled_phases_are_those_that_the_network_ends_with(scenes, oscillators):
    x = scenes[0][:7]
    net = _net(oscillators=oscillators, width=5)
    phases = binding.settled(net, x, batch=3)
    torch.testing.assert_close(net.scores(net.amplitude(x[:, :1]), phases), net(x))


def test_two_stages_learn_and_leave_kernel_and_filters_as_they_are(scenes):
    x, labels = scenes
    net = _net(oscillators=Oscillators.CHANNELS, phases=Phases.KURAMOTO, width=3, feedback=True)
    kept = {name: p.detach().clone() for name, p in net.named_parameters()}
    fitted = binding.fit_two_stages(net, x, labels, epochs=3, batch=32, generator=_generator())
    assert fitted.loss[-1] < fitted.loss[0]
    same = {name for name, p in net.named_parameters() if torch.equal(p, kept[name])}
    assert same == {"filters", "kernel", "from_conv2", "from_hidden", "from_readout"}


@pytest.mark.parametrize("feedback", [False, True])
def test_end_to_end_everything_learns(scenes, feedback):
    x, labels = scenes
    net = _net(oscillators=Oscillators.CHANNELS, width=3, steps=3, feedback=feedback)
    kept = {name: p.detach().clone() for name, p in net.named_parameters()}
    fitted = binding.fit_end_to_end(net, x[:64], labels[:64], epochs=2, batch=16, learning_rate=3e-3, generator=_generator())
    assert fitted.loss[-1] < fitted.loss[0]
    assert not any(torch.equal(p, kept[name]) for name, p in net.named_parameters())


def test_the_real_control_learns_and_its_filters_stay(scenes):
    x, labels = scenes
    net = RealNet.matching(_net(oscillators=Oscillators.CHANNELS), generator=_generator())
    filters = net.filters.detach().clone()
    fitted = binding.fit_real(net, x, labels, epochs=4, batch=32, generator=_generator())
    assert fitted.accuracy[-1] > fitted.accuracy[0]
    assert torch.equal(net.filters, filters)


def test_the_same_seed_gives_the_same_weights(scenes):
    x, labels = scenes
    nets = [_net(), _net()]
    for net in nets:
        binding.fit_synchrony(net, x, updates=2, batch=16, generator=_generator())
        binding.fit_two_stages(net, x[:64], labels[:64], epochs=1, generator=_generator())
    assert all(torch.equal(a, b) for a, b in zip(*(net.parameters() for net in nets), strict=True))


def test_what_is_named_at_the_end_is_what_forward_names(scenes):
    x, labels = (part[:50] for part in scenes)
    for net in (_net(), _net(phases=Phases.ZERO), RealNet.matching(_net(), generator=_generator())):
        steps, last = binding.judged(net, x, labels, batch=20), binding.judged(net, x, labels, every=False)
        assert len(steps.named) == 6
        with torch.no_grad():
            assert steps.named[-1] == last.named[0] == named(net(x), labels)
        assert len(steps.within) == (6 if isinstance(net, KomplexNet) else 0)
        assert steps.within[-1:] == pytest.approx(last.within)
        assert steps.loss[-1:] == pytest.approx(last.loss)


def test_without_masks_there_is_no_group_loss(scenes):
    x = scenes[0][:, :1]
    with pytest.raises(ValueError, match="needs the masks"):
        binding.fit_synchrony(_net(), x, updates=1, generator=_generator())
    with pytest.raises(ValueError, match="needs the masks"):
        binding.fit_end_to_end(_net(), x, scenes[1], epochs=1, generator=_generator())


def test_phases_that_do_not_move_have_no_kernel_to_learn(scenes):
    with pytest.raises(ValueError, match="only Kuramoto phases"):
        binding.fit_synchrony(_net(phases=Phases.ZERO), scenes[0], updates=1, generator=_generator())


def test_a_loss_that_is_no_longer_finite_is_said(scenes):
    net = _net(phases=Phases.ZERO)
    with torch.no_grad():
        net.readout.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="learning rate below"):
        binding.fit_two_stages(net, *scenes, epochs=1, generator=_generator())
