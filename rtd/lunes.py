"""Edges with an empty lune: the relative neighbourhood graph of a distance matrix, whose edges are the only ones that matter.

Matrices come as the bits of their entries, read as integers: non-negative floats have the order of their bits. Of two equal entries the
one with the smaller id comes first; the id of the edge i < j is i * 2^16 + j, so that three ranges of k decide which equalities count.
"""

import numpy as np
from jaxtyping import Float64, Int16, Int64, UInt16

from rtd.compilation import kernel, longer, part_of_kernel

NEAR = 16  # points near to each that are tried as witnesses
TILE = 32
BLOCK = 128
TOP = np.int16(0x7FFF)  # coarse lengths of interest are less
INFINITE = 0x7FF0000000000000


@kernel
def is_distance(a: Int64[np.ndarray, "n n"]) -> bool:
    """Whether all entries are finite without a sign bit, those of the diagonal are 0, and the matrix is its transpose."""
    n = len(a)
    unlike = np.int64(0)
    sign = np.int64(0)
    largest = np.int64(0)
    for top in range(0, n, TILE):
        for left in range(top, n, TILE):
            for i in range(top, min(top + TILE, n)):
                for j in range(left, min(left + TILE, n)):
                    x = a[i, j]
                    unlike |= x ^ a[j, i]
                    sign |= x
                    largest = max(largest, x)
        for i in range(top, min(top + TILE, n)):
            unlike |= a[i, i]
    return not (unlike != 0 or sign < 0 or largest >= INFINITE)


@kernel
def coarsen(
    a: Float64[np.ndarray, "n n"],
    scale: float,
    start: int,
    stop: int,
    coarse: Int16[np.ndarray, "n n"],
    near: UInt16[np.ndarray, "n 16"],
    far: Int16[np.ndarray, "n 16"],
) -> None:
    """Rows start..stop of a * scale, rounded down and cut off at TOP, and points near to each with their coarse distances, nearest first.

    The points are the nearest ones of each class of indices modulo 16, as uint16; one that is missing is the point itself at TOP.
    """
    n = len(a)
    blocks = (n + NEAR - 1) // NEAR
    row = np.empty(blocks * NEAR, np.int16)
    for j in range(n, len(row)):
        row[j] = TOP
    best = np.empty(NEAR, np.int16)
    block = np.empty(NEAR, np.int16)
    for i in range(start, stop):
        for j in range(n):
            x = np.int16(min(a[i, j] * scale, float(TOP)))
            coarse[i, j] = x
            row[j] = x
        row[i] = TOP
        for c in range(NEAR):
            best[c] = row[c]
            block[c] = 0
        for b in range(1, blocks):
            for c in range(NEAR):
                x = row[b * NEAR + c]
                closer = x < best[c]
                block[c] = np.int16(b) if closer else block[c]
                best[c] = x if closer else best[c]
        for c in range(NEAR):
            x = best[c]
            k = i if x == TOP else block[c] * NEAR + c
            d = c - 1
            while d >= 0 and far[i, d] > x:
                near[i, d + 1] = near[i, d]
                far[i, d + 1] = far[i, d]
                d -= 1
            near[i, d + 1] = k
            far[i, d + 1] = x


@part_of_kernel
def lowest_reaches(p: np.ndarray, q: np.ndarray, r: np.ndarray, s: np.ndarray, x: int) -> int:
    """How often max(min(p, q), min(r, s)) is x, or -1 where it is less somewhere."""
    k = 0
    best = TOP
    while k < len(p):
        for c in range(k, min(k + BLOCK, len(p))):
            best = min(best, max(min(p[c], q[c]), min(r[c], s[c])))
        if best < x:
            return -1
        k += BLOCK
    # a loop of its own: counting in the one above would make its vectors four times as wide
    count = 0
    for c in range(len(p)):
        count += max(min(p[c], q[c]), min(r[c], s[c])) == x
    return count


@part_of_kernel
def is_empty(a: Int64[np.ndarray, "n n"], first: Int16[np.ndarray, "n n"], second: Int16[np.ndarray, "n n"], i: int, j: int) -> bool:
    """Whether the edge i < j has an empty lune in a, which is coarsely the least of the two other matrices.

    What is less when rounded is less; entries of `a` are read only where rounded ones are equal.
    """
    p, q, r, s = first[i], second[i], first[j], second[j]
    x = min(p[j], q[j])
    count = lowest_reaches(p, q, r, s, x)
    if count <= 2:  # the ends themselves are two
        return count == 2
    length = a[i, j]
    for k in range(len(p)):
        if max(min(p[k], q[k]), min(r[k], s[k])) == x and k != i and k != j:
            one, two = a[i, k], a[j, k]
            if (one < length or (one == length and k < j)) and (two < length or (two == length and k < i)):
                return False
    return True


@kernel
def candidates(
    coarse: Int16[np.ndarray, "n n"],
    limit: int,
    near: UInt16[np.ndarray, "n 16"],
    far: Int16[np.ndarray, "n 16"],
    start: int,
    stop: int,
) -> tuple[Int64[np.ndarray, " room"], int]:
    """The ids of the edges i < j, i in start..stop, that may have an empty lune, increasing, and how many.

    None is longer than `limit`, a coarse length, and none has one of the near points of its ends coarsely in its lune.
    """
    n = len(coarse)
    found = np.empty(8 * n, np.int64)
    count = 0
    reach = np.empty(n, np.int16)
    for i in range(start, stop):
        row = coarse[i]
        for j in range(i + 1, n):
            reach[j] = TOP
        for c in range(4):
            hub, x = coarse[near[i, c]], far[i, c]
            for j in range(i + 1, n):
                reach[j] = min(reach[j], max(hub[j], x))
        for j in range(i + 1, n):
            x = row[j]
            if reach[j] < x or x > limit:
                continue
            held = False
            for c in range(NEAR):
                if far[j, c] >= x or held:
                    break
                held = row[near[j, c]] < x
            for c in range(4, NEAR):
                if far[i, c] >= x or held:
                    break
                held = coarse[near[i, c], j] < x
            if held:
                continue
            if count == len(found):
                found = longer(found, count + 1)
            found[count] = (i << 16) | j
            count += 1
    return found, count


@kernel
def part(
    a: Int64[np.ndarray, "n n"],
    first: Int16[np.ndarray, "n n"],
    second: Int16[np.ndarray, "n n"],
    ids: Int64[np.ndarray, " edge"],
    empty: Int64[np.ndarray, " edge"],
    other: Int64[np.ndarray, " edge"],
) -> int:
    """Write the ids of edges with an empty lune in a to the front of `empty`, the rest to that of `other`; returns how many are empty.

    a is coarsely the least of `first` and `second`.
    """
    count = 0
    for at in range(len(ids)):
        if is_empty(a, first, second, ids[at] >> 16, ids[at] & 0xFFFF):
            empty[count] = ids[at]
            count += 1
        else:
            other[at - count] = ids[at]
    return count
