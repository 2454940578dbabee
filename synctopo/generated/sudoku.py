"""Sudoku boards with exactly one solution: generated, checked, solved, told apart up to the names of the digits."""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Int
from numba import njit

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Side of a board -> rows and columns of its boxes."""

Boards = Int[np.ndarray, "board row column"]


@dataclass(frozen=True)
class Puzzles:
    """Boards [board, row, column] of digits 1 ... side, 0 where nothing is given, and the one solution of each."""

    boards: np.ndarray
    solutions: np.ndarray

    @property
    def givens(self) -> Int[np.ndarray, " board"]:
        """How many digits each board gives."""
        return (self.boards > 0).sum((1, 2))


def generate(side: int, count: int, givens: tuple[int, int], *, seed: int, apart: frozenset[bytes] = frozenset()) -> Puzzles:
    """Boards of that side with the first to the last number of `givens`, uniformly, each with exactly one solution.

    A filled board is found by randomised backtracking; digits are taken away in random order as long as the solution stays the only one.
    No two are equal up to the names of the digits, and none to those in `apart` (see `identities`). A board that gets stuck above its
    number of givens is thrown away.

    Raises ValueError for another side than 4, 6 or 9, givens out of range, or where not enough boards are found.
    """
    if side not in BOXES:
        raise ValueError(f"boards have a side of {', '.join(map(str, BOXES))}; got {side}.")
    low, high = givens
    if not 0 < low <= high <= side * side or count < 0:
        raise ValueError(f"givens go from a first to a last number up to {side * side}; got {low} to {high}, for {count} boards.")
    random = np.random.default_rng(seed)
    boards: list[np.ndarray] = []
    solutions: list[np.ndarray] = []
    seen = set(apart)
    tries = 0
    while len(boards) < count:
        tries += 1
        if tries > 100 * count + 100:
            raise ValueError(
                f"only {len(boards)} of {count} boards of side {side} with {low} to {high} givens were found; allow more givens."
            )
        full = _filled(side, random)
        board = _thinned(full, int(random.integers(low, high + 1)), random.permutation(side * side), *BOXES[side])
        if board is None:
            continue
        name = identity(board)
        if name not in seen:
            seen.add(name)
            boards.append(board)
            solutions.append(full)
    empty = np.zeros((0, side, side), dtype=np.int64)
    return Puzzles(np.stack(boards) if boards else empty, np.stack(solutions) if solutions else empty)


def identity(board: Int[np.ndarray, "row column"]) -> bytes:
    """The board with its digits named in the order in which they come: the same for boards that differ in names alone."""
    names = np.zeros(board.max() + 1, dtype=np.uint8)
    flat = board.ravel()
    order = list(dict.fromkeys(int(d) for d in flat if d))
    names[order] = np.arange(1, len(order) + 1, dtype=np.uint8)
    return names[flat].tobytes()


def identities(boards: Boards) -> frozenset[bytes]:
    """`identity` of each board."""
    return frozenset(identity(b) for b in boards)


def solve(board: Int[np.ndarray, "row column"]) -> Int[np.ndarray, "row column"]:
    """The one solution. Raises ValueError for givens that contradict each other, for no solution, and for more than one."""
    side = len(board)
    if side not in BOXES or board.shape != (side, side) or board.min() < 0 or board.max() > side:
        raise ValueError(f"a board is a square of side {', '.join(map(str, BOXES))} with digits up to its side; got shape {board.shape}.")
    work = np.ascontiguousarray(board, dtype=np.int64)
    if _contradictory(work, *BOXES[side]):
        raise ValueError("two equal digits stand in a row, column or box of this board; it has no solution.")
    found = np.zeros_like(work)
    count = _search(work.copy(), _in_order(side), found, *BOXES[side], 2)
    if count != 1:
        raise ValueError(f"this board has {'no solution' if count == 0 else 'more than one solution'}; exactly one is wanted.")
    return found


def is_solution(boards: Boards, answers: Boards) -> np.ndarray:
    """Whether each answer is valid and keeps what its board gives, [board] of bool."""
    side = boards.shape[1]
    kept = ((boards == 0) | (boards == answers)).all((1, 2))
    valid = [not _contradictory(np.ascontiguousarray(a, dtype=np.int64), *BOXES[side]) and bool((a > 0).all()) for a in answers]
    return kept & np.array(valid, dtype=bool)


def _filled(side: int, random: np.random.Generator) -> np.ndarray:
    # a random order of the digits in each cell
    order = np.argsort(random.random((side * side, side)), axis=1) + 1
    found = np.zeros((side, side), dtype=np.int64)
    _search(found.copy(), order, found, *BOXES[side], 1)
    return found


def _in_order(side: int) -> np.ndarray:
    return np.tile(np.arange(1, side + 1), (side * side, 1))


def _thinned(full: np.ndarray, wanted: int, places: np.ndarray, high: int, wide: int) -> np.ndarray | None:
    board = full.copy()
    left = _thin(board, places.astype(np.int64), _in_order(len(full)), wanted, high, wide)
    return board if left == wanted else None


@njit(cache=True)
@no_type_check
def _allowed(board, row, column, high, wide):
    side = board.shape[0]
    used = 0
    top, left = row - row % high, column - column % wide
    for k in range(side):
        used |= 1 << board[row, k]
        used |= 1 << board[k, column]
        used |= 1 << board[top + k // wide, left + k % wide]
    return ~used


@njit(cache=True)
@no_type_check
def _search(board, order, found, high, wide, most):
    """How many solutions the board has, up to `most`; the first is written to `found`. `order` [cell, digit]: which digits are tried first.

    The cell with the fewest choices comes next; a stack in place of recursion, which numba cannot keep in its cache. The board is changed.
    """
    side = board.shape[0]
    cells = np.empty(side * side + 1, dtype=np.int64)
    tried = np.empty(side * side + 1, dtype=np.int64)
    masks = np.empty(side * side + 1, dtype=np.int64)
    depth, count, entering = 0, 0, True
    while True:
        if entering:
            entering = False
            best, cell, mask = 99, -1, 0
            for at in range(side * side):
                if board[at // side, at % side] == 0:
                    allowed = _allowed(board, at // side, at % side, high, wide)
                    choices = 0
                    for digit in range(1, side + 1):
                        choices += allowed >> digit & 1
                    if choices < best:
                        best, cell, mask = choices, at, allowed
            if cell < 0:
                count += 1
                if count == 1:
                    for row in range(side):
                        for column in range(side):
                            found[row, column] = board[row, column]
                depth -= 1
                if count >= most:
                    return count
            else:
                cells[depth], tried[depth], masks[depth] = cell, 0, mask
        if depth < 0:
            return count
        cell, k = cells[depth], tried[depth]
        while k < side and not masks[depth] >> order[cell, k] & 1:
            k += 1
        if k == side:
            board[cell // side, cell % side] = 0
            depth -= 1
        else:
            board[cell // side, cell % side] = order[cell, k]
            tried[depth] = k + 1
            depth += 1
            entering = True


@njit(cache=True)
@no_type_check
def _thin(board, places, order, wanted, high, wide):
    """Take digits away in this order as long as the solution stays the only one; how many are left."""
    side = board.shape[0]
    left = side * side
    scratch = np.zeros_like(board)
    for place in places:
        if left == wanted:
            break
        row, column = place // side, place % side
        digit = board[row, column]
        board[row, column] = 0
        if _search(board.copy(), order, scratch, high, wide, 2) == 1:
            left -= 1
        else:
            board[row, column] = digit
    return left


@njit(cache=True)
@no_type_check
def _contradictory(board, high, wide):
    side = board.shape[0]
    for row in range(side):
        for column in range(side):
            digit = board[row, column]
            if digit:
                board[row, column] = 0
                allowed = _allowed(board, row, column, high, wide)
                board[row, column] = digit
                if not allowed >> digit & 1:
                    return True
    return False
