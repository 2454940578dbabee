"""Training of decoders: the encoder is untouched, the error falls, and a stopped training ends as one that went through."""

import copy

import pytest
import torch
from torch import Tensor

from synctopo.learning.feedback import Epoch, fit_decoders
from synctopo.models import CNN, PredictiveCoding, predify


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images() -> Tensor:
    # blobs, which one can predict, not noise
    x = torch.rand(60, 1, 2, 2, generator=_generator(1))
    return torch.nn.functional.interpolate(x, size=(6, 6), mode="bilinear")


def _model() -> PredictiveCoding:
    net = CNN((6, 6), [4, 5], 3, generator=_generator(2))
    return predify(net, ["conv1", "conv2"], steps=2, example=_images()[:2], generator=_generator(3))


def test_only_the_decoders_change_and_their_error_falls():
    model = _model()
    encoder, decoders = copy.deepcopy(model.module.state_dict()), copy.deepcopy(model.decoders.state_dict())
    found = fit_decoders(model, _images(), epochs=5, batch=10, learning_rate=1e-2, generator=_generator())
    assert all(torch.equal(encoder[name], value) for name, value in model.module.state_dict().items())
    assert all(p.grad is None for p in model.module.parameters())
    assert all(not torch.equal(decoders[name], value) for name, value in model.decoders.state_dict().items())
    first, last = found.errors[0], found.errors[-1]
    assert all(b < a for a, b in zip(first, last, strict=True))


def test_progress_is_told_after_each_epoch():
    told: list[Epoch] = []
    found = fit_decoders(_model(), _images(), epochs=3, generator=_generator(), listen=told.append)
    assert [(e.done, e.epochs) for e in told] == [(1, 3), (2, 3), (3, 3)]
    assert tuple(e.errors for e in told) == found.errors


def test_a_training_that_was_stopped_ends_as_one_that_went_through(tmp_path):
    class Stopped(Exception):
        pass

    def stop(epoch: Epoch) -> None:
        if epoch.done == 2:
            raise Stopped

    whole, parted = _model(), _model()
    want = fit_decoders(whole, _images(), epochs=4, batch=16, generator=_generator())
    file = tmp_path / "feedback.safetensors"
    with pytest.raises(Stopped):
        fit_decoders(parted, _images(), epochs=4, batch=16, generator=_generator(), checkpoint=file, listen=stop)
    fresh = _model()
    assert fit_decoders(fresh, _images(), epochs=4, batch=16, generator=_generator(), checkpoint=file) == want
    assert all(torch.equal(a, b) for a, b in zip(fresh.state_dict().values(), whole.state_dict().values(), strict=True))


def test_several_sets_are_mixed_as_if_joined():
    x = _images()
    one, other = _model(), _model()
    a = fit_decoders(one, [x, x + 0.1], epochs=2, generator=_generator())
    b = fit_decoders(other, torch.cat([x, x + 0.1]), epochs=2, generator=_generator())
    assert a == b


def test_a_training_that_cannot_be_is_said(tmp_path):
    file = tmp_path / "feedback.safetensors"
    fit_decoders(_model(), _images(), epochs=1, generator=_generator(), checkpoint=file)
    with pytest.raises(ValueError, match="the checkpoint of another training"):
        fit_decoders(_model(), _images(), epochs=1, batch=7, generator=_generator(), checkpoint=file)
    with pytest.raises(ValueError, match="batch >= 1"):
        fit_decoders(_model(), _images(), epochs=1, batch=0, generator=_generator())
    with pytest.raises(ValueError, match="no sample to learn from"):
        fit_decoders(_model(), _images()[:0], epochs=1, generator=_generator())
    with pytest.raises(ValueError, match="no longer finite after epoch 1"):
        fit_decoders(_model(), _images(), epochs=2, batch=10, learning_rate=1e30, generator=_generator())
