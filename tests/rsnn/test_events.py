import numpy as np
import pytest
import torch

from rsnn import RSNN, Dense, encode
from rsnn.events import FEW, MANY, add_rows, collect, events_of, in_order, spikes_in


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("inputs", [1, 15, 16, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
def test_events_drive_a_layer_as_the_matrix_product_does_and_so_does_their_gradient(inputs: int, dtype: torch.dtype) -> None:
    x = ((torch.rand(4, 50, inputs, generator=seeded()) < 0.03) * (3 if dtype is torch.uint8 else 0.7)).to(dtype)
    weight = torch.randn(inputs, 6, generator=seeded(), dtype=torch.float64)
    grad = torch.randn(50 * 4, 6, generator=seeded(), dtype=torch.float32)
    events = events_of(x)
    assert events is not None
    drive, collected = np.zeros((50 * 4, 6)), np.zeros((inputs, 6))
    add_rows(*events, weight.numpy(), drive)
    collect(*events, grad.numpy(), collected)
    rows = x.transpose(0, 1).reshape(-1, inputs).double()
    np.testing.assert_allclose(drive, rows @ weight, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(collected, rows.t() @ grad.double(), rtol=1e-12, atol=1e-12)


def test_many_rows_are_collected_in_parts_and_several_events_at_a_time() -> None:
    raster = (torch.rand(2 * MANY + 3, 40, generator=seeded()) < 0.2).to(torch.uint8)
    grad, found = torch.randn(len(raster), 5, generator=seeded(), dtype=torch.float32), np.zeros((40, 5))
    events = spikes_in(raster.numpy())
    assert events[1].tolist() == raster.nonzero()[:, 1].tolist()
    collect(*events, grad.numpy(), found)
    np.testing.assert_allclose(found, raster.double().t() @ grad.double(), rtol=1e-12, atol=1e-12)


def test_many_events_and_inputs_with_a_gradient_are_left_to_the_matrix_product() -> None:
    x = torch.zeros(2, 10, 10)
    assert events_of(x) is not None
    assert events_of(x.clone().requires_grad_()) is None
    x.flatten()[: int(FEW * x.numel()) + 1] = 1
    assert events_of(x) is None


def test_a_network_trains_on_events_as_on_the_matrix_product(monkeypatch: pytest.MonkeyPatch) -> None:
    x = encode.poisson(torch.rand(5, 30, generator=seeded()), 40, rate_max=60, generator=seeded())
    grads = []
    for few in (0.0, 1.0):
        monkeypatch.setattr("rsnn.events.FEW", few)
        net = RSNN(30, 20, 3, connectivity=Dense(), input_scale=30.0, generator=seeded())
        net(x).square().sum().backward()
        grads.append([p.grad for p in net.parameters()])
    assert grads[0][0].any()
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("samples", [1, 2, 7])
@pytest.mark.parametrize("steps", [1, 2, 150])
def test_events_of_few_samples_or_steps_are_the_spikes_of_the_steps_one_by_one(samples: int, steps: int) -> None:
    x = encode.poisson(torch.rand(samples, 30, generator=seeded()), steps, rate_max=60, generator=seeded())
    x[0, 0, 3] = 1.0
    net = RSNN(30, 20, 3, connectivity=Dense(), input_scale=30.0, generator=seeded())
    assert events_of(x) is not None
    found = net.spikes(x)
    assert torch.equal(found, net.spikes_stepwise(x))
    found.sum().backward()
    assert torch.isfinite(net.input_weight.grad).all()
    assert torch.equal(found[:, :1], net.spikes(x[:1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8, torch.bool])
@pytest.mark.parametrize("turned", [False, True])
def test_events_of_chosen_samples_are_those_of_the_samples_in_that_order(dtype: torch.dtype, turned: bool) -> None:
    x = (torch.rand(5, 7, 19, generator=seeded()) < 0.2).to(dtype)
    x = x.transpose(0, 1).contiguous().transpose(0, 1) if turned else x
    order = np.array([3, 0, 4])
    start, which, value = in_order(x, order)
    found = torch.zeros(3 * 7, 19)
    for r in range(3 * 7):
        found[r, which[start[r] : start[r + 1]]] = torch.from_numpy(value[start[r] : start[r + 1]]).float()
    assert torch.equal(found.view(3, 7, 19), x[torch.from_numpy(order)].float())
