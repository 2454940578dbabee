"""Attempts: doing a block of pieces under a claim, so that what becomes of each is an outcome, whatever happens."""

import errno
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import torch
from threadpoolctl import ThreadpoolController

from synctopo import claims
from synctopo.ledger import fail, seal, staged
from synctopo.making import forget
from synctopo.work import Block, Piece

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Outcome:
    """What became of a piece: `failure` is empty where its file is written, else one sentence; `log` is the traceback.

    busy   somebody else is working on it
    found  somebody else has done it
    """

    piece: Piece
    seconds: float
    failure: str = ""
    log: str = ""
    busy: bool = False
    found: bool = False


def attempt(block: Block, root: Path) -> list[Outcome]:
    """Do the pieces of a block, unless somebody else is at it, one thread each; a failure is an outcome like any other.

    Raises OSError where the folder cannot be written to: nothing of the rest could be kept either.
    """
    try:
        with claims.held(root, block.key, block.stage, block.label) as mine:
            if not mine:
                return [Outcome(piece, 0.0, busy=True) for piece in block.pieces]
            with _one_thread():
                return [_piece(piece, root) for piece in block.pieces]
    except OSError as error:
        raise _without_room(error, root) from None
    finally:
        # a process that grows from block to block is taken for leaking, and replaced
        forget(but=3 if len(block.pieces) == 1 else 0)


def lost(block: Block, root: Path, reason: str) -> list[Outcome]:
    """The outcomes of a block whose process has died over it: its first undone piece is to blame, the others are still to do."""
    undone = [piece for piece in block.pieces if not piece.done(root)]
    for piece in undone[:1]:
        fail(root, piece, reason, "")
    found = [Outcome(piece, 0.0, found=True) for piece in block.pieces if piece not in undone]
    return [*found, *(Outcome(p, 0.0, reason) for p in undone[:1]), *(Outcome(p, 0.0, busy=True) for p in undone[1:])]


def broken(block: Block, root: Path, error: BaseException) -> list[Outcome]:
    """The outcomes of a block that could not even be tried: every undone piece has failed, where the folder is not to blame.

    Raises the error where it is one of the folder.
    """
    if isinstance(error, OSError):
        raise error
    reason = f"{type(error).__name__}: {error}"
    undone = [piece for piece in block.pieces if not piece.done(root)]
    for piece in undone:
        fail(root, piece, reason, "".join(traceback.format_exception(error)))
    return [Outcome(p, 0.0, reason) if p in undone else Outcome(p, 0.0, found=True) for p in block.pieces]


def _piece(piece: Piece, root: Path) -> Outcome:
    # whoever held the claim before may have done it
    if piece.done(root):
        return Outcome(piece, 0.0, found=True)
    start, cpu = time.perf_counter(), time.process_time()
    try:
        with staged(root, piece) as file:
            piece.make(root, file)
            seconds = time.perf_counter() - start
            seal(root, piece, file, seconds, time.process_time() - cpu)
        return Outcome(piece, seconds)
    except OSError as error:
        if _of_folder(error, root):
            raise
        said = error.strerror or str(error) or type(error).__name__
        reason, log = f"{said} ({error.filename})" if error.filename else said, traceback.format_exc()
    except (Exception, SystemExit) as error:
        text = str(error) or type(error).__name__
        reason, log = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}", traceback.format_exc()
    forget()
    fail(root, piece, reason, log)
    return Outcome(piece, time.perf_counter() - start, reason, log)


def _of_folder(error: OSError, root: Path) -> bool:
    if error.filename is None:
        # a write to an open file names none
        return error.errno in NO_ROOM
    return error.errno in (*NO_ROOM, *NOT_OURS) and Path(os.path.abspath(str(error.filename))).is_relative_to(os.path.abspath(root))


def _without_room(error: OSError, root: Path) -> OSError:
    said = error.strerror or str(error)
    if error.errno in NO_ROOM:
        said = f"{said}: what is done is kept; make room and run the same command again"
    return OSError(error.errno, said, str(error.filename or root))


@contextmanager
def _one_thread() -> Iterator[None]:
    # sums in another order differ in their last digits: the result must not depend on how many processors there are
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _pools().limit(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)


@cache
def _pools() -> ThreadpoolController:
    # what brings threads of its own must be loaded to be held to one
    for name in ("scipy.linalg", "sklearn.utils"):
        import_module(name)
    return ThreadpoolController()
