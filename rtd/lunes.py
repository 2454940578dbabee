"""Edges with an empty lune: the relative neighbourhood graph of a distance matrix, whose edges are the only ones that matter.

Matrices come as the bits of their entries, read as integers: non-negative floats have the order of their bits. Of two equal entries the
one with the smaller id comes first; the id of the edge i < j is i * 2^16 + j, so that three ranges of k decide which equalities count.
"""

import numpy as np
from jaxtyping import Float, Float32, Int, Int32, Int64, UInt32

from rtd.compilation import kernel


@kernel
def prepare(
    w: Int[np.ndarray, "n n"],
    v: Int[np.ndarray, "n n"],
    m: Int[np.ndarray, "n n"],
    spread: Int64[np.ndarray, " n"],
    radii: Int[np.ndarray, " 3"],
) -> bool:
    """Write min(w, v) to m and the sum of each row's (rounded) bits to `spread`; `radii` = the least row maximum of w, v and m.

    Returns False where w or v is not symmetric, has a sign bit, infinity or NaN, or a diagonal that is not zero.
    """
    n = len(w)
    unlike = w[0, 0] ^ w[0, 0]
    tile = 32
    for top in range(0, n, tile):
        for left in range(top, n, tile):
            for i in range(top, min(top + tile, n)):
                for j in range(left, min(left + tile, n)):
                    unlike |= (w[i, j] ^ w[j, i]) | (v[i, j] ^ v[j, i])
    shift = 16 if w.itemsize == 8 else 0
    largest = unlike ^ unlike
    sign = unlike ^ unlike
    for i in range(n):
        a, b, c = w[i], v[i], m[i]
        far_a = a[0] ^ a[0]
        far_b = far_a
        far_c = far_a
        total = np.int64(0)
        for j in range(n):
            x, y = a[j], b[j]
            z = min(x, y)
            c[j] = z
            sign |= x | y
            far_a = max(far_a, x)
            far_b = max(far_b, y)
            far_c = max(far_c, z)
            total += z >> shift
        spread[i] = total
        unlike |= a[i] | b[i]
        largest = max(largest, max(far_a, far_b))
        if i == 0 or far_a < radii[0]:
            radii[0] = far_a
        if i == 0 or far_b < radii[1]:
            radii[1] = far_b
        if i == 0 or far_c < radii[2]:
            radii[2] = far_c
    infinite = 0x7FF0000000000000 if w.itemsize == 8 else 0x7F800000
    return unlike == 0 and sign >= 0 and largest < infinite


@kernel
def coarsen(
    a: Float[np.ndarray, "n n"],
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
    blocks = (n + 15) >> 4
    row = np.full(blocks << 4, top, np.int32)
    best = np.empty(16, np.int32)
    block = np.empty(16, np.int32)
    bits = coarse.view(np.int32)
    for i in range(start, stop):
        for j in range(n):
            coarse[i, j] = np.float32(a[i, j] * scale)
        row[:n] = bits[i]
        row[i] = top
        for c in range(16):
            best[c] = row[c]
            block[c] = 0
        for b in range(1, blocks):
            for c in range(16):
                x = row[(b << 4) + c]
                closer = x < best[c]
                block[c] = b if closer else block[c]
                best[c] = x if closer else best[c]
        for c in range(16):
            x = best[c]
            k = i if x == top else (block[c] << 4) + c
            d = c - 1
            while d >= 0 and far[i, d] > x:
                near[i, d + 1] = near[i, d]
                far[i, d + 1] = far[i, d]
                d -= 1
            near[i, d + 1] = k
            far[i, d + 1] = x


@kernel
def some_below(p: Int[np.ndarray, " n"], q: Int[np.ndarray, " n"], x: int, y: int, start: int, stop: int) -> bool:
    """Whether p < x and q < y anywhere in start..stop."""
    k = start
    while k + 32 <= stop:
        some = 0
        for c in range(k, k + 32):
            some |= (p[c] < x) & (q[c] < y)
        if some:
            return True
        k += 32
    some = 0
    for c in range(k, stop):
        some |= (p[c] < x) & (q[c] < y)
    return some != 0


@kernel
def is_empty(a: Int[np.ndarray, "n n"], i: int, j: int) -> bool:
    """Whether the edge i < j has an empty lune."""
    p, q, x = a[i], a[j], a[i, j]
    return not (some_below(p, q, x + 1, x + 1, 0, i) or some_below(p, q, x + 1, x, i + 1, j) or some_below(p, q, x, x, j + 1, len(p)))


@kernel
def graph(
    a: Int[np.ndarray, "n n"],
    coarse: Int32[np.ndarray, "n n"],
    limit: int,
    near: Int32[np.ndarray, "n 16"],
    far: Int32[np.ndarray, "n 16"],
    start: int,
    stop: int,
) -> UInt32[np.ndarray, " edge"]:
    """The ids of the edges i < j, i in start..stop, with an empty lune, increasing; none is longer than `limit`, bits of a coarse length.

    What is less when rounded is less. So a near point that the rounded lune holds rejects an edge; entries of `a` are read for the rest.
    """
    n = len(a)
    found = np.empty(4 * n, np.uint32)
    count = 0
    reach = np.empty(n, np.int32)
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
            for c in range(16):
                if far[j, c] >= x or held:
                    break
                held = row[near[j, c]] < x
            for c in range(4, 16):
                if far[i, c] >= x or held:
                    break
                held = coarse[near[i, c], j] < x
            if held:
                continue
            other = coarse[j]
            y = x + np.int32(1)
            if some_below(row, other, y, y, 0, i) or some_below(row, other, y, y, i + 1, j) or some_below(row, other, y, y, j + 1, n):
                held = some_below(row, other, x, x, 0, n) or not is_empty(a, i, j)
            if not held:
                if count == len(found):
                    more = np.empty(2 * count, np.uint32)
                    more[:count] = found
                    found = more
                found[count] = (i << 16) | j
                count += 1
    return found[:count].copy()


@kernel
def empty_among(a: Int[np.ndarray, "n n"], ids: UInt32[np.ndarray, " some"]) -> UInt32[np.ndarray, " edge"]:
    """Those of the edges with an empty lune."""
    kept = np.empty_like(ids)
    count = 0
    for e in ids:
        if is_empty(a, np.int64(e >> np.uint32(16)), np.int64(e & np.uint32(0xFFFF))):
            kept[count] = e
            count += 1
    return kept[:count].copy()
