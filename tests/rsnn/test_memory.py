import pytest
import torch

from rsnn import RSNN, MemoryCapacity, memory_capacity, network_memory


def signal(steps: int = 900) -> torch.Tensor:
    return torch.rand(steps, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_shift_register_remembers_exactly_as_many_steps_as_it_has_places() -> None:
    u = signal()
    register = torch.stack([torch.roll(u, k) for k in range(1, 8)], 1)
    found = memory_capacity(register, u, delays=12)
    assert found.total == pytest.approx(7, abs=0.15)
    assert min(found.per_delay[1:8]) > 0.99
    assert max(found.per_delay[8:]) < 0.05


def test_states_that_know_nothing_remember_nothing() -> None:
    noise = torch.randn(900, 30, generator=torch.Generator().manual_seed(1))
    assert memory_capacity(noise, signal(), delays=10).total < 0.2


def test_a_spiking_network_remembers_the_near_better_than_the_far_and_says_at_which_price() -> None:
    net = RSNN(3, 60, 2, input_scale=8.0, recurrent_scale=1.0, generator=torch.Generator().manual_seed(0))
    found = network_memory(net, length=400, delays=8, generator=torch.Generator().manual_seed(0))
    assert found.per_delay[0] > 0.4
    assert found.per_delay[1] > found.per_delay[6] + 0.2
    assert found.rate is not None
    assert 0.5 < found.total < 3
    assert found.efficiency == pytest.approx(found.total / found.rate)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: memory_capacity(torch.rand(50, 3), torch.rand(50)), "50 steps are too few for 20 delays; at least 90"),
        (lambda: memory_capacity(torch.rand(50, 3), torch.rand(40)), "wanted is a signal of 50 values"),
        (lambda: memory_capacity(torch.rand(200, 3), torch.ones(200)), "not constant"),
        (lambda: memory_capacity(torch.rand(200, 3), torch.rand(200), delays=0), "both must be positive"),
        (lambda: network_memory(RSNN(2, 3, 2), hold=0), "both must be positive"),
        (lambda: MemoryCapacity((1.0, 0.5), 0.0).efficiency, "no efficiency without spikes"),
    ],
)
def test_what_has_no_memory_capacity_is_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
