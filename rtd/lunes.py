"""Edges with an empty lune: the relative neighbourhood graph of a distance matrix, whose edges are the only ones that matter.

Matrices come as the bits of their entries, read as integers: non-negative floats have the order of their bits. Of two equal entries the
one with the smaller id comes first; the id of the edge i < j is i * 2^16 + j, so that three ranges of k decide which equalities count.
"""

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt32

from rtd.compilation import kernel, longer

NEAR = 16  # points near to each that are tried as witnesses
TILE = 32
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
def smaller(
    w: Int64[np.ndarray, "n n"],
    v: Int64[np.ndarray, "n n"],
    m: Int64[np.ndarray, "n n"],
    spread: Int64[np.ndarray, " n"],
    radii: Int64[np.ndarray, " 3"],
) -> None:
    """Write min(w, v) to m and the sum of each row's (rounded) bits to `spread`; `radii` = the least row maximum of w, v and m."""
    radii[:] = INFINITE
    for i in range(len(w)):
        a, b, c = w[i], v[i], m[i]
        far_a, far_b, far_c = np.int64(0), np.int64(0), np.int64(0)
        total = np.int64(0)
        for j in range(len(w)):
            x, y = a[j], b[j]
            z = min(x, y)
            c[j] = z
            far_a = max(far_a, x)
            far_b = max(far_b, y)
            far_c = max(far_c, z)
            total += z >> 16
        spread[i] = total
        radii[0], radii[1], radii[2] = min(radii[0], far_a), min(radii[1], far_b), min(radii[2], far_c)


@kernel
def coarsen(
    a: Float64[np.ndarray, "n n"],
    scale: float,
    start: int,
    stop: int,
    coarse: Float32[np.ndarray, "n n"],
    near: Int32[np.ndarray, "n 16"],
    far: Int32[np.ndarray, "n 16"],
) -> None:
    """Rows start..stop of a * scale, rounded, and 16 points near to each with the bits of their rounded distances, nearest first.

    The points are the nearest ones of each class of indices modulo 16; what is missing is the point itself at the greatest integer.
    """
    n = len(a)
    top = np.int32(0x7FFFFFFF)
    blocks = (n + NEAR - 1) // NEAR
    row = np.empty(blocks * NEAR, np.int32)
    for j in range(n, len(row)):
        row[j] = top
    best = np.empty(NEAR, np.int32)
    block = np.empty(NEAR, np.int32)
    bits = coarse.view(np.int32)
    for i in range(start, stop):
        for j in range(n):
            coarse[i, j] = np.float32(a[i, j] * scale)
        for j in range(n):
            row[j] = bits[i, j]
        row[i] = top
        for c in range(NEAR):
            best[c] = row[c]
            block[c] = 0
        for b in range(1, blocks):
            for c in range(NEAR):
                x = row[b * NEAR + c]
                closer = x < best[c]
                block[c] = b if closer else block[c]
                best[c] = x if closer else best[c]
        for c in range(NEAR):
            x = best[c]
            k = i if x == top else block[c] * NEAR + c
            d = c - 1
            while d >= 0 and far[i, d] > x:
                near[i, d + 1] = near[i, d]
                far[i, d + 1] = far[i, d]
                d -= 1
            near[i, d + 1] = k
            far[i, d + 1] = x


@kernel
def some_below(p: np.ndarray, q: np.ndarray, x: int, y: int, start: int, stop: int) -> bool:
    """Whether p < x and q < y anywhere in start..stop."""
    k = start
    while k < stop:
        some = False
        for c in range(k, min(k + 64, stop)):
            some |= (p[c] < x) & (q[c] < y)
        if some:
            return True
        k += 64
    return False


@kernel
def is_empty(a: Int64[np.ndarray, "n n"], i: int, j: int) -> bool:
    """Whether the edge i < j has an empty lune."""
    p, q, x = a[i], a[j], a[i, j]
    if some_below(p, q, x + 1, x + 1, np.int64(0), i) or some_below(p, q, x + 1, x, i + 1, j):
        return False
    return not some_below(p, q, x, x, j + 1, np.int64(len(p)))


@kernel
def graph(
    a: Int64[np.ndarray, "n n"],
    coarse: Int32[np.ndarray, "n n"],
    limit: int,
    near: Int32[np.ndarray, "n 16"],
    far: Int32[np.ndarray, "n 16"],
    start: int,
    stop: int,
) -> tuple[UInt32[np.ndarray, " room"], int]:
    """The ids of the edges i < j, i in start..stop, with an empty lune, increasing, and how many.

    None is longer than `limit`, a coarse length. What is less when rounded is less: a near point that the rounded lune holds rejects an
    edge. Entries of `a` are read only where rounded ones are equal.
    """
    n = len(a)
    found = np.empty(4 * n, np.uint32)
    count = 0
    reach = np.empty(n, np.int32)
    zero = np.int64(0)
    for i in range(start, stop):
        row = coarse[i]
        p, q, r, s = coarse[near[i, 0]], coarse[near[i, 1]], coarse[near[i, 2]], coarse[near[i, 3]]
        x0, x1, x2, x3 = far[i, 0], far[i, 1], far[i, 2], far[i, 3]
        for j in range(i + 1, n):
            reach[j] = min(min(max(p[j], x0), max(q[j], x1)), min(max(r[j], x2), max(s[j], x3))) - row[j]
        for j in range(i + 1, n):
            if reach[j] < 0 or row[j] > limit:
                continue
            x = row[j]
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
            other = coarse[j]
            y = np.int32(x + 1)
            if some_below(row, other, y, y, zero, i) or some_below(row, other, y, y, i + 1, j) or some_below(row, other, y, y, j + 1, n):
                held = some_below(row, other, x, x, zero, n) or not is_empty(a, i, j)
            if not held:
                if count == len(found):
                    found = longer(found, 0)
                found[count] = (i << 16) | j
                count += 1
    return found, count


@kernel
def part(
    a: Int64[np.ndarray, "n n"],
    near: Int32[np.ndarray, "n 16"],
    ids: UInt32[np.ndarray, " edge"],
    empty: UInt32[np.ndarray, " edge"],
    other: UInt32[np.ndarray, " edge"],
) -> int:
    """Write the ids of edges with an empty lune to the front of `empty`, the rest to that of `other`; returns how many are empty.

    The points `near` to an end are tried first.
    """
    count = 0
    for at in range(len(ids)):
        i, j = np.int64(ids[at] >> np.uint32(16)), np.int64(ids[at] & np.uint32(0xFFFF))
        x = a[i, j]
        held = False
        for c in range(NEAR):
            k, h = near[i, c], near[j, c]
            held |= ((a[i, k] < x) & (a[j, k] < x)) | ((a[i, h] < x) & (a[j, h] < x))
        if not held and is_empty(a, i, j):
            empty[count] = ids[at]
            count += 1
        else:
            other[at - count] = ids[at]
    return count
