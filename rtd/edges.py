"""The edges of a distance matrix in order of (length, id), sorted a bucket at a time and only as far as they are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt32

from rtd.compilation import kernel

MOST_BUCKETS = 1 << 22
LEAST_GROUP, MOST_GROUP = 1 << 15, 1 << 22  # edges that are in memory at a time
FEWEST = 1 << 12  # edges in a run
RUNS = 8  # per group
SHORT = 32  # buckets up to this size are sorted by insertion alone


@kernel
def bucket_counts(a: Float64[np.ndarray, "n n"], scale: float, counts: Int64[np.ndarray, " buckets+2"]) -> None:
    """counts[b + 1] = how many edges i < j fall into bucket b = floor(a_ij * scale), or into the last bucket; then summed up to offsets."""
    n = len(a)
    last = float(len(counts) - 2)
    for i in range(n):
        row = a[i]
        for j in range(i + 1, n):
            counts[int(min(row[j] * scale, last)) + 1] += 1
    for b in range(1, len(counts)):
        counts[b] += counts[b - 1]


@kernel
def scatter(
    a: Float64[np.ndarray, "n n"],
    scale: float,
    first: int,
    last: int,
    offsets: Int64[np.ndarray, " offset"],
    keys: Float64[np.ndarray, " edge"],
    ids: UInt32[np.ndarray, " edge"],
) -> None:
    """Write lengths and ids of the edges of buckets first..last, bucket by bucket, ids increasing in each; one place more is needed."""
    n = len(a)
    beyond = last - first
    following = np.empty(beyond + 1, np.int64)
    for b in range(beyond + 1):
        following[b] = offsets[first + b] - offsets[first]
    top = float(last)
    for i in range(n):
        row = a[i]
        for j in range(i + 1, n):
            x = row[j]
            b = int(min(x * scale, top)) - first
            b = beyond if b < 0 else b
            at = following[b]
            keys[at] = x
            ids[at] = (i << 16) | j
            following[b] = at + (b < beyond)


@kernel
def sort_buckets(
    first: int,
    last: int,
    base: int,
    offsets: Int64[np.ndarray, " offset"],
    keys: Float64[np.ndarray, " edge"],
    ids: UInt32[np.ndarray, " edge"],
) -> None:
    """Sort each of the buckets first..last of keys and ids by (key, id); offsets - base is where a bucket starts.

    Shell's sort: most buckets are so short that it is one of insertion, and of one that is long, since its keys are nearly equal, every
    round is the cheaper the more the round before has put in order.
    """
    for b in range(first, last):
        start, stop = offsets[b] - base, offsets[b + 1] - base
        gap = np.int64(1)
        while gap * SHORT < stop - start:
            gap = 3 * gap + 1
        while gap > 0:
            for c in range(start + gap, stop):
                x = keys[c]
                e = ids[c]
                d = c - gap
                while d >= start and (keys[d] > x or (keys[d] == x and ids[d] > e)):
                    keys[d + gap] = keys[d]
                    ids[d + gap] = ids[d]
                    d -= gap
                keys[d + gap] = x
                ids[d + gap] = e
            gap //= 3


@dataclass(frozen=True)
class Run:
    """The places start..stop of a group of sorted edges; `size` of them are in the group, and `done` is the share of all edges so far."""

    ids: UInt32[np.ndarray, " group"]
    lengths: Float64[np.ndarray, " group"]
    start: int
    stop: int
    size: int
    done: float


def runs(m: Float64[np.ndarray, "n n"], radius: float) -> Iterator[Run]:
    """All edges up to the length `radius`, in order, and few that are longer.

    Memory: n^2 bytes up to 32 MiB to count, and 12 bytes for each edge of a group: at most 2^22 edges, or more where more are so nearly
    equal that they fall in one bucket.
    """
    n = len(m)
    buckets = min(max(64, n * n // 8), MOST_BUCKETS)
    scale = (buckets - 1) / radius if radius > 0 else 0.0
    if not np.isfinite(scale):  # all lengths are next to 0
        scale = 0.0
    offsets = np.zeros(buckets + 2, np.int64)
    bucket_counts(m, scale, offsets)
    total = int(offsets[buckets])
    group = min(max(total // 2, LEAST_GROUP), MOST_GROUP)

    def after(first: int, count: int) -> int:
        return min(buckets, max(first + 1, int(np.searchsorted(offsets, offsets[first] + count, side="right")) - 1))

    first = 0
    while offsets[first] < total:
        last = after(first, group)
        base = int(offsets[first])
        size = int(offsets[last]) - base
        lengths, ids = np.empty(size + 1), np.empty(size + 1, np.uint32)
        scatter(m, scale, first, last, offsets, lengths, ids)
        while first < last:
            stop = min(last, after(first, max(FEWEST, size // RUNS)))
            sort_buckets(first, stop, base, offsets, lengths, ids)
            if offsets[stop] > offsets[first]:
                yield Run(ids, lengths, int(offsets[first]) - base, int(offsets[stop]) - base, size, int(offsets[stop]) / total)
            first = stop
