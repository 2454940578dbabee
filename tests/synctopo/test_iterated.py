"""What AKOrN is held against: what is repeated, and what comes once."""

import pytest
import torch

from synctopo.models import Body, Iterated


def _boards() -> torch.Tensor:
    return torch.randint(0, 5, (3, 4, 4), generator=torch.Generator().manual_seed(1)).float()


def _net(body: Body, steps: int = 3) -> Iterated:
    return Iterated.boards(4, channels=16, heads=2, steps=steps, body=body, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("body", "calls"), [(Body.ATTENTION, 1), (Body.LAYER, 6)])
def test_a_layer_repeats_its_perceptron_and_attention_alone_has_it_once(body, calls):
    net, seen = _net(body, steps=6), []
    perceptron = net.outward if body is Body.ATTENTION else net.bodies[0].perceptron
    perceptron.register_forward_hook(lambda *_: seen.append(1))
    net(_boards())
    assert len(seen) == calls


@pytest.mark.parametrize("body", [Body.ATTENTION, Body.LAYER])
def test_more_steps_are_more_of_the_same_body(body):
    net, x = _net(body), _boards()
    h = net.entry(x)
    for _ in range(5):
        h = net.bodies[0](h)
    assert torch.equal(net(x, steps=5), net.head(net.outward(h)))


def test_both_kinds_of_attention_have_as_many_parameters():
    alone, layer = (sum(p.numel() for p in _net(body).parameters()) for body in (Body.ATTENTION, Body.LAYER))
    assert alone == layer


def test_boards_are_not_convolved():
    with pytest.raises(ValueError, match="lie apart"):
        _net(Body.CONVOLUTION)
