"""Convolutional networks: shapes and names, and predictive coding around the published ones."""

import pytest
import torch
from torch import Tensor, nn

from synctopo.models import CNN, VGG16_CODERS, PredictiveCoding, predify, vgg16


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(6)


def test_the_small_net_takes_flat_pixels_as_images():
    net = CNN((6, 5), [4, 3], 7, generator=_generator())
    x = torch.rand(3, 6, 5, generator=_generator())
    assert torch.equal(net(x), net(x.flatten(1)))
    assert [tuple(v.shape) for v in next(net.states(x)).values()] == [(3, 4, 6, 5), (3, 3, 3, 2), (3, 7)]
    assert CNN((3, 8, 8), [4], 2)(torch.rand(2, 3, 8, 8)).shape == (2, 2)


def test_its_layers_are_the_convolutions_before_the_relu():
    net = CNN((6, 6), [4, 3], 2, generator=_generator())
    x = torch.rand(2, 1, 6, 6, generator=_generator())
    assert net.layers == ("conv1", "conv2")
    assert torch.equal(net.conv1(x).relu(), next(net.states(x))["conv1"])


@pytest.mark.parametrize(
    ("shape", "channels", "sentence"),
    [((6,), [3], "an image shape"), ((6, 6), [], "at least one channel"), ((6, 6), [3, 3, 3, 3], "4 layers halve an image of 6 x 6")],
)
def test_a_net_that_cannot_be_is_said(shape, channels, sentence):
    with pytest.raises(ValueError, match=sentence):
        CNN(shape, channels, 3)


# Of torchvision's vgg16: the places of the convolutions in `features`, with their shapes.
VGG16 = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256), 17: (512, 256)}
VGG16 |= dict.fromkeys((19, 21, 24, 26, 28), (512, 512))


def test_vgg16_has_torchvisions_names_and_shapes_so_that_its_weights_load():
    with torch.device("meta"):
        net = vgg16()
    held = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    want = {f"features.{k}.weight": (*shape, 3, 3) for k, shape in VGG16.items()}
    want |= {f"features.{k}.bias": (shape[0],) for k, shape in VGG16.items()}
    want |= {"classifier.0.weight": (4096, 25088), "classifier.3.weight": (4096, 4096), "classifier.6.weight": (1000, 4096)}
    want |= {"classifier.0.bias": (4096,), "classifier.3.bias": (4096,), "classifier.6.bias": (1000,)}
    assert held == want
    assert sum(value.numel() for value in net.state_dict().values()) == 138_357_544


def _run(model: PredictiveCoding, x: Tensor) -> list[dict[str, Tensor]]:
    with torch.no_grad():
        return list(model.states(x))


@pytest.mark.slow
def test_vgg16_with_predifys_five_coders_starts_as_itself_and_moves():
    net = vgg16(10, hidden=32, generator=_generator())
    x = torch.rand(1, 3, 32, 32, generator=_generator())
    model = predify(net, VGG16_CODERS, steps=1, example=x, generator=_generator())
    first, second = _run(model, x)
    with torch.no_grad():
        assert torch.equal(first["readout"], net.eval()(x))
    assert not torch.equal(first["readout"], second["readout"])
    assert [tuple(first[f"pcoder{n}.value"].shape[1:]) for n in range(1, 6)] == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
        (512, 2, 2),
    ]


@pytest.mark.slow
def test_an_efficientnet_of_another_library_is_wrapped_by_its_layer_names():
    monai = pytest.importorskip("monai.networks.nets")
    net: nn.Module = monai.EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2, num_classes=5)
    x = torch.rand(2, 3, 64, 64, generator=_generator())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    # as Predify's: the stem's activation cannot be one, since all layers share that module; the ends of the stages can
    layers = ["_bn0", *(f"_blocks.{k}" for k in range(7))]
    model = predify(net, layers, steps=1, example=x, generator=_generator())
    first, second = _run(model, x)
    with torch.no_grad():
        assert torch.equal(first["readout"], net.eval()(x))
    assert not torch.equal(first["readout"], second["readout"])
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    torch.testing.assert_close(_run(model, x[1:])[-1]["readout"], second["readout"][1:], rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="the layer '_swish' is called"):
        predify(net, ["_swish"], example=x)
