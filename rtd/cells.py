"""The critical cells of one direction and the reduction of their boundaries, columns over F2 whose rows are the critical edges.

Matrices are bits of their entries read as integers, m <= w; an edge i < j has the id i * 2^16 + j. A cell at the position p = (t, id)
is a triangle in the lune of an edge with m = t, or the cap of an edge with w = t.
"""

import numpy as np
from jaxtyping import Int, Int8, Int32, Int64, UInt32, UInt64

from rtd.barcode import Barcode
from rtd.compilation import kernel, leading_zeros, longer
from rtd.sweep import Chunk

END = Chunk(np.iinfo(np.int64).max, 0, np.empty(0, np.uint32), np.empty(0, np.int64), np.zeros(1, np.int64), np.empty(0, np.int32), 1.0)
LATE, FLAT, LUNE = 0, 1, 2  # cap of an edge with w > m; one triangle of an edge with w = m; triangles in a lune of several components


@kernel
def midpoint(m: Int64[np.ndarray, "n n"], i: int, j: int) -> int:
    """The point k of the lune of the edge i < j with the least max(m_ik, m_jk), or -1 if the lune is empty."""
    n = len(m)
    p, q, x = m[i], m[j], m[i, j]
    best = x
    for k in range(n):  # i and j themselves give x
        best = min(best, max(p[k], q[k]))
    if best < x:
        k = 0
        while max(p[k], q[k]) != best:
            k += 1
        return k
    for k in range(i):
        if p[k] <= x and q[k] <= x:
            return k
    for k in range(i + 1, j):
        if p[k] <= x and q[k] < x:
            return k
    return -1


@kernel
def is_before(i: int, j: int, p: int) -> bool:
    """Whether the id of the edge ij is less than p."""
    return (i << 16) | j < p if i < j else (j << 16) | i < p


@kernel
def add_edge(
    m: Int64[np.ndarray, "n n"],
    w: Int64[np.ndarray, "n n"],
    i: int,
    j: int,
    t: int,
    p: int,
    first: Int64[np.ndarray, " n+1"],
    hops: Int32[np.ndarray, " hop"],
    rows: Int32[np.ndarray, " hop"],
    stack: Int64[np.ndarray, " depth"],
    column: UInt64[np.ndarray, " words"],
) -> Int64[np.ndarray, " depth"]:
    """Add to `column` what the edge ij is at the position (t, p): the critical edges of a path that is homologous to it.

    `hops` are neighbours in the relative neighbourhood graph of m, those of i at first[i]..first[i + 1], `rows` their critical edges or -1.
    The path goes from i by the hop that ends nearest to j, both sides of the triangle shorter than the edge, as long as there is one.
    """
    depth = 0
    stack[0] = (i << 16) | j
    while depth >= 0:
        i, j = stack[depth] >> 16, stack[depth] & 0xFFFF
        depth -= 1
        turned = False
        while True:
            x, late = m[i, j], w[i, j]
            if late < t or late == x or (late == t and is_before(i, j, p)):
                break
            near, best, at = m[j], x, -1
            for c in range(first[i], first[i + 1]):
                k = hops[c]
                if k == j:
                    at = c
                    break
                if near[k] < best and m[i, k] < x:
                    best = near[k]
                    at = c
            if at >= 0:
                k, row = int(hops[at]), rows[at]
                late = w[i, k]
                if row >= 0 and (late > t or (late == t and not is_before(i, k, p))):
                    column[row >> 6] ^= np.uint64(1) << np.uint64(row & 63)
                if k == j:
                    break
                i = k
                turned = False
            elif not turned:
                i, j = j, i
                turned = True
            else:
                k = midpoint(m, min(i, j), max(i, j))
                depth += 1
                if depth == len(stack):
                    stack = longer(stack, 0)
                stack[depth] = (k << 16) | j
                j = k
                turned = False
    return stack


