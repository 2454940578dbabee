"""Attacks: known answers on a linear model, and the true gradient through the dynamics."""

import pytest
import torch
from torch import Tensor, nn

from synctopo.evaluation.attack import bim, fgsm, pgd
from synctopo.models import CNN, Hyper, predify


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)


def _linear() -> nn.Linear:
    net = nn.Linear(6, 2)
    with torch.no_grad():
        net.weight.copy_(torch.randn(2, 6, generator=_generator()))
        net.bias.zero_()
    return net


X = torch.full((3, 6), 0.5)
Y = torch.tensor([0, 1, 0])


def _ascent(net: nn.Linear) -> Tensor:
    """For a linear model with two classes the loss rises fastest, in every pixel, towards the other class's weights."""
    other = net.weight.detach()[1 - Y] - net.weight.detach()[Y]
    return other.sign()


def test_of_a_linear_model_every_attack_is_the_sign_of_the_weights():
    net = _linear()
    want = X + 0.1 * _ascent(net)
    torch.testing.assert_close(fgsm(net, X, Y, 0.1), want)
    torch.testing.assert_close(bim(net, X, Y, 0.1, iterations=5), want)
    torch.testing.assert_close(pgd(net, X, Y, 0.1, iterations=8, generator=_generator()), want)


def test_a_targeted_attack_goes_the_other_way():
    net = _linear()
    torch.testing.assert_close(fgsm(net, X, 1 - Y, 0.1, targeted=True), X + 0.1 * _ascent(net))


def test_images_stay_in_bounds_and_within_epsilon():
    net = CNN((6, 6), [4], 3, generator=_generator())
    x = torch.rand(5, 1, 6, 6, generator=_generator())
    y = torch.tensor([0, 1, 2, 0, 1])
    for found in (fgsm(net, x, y, 0.4), bim(net, x, y, 0.4), pgd(net, x, y, 0.4, generator=_generator())):
        assert float((found - x).abs().max()) <= 0.4 + 1e-6
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
        assert not found.requires_grad
    assert torch.equal(fgsm(net, x, y, 0.0), x)
    assert all(p.grad is None for p in net.parameters())


def test_an_attack_through_the_dynamics_raises_the_loss_of_the_dynamics():
    net = CNN((6, 6), [4, 5], 3, generator=_generator())
    x = torch.rand(4, 1, 6, 6, generator=_generator())
    y = torch.tensor([0, 1, 2, 0])
    model = predify(net, ["conv1", "conv2"], None, Hyper(0.3, 0.3, 0.5), steps=3, example=x, generator=_generator())

    def loss(z: Tensor) -> float:
        with torch.no_grad():
            return float(nn.functional.cross_entropy(model(z), y))

    through, around = bim(model, x, y, 0.1, iterations=3), bim(net, x, y, 0.1, iterations=3)
    assert loss(through) > loss(x)
    assert loss(through) >= loss(around)
    with torch.no_grad():
        assert torch.equal(bim(model, x, y, 0.1, iterations=3), through)


@pytest.mark.parametrize(
    ("attack", "sentence"),
    [
        (lambda: fgsm(_linear(), X, Y, -0.1), "changes of a pixel from 0 on"),
        (lambda: fgsm(_linear(), X + 1, Y, 0.1), r"leave the bounds \[0, 1\] before the attack"),
        (lambda: bim(_linear(), X, Y, 0.1, iterations=0), "at least one iteration"),
        (lambda: fgsm(lambda z: torch.zeros(len(z), 2), X, Y, 0.1), "no gradient with respect to its input"),
    ],
)
def test_an_attack_that_cannot_be_is_said(attack, sentence):
    with pytest.raises(ValueError, match=sentence):
        attack()
