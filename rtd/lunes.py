"""Edges with an empty lune: the relative neighbourhood graph of a distance matrix, whose edges are the only ones that matter.

Matrices come as the bits of their entries, read as integers: non-negative floats have the order of their bits. Of two equal entries the
one with the smaller id comes first; the id of the edge i < j is i * 2^16 + j, so that three ranges of k decide which equalities count.
"""

import numpy as np
from jaxtyping import Int, Int64, UInt32, UInt64

from rtd.compilation import kernel

ROUNDS = 32  # a row stops looking for witnesses after so many; what then survives has its whole lune searched


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
def survivors(a: Int[np.ndarray, "n n"], limit: int, start: int, stop: int, alive: UInt64[np.ndarray, "n words"]) -> None:
    """For rows i in start..stop set bit j of alive[i] where the points that are nearest to i witness nothing in the lune of ij."""
    n = len(a)
    js = np.empty(n, np.int32)
    xs = np.empty(n, a.dtype)
    for i in range(start, stop):
        row = a[i]
        count = 0
        for j in range(n):
            js[count] = j
            xs[count] = row[j]
            count += (row[j] <= limit) & (j != i)
        for _ in range(ROUNDS):
            if count == 0:
                break
            near = 0
            for c in range(1, count):
                if xs[c] < xs[near]:
                    near = c
            k = js[near]
            x = xs[near]
            alive[i, k >> 6] |= np.uint64(1) << np.uint64(k & 63)
            count -= 1
            js[near] = js[count]
            xs[near] = xs[count]
            other = a[k]
            kept = 0
            for c in range(count):
                j = js[c]
                y = xs[c]
                js[kept] = j
                xs[kept] = y
                kept += 1 - ((other[j] < y) & (x < y))
            count = kept
        for c in range(count):
            j = js[c]
            alive[i, j >> 6] |= np.uint64(1) << np.uint64(j & 63)


@kernel
def witness(a: Int[np.ndarray, "n n"], i: int, j: int) -> int:
    """The first point of the lune of the edge i < j, or -1."""
    n = len(a)
    p, q, x = a[i], a[j], a[i, j]
    for k in range(i):
        if p[k] <= x and q[k] <= x:
            return k
    for k in range(i + 1, j):
        if p[k] <= x and q[k] < x:
            return k
    for k in range(j + 1, n):
        if p[k] < x and q[k] < x:
            return k
    return -1


@kernel
def empty_lunes(a: Int[np.ndarray, "n n"], alive: UInt64[np.ndarray, "n words"], start: int, stop: int) -> UInt32[np.ndarray, " edge"]:
    """The ids of the edges i < j, i in start..stop, with an empty lune, increasing."""
    found = np.empty(256, np.uint32)
    count = 0
    for i in range(start, stop):
        for b in range(i >> 6, alive.shape[1]):
            word = alive[i, b]
            base = b << 6
            for s in range(64):
                if word == 0:
                    break
                if word & np.uint64(1):
                    j = base + s
                    if j > i and (alive[j, i >> 6] >> np.uint64(i & 63)) & np.uint64(1) and witness(a, i, j) < 0:
                        if count == len(found):
                            more = np.empty(2 * count, np.uint32)
                            more[:count] = found
                            found = more
                        found[count] = (i << 16) | j
                        count += 1
                word >>= np.uint64(1)
    return found[:count].copy()


@kernel
def empty_among(a: Int[np.ndarray, "n n"], ids: UInt32[np.ndarray, " some"]) -> UInt32[np.ndarray, " edge"]:
    """Those of the edges with an empty lune."""
    kept = np.empty_like(ids)
    count = 0
    for e in ids:
        if witness(a, e >> np.uint32(16), e & np.uint32(0xFFFF)) < 0:
            kept[count] = e
            count += 1
    return kept[:count].copy()
