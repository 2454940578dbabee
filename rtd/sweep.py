"""The sweep over all edges by length: which of them have a lune of more than one component, and a point of each component.

An edge i < j has the id i * 2^16 + j. Seen edges are bits of an n x n matrix whose rows and columns are points in order of `rank`;
each point is its own neighbour there. The lune of ij is the word by word AND of rows i and j, before ij is set.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64, UInt32, UInt64

from rtd.compilation import kernel, longer, part_of_kernel, trailing_zeros
from rtd.edges import Run

Map = Callable[..., Iterable[Any]]


@part_of_kernel
def components(
    rows: UInt64[np.ndarray, "n words"],
    seed: int,
    left: UInt64[np.ndarray, " words"],
    rest: UInt64[np.ndarray, " words"],
    points: Int64[np.ndarray, " n"],
) -> int:
    """Put one point of each component of the set `left` into `points`, first `seed`; returns the number of components.

    `rest`, not empty, is what of `left` is not adjacent to the seed. A component is known by the neighbours of few of its points: the next
    one is taken from `rest`, where it meets what is covered. When none of `rest` does, the component is complete. Overwrites both sets.
    """
    words = len(left)
    count = 0
    while True:
        points[count] = seed
        count += 1
        grown = True
        while grown:
            grown = False
            b = 0
            later = ~np.uint64(0)
            while b < words:
                word = rest[b] & later
                if word == 0:
                    b += 1
                    later = ~np.uint64(0)
                    continue
                lowest = word & (~word + np.uint64(1))
                later = ~(lowest | (lowest - np.uint64(1)))
                row = rows[(b << 6) + trailing_zeros(word)]
                meets = np.uint64(0)
                for c in range(words):
                    meets |= row[c] & left[c] & ~rest[c]
                if meets != 0:
                    grown = True
                    some = np.uint64(0)
                    for c in range(words):
                        word = rest[c] & ~row[c]
                        rest[c] = word
                        some |= word
                    if some == 0:
                        return count
        b = 0
        while rest[b] == 0:
            b += 1
        seed = (b << 6) + trailing_zeros(rest[b])
        row = rows[seed]
        some = np.uint64(0)
        for c in range(words):
            word = rest[c]
            left[c] = word
            word &= ~row[c]
            rest[c] = word
            some |= word
        if some == 0:
            points[count] = seed
            return count + 1


@kernel
def sweep(
    ids: UInt32[np.ndarray, " edge"],
    seen: int,
    start: int,
    stop: int,
    rows: UInt64[np.ndarray, "n words"],
    rank: Int32[np.ndarray, " n"],
    order: Int32[np.ndarray, " n"],
) -> tuple[Int64[np.ndarray, " room"], Int64[np.ndarray, " space"], Int64[np.ndarray, " more"], int]:
    """Set the bits of ids[seen:start], then go through ids[start:stop], setting bits; returns of these the places p of edges with a lune of
    several components, the offsets of their points, one of each component, these points, and the number of these edges; the arrays have
    room for more."""
    one_bit = np.uint64(1)
    for p in range(seen, start):
        i = rank[ids[p] >> np.uint32(16)]
        j = rank[ids[p] & np.uint32(0xFFFF)]
        rows[i, j >> 6] |= one_bit << np.uint64(j & 63)
        rows[j, i >> 6] |= one_bit << np.uint64(i & 63)
    n = len(rank)
    words = rows.shape[1]
    left = np.empty(words, np.uint64)
    rest = np.empty(words, np.uint64)
    found = np.empty(n, np.int64)
    places = np.empty(256, np.int64)
    offsets = np.empty(257, np.int64)
    offsets[0] = 0
    points = np.empty(1024, np.int64)
    many = 0
    for p in range(start, stop):
        i = rank[ids[p] >> np.uint32(16)]
        j = rank[ids[p] & np.uint32(0xFFFF)]
        one, two = rows[i], rows[j]
        b = 0
        while b < words and one[b] & two[b] == 0:
            b += 1
        if b < words:
            seed = (b << 6) + trailing_zeros(one[b] & two[b])
            hub = rows[seed]
            some = np.uint64(0)
            for c in range(words):
                word = one[c] & two[c]
                left[c] = word
                word &= ~hub[c]
                rest[c] = word
                some |= word
            if some != 0:
                count = components(rows, seed, left, rest, found)
                if count > 1:
                    if many == len(places):
                        places = longer(places, many + 1)
                        offsets = longer(offsets, many + 2)
                    end = offsets[many] + count
                    if end > len(points):
                        points = longer(points, end)
                    for c in range(count):
                        points[offsets[many] + c] = order[found[c]]
                    places[many] = p
                    many += 1
                    offsets[many] = end
        one[j >> 6] |= one_bit << np.uint64(j & 63)
        two[i >> 6] |= one_bit << np.uint64(i & 63)
    return places, offsets, points, many


@dataclass(frozen=True)
class Chunk:
    """A run of the sorted edges: the position (bits of length, id) of its last one, and its edges with a lune of several components."""

    until: int
    until_id: int
    many: Int64[np.ndarray, " many"]
    lengths: Int64[np.ndarray, " many"]  # their bits
    offsets: Int64[np.ndarray, " offset"]
    points: Int64[np.ndarray, " point"]
    done: float  # share of all edges that are swept


def chunks(runs: Iterable[Run], order: Int32[np.ndarray, " n"], threads: int, each: Map) -> Iterator[Chunk]:
    """Sweep the runs; `order` is of the points: those come first that are tried first. `each` is map, or that of a pool of `threads`.

    Memory: n^2/8 bytes for each thread.
    """
    n = len(order)
    rank = np.empty(n, np.int32)
    rank[order] = np.arange(n, dtype=np.int32)
    rows = np.zeros((threads, n, -(-n // 256) * 4), np.uint64)
    rows[:, np.arange(n), np.arange(n) >> 6] = np.uint64(1) << (np.arange(n) & 63).astype(np.uint64)
    seen = [0] * threads

    def part(t: int, run: Run) -> tuple[np.ndarray, ...]:
        start, stop = (run.start + (run.stop - run.start) * s // threads for s in (t, t + 1))
        places, offsets, points, many = sweep(run.ids, seen[t], start, stop, rows[t], rank, order)
        seen[t] = stop
        return places[:many], np.diff(offsets[: many + 1]), points[: offsets[many]]

    for run in runs:
        parts = list(each(part, range(threads), [run] * threads))
        places, sizes, points = parts[0] if threads == 1 else (np.concatenate(p) for p in zip(*parts, strict=True))
        if run.stop == run.size:
            list(
                each(
                    sweep, [run.ids] * threads, seen, [run.size] * threads, [run.size] * threads, rows, [rank] * threads, [order] * threads
                )
            )
            seen = [0] * threads
        yield Chunk(
            until=int(run.lengths[run.stop - 1 : run.stop].view(np.int64)[0]),
            until_id=int(run.ids[run.stop - 1]),
            many=run.ids[places].astype(np.int64),
            lengths=run.lengths[places].view(np.int64),
            offsets=np.concatenate([[0], np.cumsum(sizes)]),
            points=points,
            done=run.done,
        )
