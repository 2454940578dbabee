"""Figures of oscillators: what they show is what was given, and a sentence for what cannot be shown."""

import numpy as np
import pytest

from synctopo import figures

RANDOM = np.random.default_rng(0)


def test_every_run_of_energies_has_a_curve():
    drawn = figures.energy_over_steps({"a": RANDOM.random((5, 4)), "b": RANDOM.random((5, 4))})
    lines = drawn.axes[0].lines
    assert len(lines) == 2
    assert len(lines[0].get_xdata()) == 5


def test_groups_stand_below_their_image_and_above_the_objects():
    truth = RANDOM.integers(-1, 3, (3, 8, 8))
    drawn = figures.groups_beside_objects(RANDOM.random((3, 3, 8, 8)), np.abs(truth), truth)
    assert len(drawn.axes) == 9
    np.testing.assert_array_equal(drawn.axes[6].images[0].get_array(), truth[0])


def test_a_board_says_how_many_blanks_are_wrong_after_each_step():
    solution = RANDOM.integers(1, 5, (4, 4))
    board = np.where(np.eye(4, dtype=bool), solution, 0)
    wrong = solution.copy()
    wrong[0, 1] = solution[0, 1] % 4 + 1
    drawn = figures.board_course(board, np.stack([wrong, solution]), solution, steps=[1, 16])
    assert [a.get_title() for a in drawn.axes] == ["step 1: 1 wrong", "step 16: 0 wrong"]
    assert len(drawn.axes[0].texts) == 16


def _solved(condition, seed, steps, solved):
    kinds = [{"boards": name, "total": 20, "steps": steps, "solved": solved} for name in ("test", "hard")]
    return {"kind": "model", "condition": condition, "seed": seed, "boards": kinds}


def test_boards_are_counted_over_steps_and_a_model_without_steps_is_a_level_line():
    rows = [_solved("a", 0, [16, 32, 64], [10, 20, 5]), _solved("a", 1, [16, 32, 64], [20, 20, 5]), _solved("b", 0, [1], [4])]
    drawn = figures.boards_over_steps(rows, ["a", "b"])
    assert [axes.get_title() for axes in drawn.axes] == ["test boards", "hard boards"]
    course, level = drawn.axes[0].lines
    np.testing.assert_array_equal(course.get_xdata(), [16, 32, 64])
    np.testing.assert_allclose(course.get_ydata(), [75, 100, 25])
    np.testing.assert_allclose(level.get_ydata(), [20, 20])
    assert [t.get_text() for t in drawn.legends[0].get_texts()] == ["a", "b"]


def test_empty_bins_are_no_points():
    drawn = figures.reliability_diagram((0.0, 0.5, 0.9), (0.0, 0.4, 1.0), (0, 3, 5))
    np.testing.assert_allclose(drawn.axes[0].collections[0].get_offsets(), [[0.5, 0.4], [0.9, 1.0]])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: figures.energy_over_steps({"a": np.zeros((2, 0))}), "step, sample"),
        (lambda: figures.groups_beside_objects(np.zeros((1, 3, 4, 4)), *[np.zeros((1, 5, 4), dtype=int)] * 2), "masks of the images"),
        (lambda: figures.board_course(np.zeros((4, 4), int), np.zeros((1, 4, 5), int), np.zeros((4, 4), int)), "answers are"),
        (
            lambda: figures.board_course(np.zeros((4, 4), int), np.zeros((1, 4, 4), int), np.zeros((4, 4), int), steps=[1, 2]),
            "as many steps",
        ),
        (lambda: figures.reliability_diagram((0.5,), (0.5,), (0,)), "every bin"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()