@kernel
def reduce(
    column: UInt64[np.ndarray, " words"],
    pivots: Int64[np.ndarray, " row"],
    starts: Int64[np.ndarray, " row"],
    stops: Int64[np.ndarray, " row"],
    pool: Int32[np.ndarray, " used"],
) -> int:
    """Add stored columns until the column is 0 or its highest row is new; returns that row or -1."""
    b = len(column) - 1
    while b >= 0:
        if column[b] == 0:
            b -= 1
            continue
        row = (b << 6) + 63 - leading_zeros(column[b])
        if pivots[row] < 0:
            return row
        for c in range(starts[row], stops[row]):
            r = pool[c]
            column[r >> 6] ^= np.uint64(1) << np.uint64(r & 63)
    return -1


@kernel
def pair(
    m: Int64[np.ndarray, "n n"],
    w: Int64[np.ndarray, "n n"],
    until: int,
    until_id: int,
    cells: tuple[np.ndarray, ...],
    cursor: Int64[np.ndarray, " 3"],
    first: Int64[np.ndarray, " n+1"],
    hops: Int32[np.ndarray, " hop"],
    rows: Int32[np.ndarray, " hop"],
    pivots: Int64[np.ndarray, " row"],
    kinds: Int8[np.ndarray, " row"],
    starts: Int64[np.ndarray, " row"],
    stops: Int64[np.ndarray, " row"],
    pool: Int32[np.ndarray, " used"],
    used: int,
) -> tuple[Int32[np.ndarray, " more"], int]:
    """Add the cells up to the position (until, until_id) and pair critical edges with them.

    `cells` = late caps, flat edges and edges of several components, each as ids in order of position and then times, and of the last the
    offsets and points of their components; `cursor` = how many of the first two are done, and the number of pairs. pivots[row] becomes
    the id of the edge that ends the row, kinds[row] the kind of its cell. Returns the pool and how much of it is used.
    """
    late, late_at, flat, flat_at, many, many_at, offsets, points = cells
    words = (len(pivots) + 63) >> 6
    column = np.zeros(words, np.uint64)
    stack = np.empty(256, np.int64)
    huge = np.int64(0x7FFFFFFFFFFFFFFF)
    new = 0
    a, b, c = cursor[0], cursor[1], 0
    while new + cursor[2] < len(pivots):
        t, p, kind = huge, huge, -1
        if a < len(late):
            t, p, kind = late_at[a], np.int64(late[a]), LATE
        if b < len(flat):
            x = np.int64(flat[b])
            if flat_at[b] < t or (flat_at[b] == t and x < p):
                t, p, kind = flat_at[b], x, FLAT
        if c < len(many):
            x = np.int64(many[c])
            if many_at[c] < t or (many_at[c] == t and x <= p):
                if kind == FLAT and x == p:
                    b += 1
                t, p, kind = many_at[c], x, LUNE
        if kind < 0 or t > until or (t == until and p > until_id):
            break
        i, j = p >> 16, p & 0xFFFF
        k, stop = 0, 1
        apart = False
        if kind == LATE:
            a += 1
        elif kind == FLAT:
            b += 1
        else:
            k, stop = offsets[c], offsets[c + 1]
            c += 1
            apart = w[i, j] != t
            if apart:
                k += 1
        while k < stop:
            if kind == LATE:
                stack = add_edge(m, w, i, j, t, p, first, hops, rows, stack, column)
            else:
                apex = np.int64(points[k]) if kind == LUNE else midpoint(m, i, j)
                stack = add_edge(m, w, i, apex, t, p, first, hops, rows, stack, column)
                stack = add_edge(m, w, j, apex, t, p, first, hops, rows, stack, column)
                if apart:
                    apex = np.int64(points[offsets[c - 1]])
                    stack = add_edge(m, w, i, apex, t, p, first, hops, rows, stack, column)
                    stack = add_edge(m, w, j, apex, t, p, first, hops, rows, stack, column)
            k += 1
            row = reduce(column, pivots, starts, stops, pool)
            if row < 0:
                continue
            pivots[row] = p
            kinds[row] = kind
            starts[row] = used
            for d in range((row >> 6) + 1):
                word = column[d]
                while word != 0:
                    high = 63 - leading_zeros(word)
                    word ^= np.uint64(1) << np.uint64(high)
                    if used == len(pool):
                        pool = longer(pool, 0)
                    pool[used] = (d << 6) + high
                    used += 1
                column[d] = 0
            stops[row] = used
            new += 1
            if new + cursor[2] == len(pivots):
                break
    cursor[0], cursor[1] = a, b
    cursor[2] += new
    return pool, used


