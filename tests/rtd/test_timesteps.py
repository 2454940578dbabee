import re

import pytest
import torch
from torch import nn

from rtd.timesteps import unroll_time


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cell(kind: type[nn.RNNCell] | type[nn.GRUCell] | type[nn.LSTMCell]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(3, 6)


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_without_skips_it_is_the_recurrent_network_bit_for_bit(kind) -> None:
    x = torch.randn(5, 4, 3, generator=draw())
    plain = cell(kind)
    state, expected = None, []
    for step in x.unbind(1):
        state = plain(step, state)
        expected.append(state[0] if isinstance(state, tuple) else state)
    (states,) = unroll_time(plain, 4, skip=0).states(x)
    assert list(states) == ["t0", "t1", "t2", "t3"]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(states.values(), expected, strict=True))


def test_a_mirrored_step_is_mixed_in_by_the_stated_share() -> None:
    def follow(_: torch.Tensor, state: torch.Tensor | None) -> torch.Tensor:
        return torch.ones(2, 1) if state is None else 2 * state

    (states,) = unroll_time(follow, 5, skip=0.25).states(torch.zeros(2, 1))
    # 1, 2, 4; then 2 x (3/4 x 4 + 1/4 x 2) = 7 and 2 x (3/4 x 7 + 1/4 x 1) = 11.
    assert [state[0].item() for state in states.values()] == [1, 2, 4, 7, 11]


@pytest.mark.parametrize("kind", [nn.GRUCell, nn.LSTMCell])
def test_skips_change_the_second_half_only(kind) -> None:
    x = torch.randn(5, 7, 3, generator=draw())
    (plain,) = unroll_time(cell(kind), 7, skip=0).states(x)
    (skipped,) = unroll_time(cell(kind), 7).states(x)
    assert [torch.equal(plain[name], skipped[name]) for name in plain] == [True] * 4 + [False] * 3


@pytest.mark.parametrize(("steps", "name"), [(1, "t0"), (4, "t1"), (5, "t2")])
def test_the_bottleneck_is_the_middle_step(steps: int, name: str) -> None:
    assert unroll_time(cell(nn.GRUCell), steps).bottleneck == name


def test_an_input_without_time_is_held() -> None:
    x = torch.randn(5, 3, generator=draw())
    unrolled = unroll_time(cell(nn.GRUCell), 4)
    (held,), (repeated,) = unrolled.states(x), unrolled.states(x.unsqueeze(1).expand(5, 4, 3))
    assert all(torch.equal(held[name], repeated[name]) for name in held)


def test_undriven_steps_see_zeros() -> None:
    x = torch.randn(5, 3, generator=draw())
    padded = torch.stack([x, *[torch.zeros(5, 3)] * 3], 1)
    (once,), (expected,) = unroll_time(cell(nn.GRUCell), 4, driven=1).states(x), unroll_time(cell(nn.GRUCell), 4).states(padded)
    assert all(torch.equal(once[name], expected[name]) for name in once)


def test_samples_do_not_see_each_other() -> None:
    x = torch.randn(5, 4, 3, generator=draw())
    unrolled = unroll_time(cell(nn.RNNCell), 4)
    (together,), (alone,) = unrolled.states(x), unrolled.states(x[:1])
    assert all(torch.allclose(together[name][:1], alone[name], atol=1e-6) for name in together)


def test_the_weights_are_shared_by_all_layers() -> None:
    plain = cell(nn.GRUCell)
    assert sum(p.numel() for p in unroll_time(plain, 9).parameters()) == sum(p.numel() for p in plain.parameters())


@pytest.mark.slow
def test_it_learns_to_reconstruct_what_only_the_first_step_sees() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = unroll_time(nn.GRUCell(3, 8), 5, driven=1, readout=nn.Linear(8, 3))
    x = torch.randn(64, 3, generator=draw())
    optimiser = torch.optim.Adam(model.parameters(), 0.03)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (model(x) - x).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"steps": 0}, "at least 1 step; got steps=0"),
        ({"steps": 4, "skip": 1.5}, "between 0 (the plain recurrent network) and 1; got 1.5"),
        ({"steps": 4, "skip": float("nan")}, "and 1; got nan"),
        ({"steps": 4, "driven": 5}, "how many of the 4 steps see the input, from 1 to 4; got 5"),
    ],
)
def test_impossible_arguments_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        unroll_time(cell(nn.GRUCell), **arguments)


@pytest.mark.parametrize("shape", [(5,), (5, 3, 3), (5, 4, 3, 1)])
def test_an_input_of_another_length_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f"want x as [sample, 4, input], or [sample, input] to hold it constant; got {list(shape)}")
    ):
        next(unroll_time(cell(nn.GRUCell), 4).states(torch.zeros(shape)))


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_whole_recurrent_network_is_refused_for_its_cell(kind: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match=f"got {kind.__name__}, use torch.nn.{kind.__name__}Cell"):
        unroll_time(kind(3, 4), 5)
