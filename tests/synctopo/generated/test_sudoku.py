"""Sudoku: one solution each, no board twice, and a sentence for boards that cannot be."""

import numpy as np
import pytest

from synctopo.generated import sudoku


@pytest.mark.parametrize(("side", "givens"), [(4, (4, 8)), (6, (10, 20)), (9, (30, 42))])
def test_every_board_has_one_solution_which_is_the_one_given(side, givens):
    found = sudoku.generate(side, 8, givens, seed=3)
    assert sudoku.is_solution(found.boards, found.solutions).all()
    assert ((found.givens >= givens[0]) & (found.givens <= givens[1])).all()
    for board, solution in zip(found.boards, found.solutions, strict=True):
        np.testing.assert_array_equal(sudoku.solve(board), solution)


def test_the_same_seed_gives_the_same_boards_and_another_others():
    once, again, other = (sudoku.generate(6, 5, (12, 20), seed=s).boards for s in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_no_board_comes_twice_nor_in_another_split_up_to_the_names_of_the_digits():
    first = sudoku.generate(4, 60, (5, 6), seed=0)
    names = sudoku.identities(first.boards)
    assert len(names) == 60
    second = sudoku.generate(4, 60, (5, 6), seed=0, apart=names)
    assert not names & sudoku.identities(second.boards)


def test_a_board_with_other_names_is_the_same_board_and_with_another_cell_is_not():
    board = sudoku.generate(6, 1, (12, 12), seed=0).boards[0]
    names = np.array([0, 3, 1, 2, 6, 4, 5])
    assert sudoku.identity(names[board]) == sudoku.identity(board)
    fewer = board.copy()
    fewer[tuple(np.argwhere(board)[0])] = 0
    assert sudoku.identity(fewer) != sudoku.identity(board)


def test_a_wrong_answer_and_one_that_changes_a_given_are_no_solutions():
    found = sudoku.generate(4, 1, (6, 6), seed=0)
    wrong, renamed = found.solutions.copy(), np.array([0, 2, 1, 3, 4])[found.solutions]
    wrong[0, 0, 0] = wrong[0, 0, 0] % 4 + 1
    assert not sudoku.is_solution(found.boards, wrong)[0]
    # valid in itself, but not what the board gives
    assert not sudoku.is_solution(found.boards, renamed)[0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: sudoku.generate(5, 1, (3, 4), seed=0), "4, 6, 9"),
        (lambda: sudoku.generate(4, 1, (5, 17), seed=0), "up to 16"),
        (lambda: sudoku.generate(4, 2, (2, 2), seed=0), "allow more givens"),
        (lambda: sudoku.solve(np.array([[1, 1, 0, 0]] + 3 * [[0, 0, 0, 0]])), "two equal digits"),
        (lambda: sudoku.solve(np.zeros((4, 4), dtype=np.int64)), "more than one solution"),
        (lambda: sudoku.solve(np.array([[1, 2, 3, 0], [0, 0, 0, 4], [0, 0, 0, 0], [0, 0, 0, 0]])), "no solution"),
        (lambda: sudoku.solve(np.zeros((4, 5), dtype=np.int64)), "a square of side"),
    ],
)
def test_bad_boards_get_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()