def at(a: Int64[np.ndarray, "n n"], ids: Int[np.ndarray, " edge"] | UInt32[np.ndarray, " edge"]) -> Int[np.ndarray, " edge"]:
    """The entries of a at the edges."""
    entries: np.ndarray = a[ids >> 16, ids & 0xFFFF]
    return entries


class Direction:
    """One cone, VR(w) in VR(m): its critical edges, and those of them that are paired with a cell so far."""

    def __init__(
        self, m: Int64[np.ndarray, "n n"], w: Int64[np.ndarray, "n n"], graph_m: UInt32[np.ndarray, " p"], graph_w: UInt32[np.ndarray, " q"]
    ):
        """`graph_m` and `graph_w` are the relative neighbourhood graphs: ids, increasing."""
        self.m, self.w = m, w
        critical = graph_m[at(w, graph_m) > at(m, graph_m)]
        by_length = np.argsort(at(m, critical), kind="stable")
        self.edges = critical[by_length].astype(np.int64)
        rows = np.full(len(graph_m), -1, np.int32)
        rows[np.flatnonzero(at(w, graph_m) > at(m, graph_m))[by_length]] = np.arange(len(critical), dtype=np.int32)
        ends = np.concatenate([graph_m >> 16, graph_m & 0xFFFF]).astype(np.int32)
        by_end = np.argsort(ends, kind="stable")
        first = np.searchsorted(ends[by_end], np.arange(len(m) + 1))
        self.where = (first, np.roll(ends, len(graph_m))[by_end], np.tile(rows, 2)[by_end])
        is_flat = at(w, graph_w) == at(m, graph_w)
        late, flat = graph_w[~is_flat], np.setdiff1d(graph_w[is_flat], graph_m, assume_unique=True)
        self.late, self.late_at = _sorted(w, late)
        self.flat, self.flat_at = _sorted(m, flat)
        self.cursor = np.zeros(3, np.int64)
        count = len(critical)
        self.pivots = np.full(count, -1, np.int64)
        self.kinds = np.zeros(count, np.int8)
        self.starts, self.stops = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.pool, self.used = np.empty(4 * count + 16, np.int32), 0

    @property
    def done(self) -> bool:
        """Whether every critical edge is paired, so that no later cell matters."""
        return bool(self.cursor[2] == len(self.edges))

    def advance(self, chunk: Chunk) -> None:
        """Add the cells of the chunk, and caps up to its end."""
        if not self.done:
            cells = (self.late, self.late_at, self.flat, self.flat_at, chunk.many, chunk.lengths, chunk.offsets, chunk.points)
            state = (self.pivots, self.kinds, self.starts, self.stops, self.pool, self.used)
            self.pool, self.used = pair(self.m, self.w, chunk.until, chunk.until_id, cells, self.cursor, *self.where, *state)

    def barcode(self) -> Barcode:
        """The bars of positive length, when all edges are swept."""
        self.advance(END)
        assert self.done, "a critical edge was left without a cell"
        born = at(self.m, self.edges).view(np.float64)
        died = np.where(self.kinds == LATE, at(self.w, self.pivots), at(self.m, self.pivots)).view(np.float64)
        long = died > born
        births, deaths = (np.stack([e[long] >> 16, e[long] & 0xFFFF], axis=1) for e in (self.edges, self.pivots))
        return Barcode.from_pairs(np.stack([born[long], died[long]], axis=1), births, deaths)


def _sorted(
    a: Int64[np.ndarray, "n n"], ids: UInt32[np.ndarray, " edge"]
) -> tuple[UInt32[np.ndarray, " edge"], Int64[np.ndarray, " edge"]]:
    """Ids that come increasing in order of (entry, id), and their entries."""
    entries = at(a, ids)
    order = np.argsort(entries, kind="stable")
    return ids[order], entries[order]
