"""Learning to fill boards: it learns, it resumes bit for bit, and counts and votes are what they say."""

import pytest
import torch

from synctopo.generated import sudoku
from synctopo.learning.solving import filled, fit_boards, solved_over_steps, vote
from synctopo.models import AKOrN, Iterated


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _boards(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    found = sudoku.generate(4, count, (8, 11), seed=seed)
    return torch.from_numpy(found.boards).float(), torch.from_numpy(found.solutions)


def _akorn() -> AKOrN:
    return AKOrN.boards(4, channels=32, heads=4, steps=4, generator=_generator())


@pytest.mark.slow
def test_training_learns_to_fill_blanks():
    x, y = _boards(128, 0)
    fitted = fit_boards(_akorn(), x, y, epochs=10, batch=32, learning_rate=1e-2, generator=_generator())
    # chance is a quarter
    assert fitted.cells[-1] > 0.6 > 0.4 > fitted.cells[0]
    assert fitted.loss[-1] < fitted.loss[0]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [None, (2, 6)])
def test_a_training_that_is_stopped_goes_on_bit_for_bit(tmp_path, steps):
    x, y = _boards(32, 0)
    whole, parts = _akorn(), _akorn()
    wanted = fit_boards(whole, x, y, epochs=3, batch=16, steps=steps, generator=_generator())
    file = tmp_path / "half.safetensors"
    fit_boards(parts, x, y, epochs=1, batch=16, steps=steps, generator=_generator(), checkpoint=file)
    resumed = _akorn()
    assert fit_boards(resumed, x, y, epochs=3, batch=16, steps=steps, generator=_generator(9), checkpoint=file) == wanted
    assert all(torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True))
    for changed in ({"batch": 8, "steps": steps}, {"batch": 16, "steps": (2, 5)}):
        with pytest.raises(ValueError, match="another training"):
            fit_boards(_akorn(), x, y, epochs=3, generator=_generator(), checkpoint=file, **changed)
    other = AKOrN.boards(4, channels=16, heads=4, steps=4, generator=_generator())
    with pytest.raises(ValueError, match="another model"):
        fit_boards(other, x, y, epochs=3, batch=16, steps=steps, generator=_generator(), checkpoint=file)


def test_every_batch_takes_a_number_of_steps_that_was_drawn(monkeypatch):
    taken = []
    forward = AKOrN.forward
    monkeypatch.setattr(AKOrN, "forward", lambda self, x, **how: (taken.append(how["steps"]), forward(self, x, **how))[1])
    x, y = _boards(64, 0)
    fit_boards(_akorn(), x, y, epochs=3, batch=2, steps=(1, 3), generator=_generator())
    assert set(taken) == {1, 2, 3}
    assert min(taken.count(k) for k in (1, 2, 3)) > len(taken) / 5
    taken.clear()
    fit_boards(_akorn(), x, y, epochs=1, batch=32, generator=_generator())
    assert taken == [None, None]


class _Oracle(torch.nn.Module):
    """Right about every board from step 2 on, about none before."""

    def __init__(self, y: torch.Tensor) -> None:
        super().__init__()
        self.y = y

    def states(self, x, *, steps):
        right = torch.nn.functional.one_hot(self.y - 1, 4).permute(0, 3, 1, 2).float()
        for step in range(1, steps + 1):
            yield {"readout": right if step >= 2 else right.roll(1, 1)}


def test_boards_are_counted_after_the_step_that_is_asked_for(monkeypatch):
    x, y = _boards(6, 1)
    for kind in (AKOrN, Iterated):
        monkeypatch.setattr(kind, "states", lambda self, x, steps: _Oracle(y).states(x, steps=steps))
    net = Iterated.boards(4, channels=16, heads=2, steps=2)
    boards, cells = solved_over_steps(net, x, y, (1, 2, 5))
    assert boards == (0, 6, 6)
    assert cells == (0.0, 1.0, 1.0)


def test_given_digits_stay_as_they_are():
    x, _ = _boards(3, 2)
    assert bool((filled(x, torch.randn(3, 4, 4, 4))[x > 0] == x[x > 0]).all())


@pytest.mark.slow
def test_a_vote_of_one_start_is_that_start():
    x, y = _boards(40, 3)
    net = _akorn()
    fit_boards(net, x, y, epochs=2, batch=8, learning_rate=5e-3, generator=_generator())
    found = vote(net, x, y, starts=1, steps=4, generator=_generator(4))
    assert found.one_by_one == found.last_energy == found.energy_sum == found.mean_readout
    assert found.boards == 40


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x, y: fit_boards(_akorn(), x, y[:1], epochs=1, generator=_generator()), "needs its solution"),
        (lambda x, y: solved_over_steps(_akorn(), x, y, (0,)), "steps from 1 on"),
        (lambda x, y: vote(_akorn(), x, y, starts=0, steps=1, generator=_generator()), "starts and boards"),
        (lambda x, y: _akorn()(x + 0.5), "whole number"),
        (lambda x, y: _akorn()(x[:, :3]), r"boards are \[sample, 4, 4\]"),
        (lambda x, y: _akorn()(x + 4), "from 1 to 4"),
        (
            lambda x, y: fit_boards(_akorn(), x, y, epochs=1, steps=(5, 4), generator=_generator()),
            r"steps is \[least, largest\] number of steps, from 1 on; got \[5, 4\]",
        ),
        (lambda x, y: fit_boards(_akorn(), x, y, epochs=3, learning_rate=1e30, generator=_generator()), "learning rate below"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call(*_boards(2, 0))
