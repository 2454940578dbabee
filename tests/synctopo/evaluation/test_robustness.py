"""Robustness: intervals and ratios with known answers, distances that vanish where nothing was spoilt."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from synctopo.evaluation.corruption import SMALL
from synctopo.evaluation.robustness import (
    Accuracy,
    accuracy_over_steps,
    correlation_distance,
    mean_corruption_error,
    search,
    under_corruption,
)
from synctopo.models import CNN, Hyper, PredictiveCoding, predify


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(4)


class Learning:
    """Knows the class of an image, its first pixel, from the second step on."""

    def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
        known = torch.nn.functional.one_hot(x[:, 0].long(), 3).float()
        yield {"readout": torch.zeros_like(known) + torch.tensor([1.0, 0.0, 0.0])}
        yield {"readout": known}


def test_the_interval_is_wilsons():
    # 8 of 10, level 0.95: worked example of Newcombe (1998), method 3, has 0.4902 and 0.9433 for this share
    low, high = Accuracy(8, 10).interval()
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)
    assert Accuracy(0, 10).interval()[0] == pytest.approx(0.0, abs=1e-12)
    assert Accuracy(10, 10).interval()[1] == pytest.approx(1.0)


def test_accuracy_is_counted_at_every_step_whatever_the_batch():
    x = torch.tensor([[0.0], [1.0], [2.0], [1.0]])
    for batch in (1, 3, 100):
        assert accuracy_over_steps(Learning(), x, x[:, 0].long(), batch=batch) == (Accuracy(1, 4), Accuracy(4, 4))


def test_mce_of_the_plain_net_is_one_and_of_half_the_errors_a_half():
    plain = {"a": [[Accuracy(8, 10)], [Accuracy(6, 10)]], "b": [[Accuracy(9, 10)]]}
    half = {"a": [[Accuracy(0, 10), Accuracy(9, 10)], [Accuracy(0, 10), Accuracy(8, 10)]], "b": [[Accuracy(0, 20), Accuracy(19, 20)]]}
    assert mean_corruption_error(plain, plain) == pytest.approx(1.0)
    assert mean_corruption_error(half, plain) == pytest.approx(0.5)
    assert mean_corruption_error(half, plain, step=0) > 1


def _model() -> PredictiveCoding:
    net = CNN((8, 8), [4, 5], 3, generator=_generator())
    return predify(net, ["conv1", "conv2"], steps=2, example=torch.rand(2, 1, 8, 8), generator=_generator())


def test_two_models_see_the_same_spoilt_images():
    x, y = torch.rand(9, 1, 8, 8, generator=_generator()), torch.arange(9) % 3
    still = _model().tuned(Hyper(1.0, 0.0, 0.0))
    found = under_corruption(still, x, y, SMALL, generator=_generator())
    plain = under_corruption(still.module, x, y, SMALL, generator=_generator())
    assert set(found) == set(SMALL)
    for name in found:
        assert [level[0] for level in found[name]] == [level[0] for level in plain[name]]
        assert [level[0] for level in found[name]] == [level[-1] for level in found[name]]


def test_the_distance_to_the_clean_representation_is_zero_where_nothing_moves_and_grows_with_noise():
    x = torch.rand(6, 1, 8, 8, generator=_generator())
    noise = torch.randn(x.shape, generator=_generator())
    still = _model().tuned(Hyper(1.0, 0.0, 0.0))
    assert all(abs(d) < 1e-9 for steps in correlation_distance(still, x, x, batch=4).values() for d in steps)
    little, much = (correlation_distance(_model(), x, x + s * noise)["pcoder1.value"][0] for s in (0.05, 0.5))
    assert 0 < little < much


def test_the_distance_knows_a_reversed_pattern():
    class Mirror:
        def states(self, x: Tensor) -> Iterator[dict[str, Tensor]]:
            yield {"site": x}
            yield {"site": -3 * x + 1}

    x = torch.rand(5, 7, generator=_generator())
    assert correlation_distance(Mirror(), x, x)["site"] == pytest.approx((0.0, 2.0))


def test_search_puts_the_best_setting_first():
    x, y = torch.rand(30, 1, 8, 8, generator=_generator()), torch.arange(30) % 3
    model = _model()
    settings = [Hyper(0.1, 0.1, 0.0), Hyper(0.5, 0.4, 0.0), {"conv1": Hyper(1.0, 0.0, 0.0), "conv2": Hyper(0.2, 0.0, 0.0)}]
    found = search(model, [x, x + 0.3], y, settings)
    assert [c.accuracy for c in found] == sorted((c.accuracy for c in found), reverse=True)
    for candidate in found:
        scores = [accuracy_over_steps(model.tuned(candidate.hyper), z, y)[-1].value for z in (x, x + 0.3)]
        assert candidate.accuracy == pytest.approx(sum(scores) / 2)


def test_what_cannot_be_judged_is_said():
    x, y = torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.long)
    with pytest.raises(ValueError, match="4 samples and 3 labels"):
        accuracy_over_steps(_model(), x, y[:3])
    with pytest.raises(ValueError, match="errors at the same corruptions"):
        mean_corruption_error({"a": []}, {"b": []})
    with pytest.raises(ValueError, match="makes no error at 'a'"):
        mean_corruption_error({"a": [[Accuracy(1, 2)]]}, {"a": [[Accuracy(2, 2)]]})
    with pytest.raises(ValueError, match="must be the same ones"):
        correlation_distance(_model(), x, x[:2])
    with pytest.raises(ValueError, match="settings to try and images to try them on; got 0 and 1"):
        search(_model(), [x], y, [])
