"""The sweep over all edges by length: which of them have a lune of more than one component, and a point of each component.

An edge i < j has the id i * 2^16 + j; edges are ordered by (length, id). Seen edges are bits of an n x n matrix whose rows and
columns are points in order of `rank`; each point is its own neighbour there. The lune of ij is the word by word AND of rows i and j,
before ij is set.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32, Int64, UInt32, UInt64

from rtd.compilation import kernel, trailing_zeros

MOST_BUCKETS = 1 << 22  # for sorting
GROUP = 1 << 22  # edges that are sorted at a time
FEWEST = 1 << 12  # edges in a chunk
SHORT = 32  # runs up to this length are sorted by insertion


@kernel
def bucket_counts(a: Float[np.ndarray, "n n"], limit: float, scale: float, counts: Int64[np.ndarray, " offset"]) -> None:
    """counts[b + 1] = how many edges i < j, a_ij <= limit, fall into bucket b = floor(a_ij * scale), then summed up to offsets."""
    n = len(a)
    for i in range(n):
        row = a[i]
        for j in range(i + 1, n):
            if row[j] <= limit:
                counts[np.int64(row[j] * scale) + 1] += 1
    for b in range(1, len(counts)):
        counts[b] += counts[b - 1]


@kernel
def scatter(
    a: Float[np.ndarray, "n n"],
    limit: float,
    scale: float,
    first: int,
    last: int,
    offsets: Int64[np.ndarray, " offset"],
    keys: Float[np.ndarray, " edge"],
    ids: UInt32[np.ndarray, " edge"],
) -> None:
    """Write lengths and ids of the edges of buckets first..last, bucket by bucket, ids increasing in each."""
    n = len(a)
    start = offsets[first]
    following = offsets[first:last] - start
    for i in range(n):
        row = a[i]
        for j in range(i + 1, n):
            x = row[j]
            if x <= limit:
                b = np.int64(x * scale)
                if first <= b and b < last:
                    at = following[b - first]
                    keys[at] = x
                    ids[at] = (i << 16) | j
                    following[b - first] = at + 1


@kernel
def sort_buckets(
    first: int,
    last: int,
    base: int,
    offsets: Int64[np.ndarray, " offset"],
    keys: Float[np.ndarray, " edge"],
    ids: UInt32[np.ndarray, " edge"],
) -> None:
    """Sort each of the buckets first..last of keys and ids by (key, id); offsets - base is where a bucket starts."""
    for b in range(first, last):
        start, stop = offsets[b] - base, offsets[b + 1] - base
        if stop - start <= SHORT:
            for c in range(start + 1, stop):
                x = keys[c]
                e = ids[c]
                d = c - 1
                while d >= start and keys[d] > x:
                    keys[d + 1] = keys[d]
                    ids[d + 1] = ids[d]
                    d -= 1
                keys[d + 1] = x
                ids[d + 1] = e
        else:
            heap_sort(keys[start:stop], ids[start:stop])


@kernel
def heap_sort(keys: Float[np.ndarray, " edge"], ids: UInt32[np.ndarray, " edge"]) -> None:
    """Sort by (key, id) in place, unless it is sorted already."""
    count = len(keys)
    c = 1
    while c < count and keys[c - 1] <= keys[c]:
        c += 1
    if c >= count:  # ids came increasing: equal keys need no work
        return
    top = count // 2
    end = count
    while end > 1:
        if top > 0:
            top -= 1
        else:
            end -= 1
            keys[0], keys[end] = keys[end], keys[0]
            ids[0], ids[end] = ids[end], ids[0]
        at = top
        x = keys[at]
        e = ids[at]
        while True:
            child = 2 * at + 1
            if child >= end:
                break
            right = child + 1
            if right < end and (keys[right] > keys[child] or (keys[right] == keys[child] and ids[right] > ids[child])):
                child = right
            if keys[child] < x or (keys[child] == x and ids[child] < e):
                break
            keys[at] = keys[child]
            ids[at] = ids[child]
            at = child
        keys[at] = x
        ids[at] = e


@kernel
def components(
    rows: UInt64[np.ndarray, "n words"],
    seed: int,
    left: UInt64[np.ndarray, " words"],
    rest: UInt64[np.ndarray, " words"],
    turn: UInt64[np.ndarray, " words"],
    points: Int32[np.ndarray, " n"],
) -> int:
    """Put one point of each component of the set `left` into `points`, first `seed`; returns the number of components.

    `rest` is what of `left` is not adjacent to the seed. A component is known by the neighbours of few of its points: the next one is taken
    from `rest`, where it meets what is covered. When none of `rest` does, the component is complete. Overwrites the sets.
    """
    words = len(left)
    count = 0
    while True:
        points[count] = seed
        count += 1
        some = np.uint64(1)
        grown = True
        while grown and some != 0:
            grown = False
            for c in range(words):
                turn[c] = rest[c]
            b = 0
            while b < words:
                word = turn[b] & rest[b]
                if word == 0:
                    b += 1
                    continue
                turn[b] = word & (word - np.uint64(1))
                row = rows[(b << 6) + trailing_zeros(word)]
                meets = np.uint64(0)
                for c in range(words):
                    meets |= row[c] & left[c] & ~rest[c]
                if meets != 0:
                    grown = True
                    some = np.uint64(0)
                    for c in range(words):
                        rest[c] &= ~row[c]
                        some |= rest[c]
                    if some == 0:
                        return count
        b = 0
        while rest[b] == 0:
            b += 1
        seed = (b << 6) + trailing_zeros(rest[b])
        row = rows[seed]
        some = np.uint64(0)
        for c in range(words):
            left[c] = rest[c]
            rest[c] &= ~row[c]
            some |= rest[c]
        if some == 0:
            points[count] = seed
            return count + 1


@kernel
def insert(
    ids: UInt32[np.ndarray, " edge"], start: int, stop: int, rows: UInt64[np.ndarray, "n words"], rank: Int32[np.ndarray, " n"]
) -> None:
    """Set the bits of the edges ids[start:stop]."""
    for p in range(start, stop):
        i = rank[ids[p] >> np.uint32(16)]
        j = rank[ids[p] & np.uint32(0xFFFF)]
        rows[i, j >> 6] |= np.uint64(1) << np.uint64(j & 63)
        rows[j, i >> 6] |= np.uint64(1) << np.uint64(i & 63)


@kernel
def sweep(
    ids: UInt32[np.ndarray, " edge"],
    start: int,
    stop: int,
    rows: UInt64[np.ndarray, "n words"],
    rank: Int32[np.ndarray, " n"],
    order: Int32[np.ndarray, " n"],
) -> tuple[Int64[np.ndarray, " many"], Int64[np.ndarray, " offset"], Int32[np.ndarray, " point"]]:
    """Go through ids[start:stop], setting bits; returns the places p of edges with a lune of several components, the
    offsets of their points, one of each component, and these points."""
    n = len(rank)
    words = rows.shape[1]
    left = np.empty(words, np.uint64)
    rest = np.empty(words, np.uint64)
    turn = np.empty(words, np.uint64)
    found = np.empty(n, np.int32)
    places = np.empty(256, np.int64)
    offsets = np.zeros(257, np.int64)
    points = np.empty(1024, np.int32)
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
                some |= one[c] & two[c] & ~hub[c]
            if some != 0:
                for c in range(words):
                    left[c] = one[c] & two[c]
                    rest[c] = left[c] & ~hub[c]
                count = components(rows, seed, left, rest, turn, found)
                if count > 1:
                    if many == len(places):
                        more = np.empty(2 * many, np.int64)
                        more[:many] = places
                        places = more
                        more = np.empty(2 * many + 1, np.int64)
                        more[: many + 1] = offsets
                        offsets = more
                    end = offsets[many] + count
                    if end > len(points):
                        longer = np.empty(2 * end, np.int32)
                        longer[: offsets[many]] = points[: offsets[many]]
                        points = longer
                    for c in range(count):
                        points[offsets[many] + c] = order[found[c]]
                    places[many] = p
                    many += 1
                    offsets[many] = end
        one[j >> 6] |= np.uint64(1) << np.uint64(j & 63)
        two[i >> 6] |= np.uint64(1) << np.uint64(i & 63)
    return places[:many].copy(), offsets[: many + 1].copy(), points[: offsets[many]].copy()


@dataclass(frozen=True)
class Chunk:
    """A run of the sorted edges: the position (length, id) of its last one, and its edges with a lune of several components."""

    until: int  # bits of the length
    until_id: int
    many: UInt32[np.ndarray, " many"]
    offsets: Int64[np.ndarray, " offset"]
    points: Int32[np.ndarray, " point"]
    done: float  # share of all edges that are swept


def chunks(
    m: Float[np.ndarray, "n n"], radius: float, order: Int32[np.ndarray, " n"], pool: ThreadPoolExecutor, threads: int
) -> Iterator[Chunk]:
    """The edges of m up to the length `radius`, in order, sorted and swept only as far as they are asked for; `order` is of the points.

    Memory: n^2/8 bytes of bits for each thread, n^2 bytes of offsets up to 32 MiB, and 12 bytes for each edge of a group.
    """
    n = len(m)
    buckets = min(max(64, n * n // 8), MOST_BUCKETS)
    with np.errstate(over="ignore", divide="ignore"):
        scale = m.dtype.type(buckets - 1) / m.dtype.type(radius)
    if not np.isfinite(scale):  # all lengths are 0 or next to it
        scale = m.dtype.type(0)
    offsets = np.zeros(buckets + 1, np.int64)
    bucket_counts(m, radius, scale, offsets)
    total = int(offsets[-1])
    rank = np.empty(n, np.int32)
    rank[order] = np.arange(n, dtype=np.int32)
    words = -(-n // 256) * 4
    rows = np.zeros((threads, n, words), np.uint64)
    rows[:, np.arange(n), np.arange(n) >> 6] = np.uint64(1) << (np.arange(n) & 63).astype(np.uint64)

    def up_to(first: int, count: int) -> int:
        return min(buckets, max(first + 1, int(np.searchsorted(offsets, offsets[first] + count, side="right")) - 1))

    first = 0
    while offsets[first] < total:
        last = up_to(first, GROUP)
        base = int(offsets[first])
        size = int(offsets[last]) - base
        keys, ids = np.empty(size, m.dtype), np.empty(size, np.uint32)
        scatter(m, radius, scale, first, last, offsets, keys, ids)
        seen = [0] * threads
        while first < last:
            stop = up_to(first, max(FEWEST, size // 16))
            stop = min(stop, last)
            sort_buckets(first, stop, base, offsets, keys, ids)
            start, end = int(offsets[first]) - base, int(offsets[stop]) - base
            first = stop
            if start == end:
                continue
            bounds = [start + (end - start) * t // threads for t in range(threads + 1)]

            def part(
                t: int, bounds: list[int] = bounds, ids: np.ndarray = ids, seen: list[int] = seen
            ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
                insert(ids, seen[t], bounds[t], rows[t], rank)
                seen[t] = bounds[t + 1]
                return sweep(ids, bounds[t], bounds[t + 1], rows[t], rank, order)  # type: ignore[no-any-return]

            parts = list(pool.map(part, range(threads))) if threads > 1 else [part(0)]
            ends = np.cumsum([0] + [len(p[2]) for p in parts])
            yield Chunk(
                int(keys[end - 1 : end].view(np.int64 if m.dtype == np.float64 else np.int32)[0]),
                int(ids[end - 1]),
                ids[np.concatenate([p[0] for p in parts])],
                np.concatenate([p[1][(k > 0) :] + ends[k] for k, p in enumerate(parts)]),
                np.concatenate([p[2] for p in parts]),
                (base + end) / total,
            )
        for t in range(threads):
            insert(ids, seen[t], size, rows[t], rank)
