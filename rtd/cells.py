"""The critical cells of one direction and the reduction of their boundaries, columns over F2 whose rows are the critical edges.

Matrices are bits of their entries read as integers, m <= w; an edge i < j has the id i * 2^16 + j. A cell at the position p = (t, id)
is a triangle in the lune of an edge with m = t, or the cap of an edge with w = t.
"""

import numpy as np
from jaxtyping import Int64, UInt64

from rtd.barcode import Barcode
from rtd.compilation import kernel, leading_zeros, longer, part_of_kernel
from rtd.sweep import Chunk

NONE = np.empty(0, np.int64)
END = Chunk(np.iinfo(np.int64).max, 0, NONE, NONE, np.zeros(1, np.int64), NONE, 1.0)
LATE, FLAT, LUNE = 0, 1, 2  # cap of an edge with w > m; one triangle of an edge with w = m; triangles in a lune of several components


@part_of_kernel
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


@part_of_kernel
def is_before(i: int, j: int, p: int) -> bool:
    """Whether the id of the edge ij is less than p."""
    return (i << 16) | j < p if i < j else (j << 16) | i < p


@part_of_kernel
def add_paths(
    m: Int64[np.ndarray, "n n"],
    w: Int64[np.ndarray, "n n"],
    t: int,
    p: int,
    first: Int64[np.ndarray, " n+1"],
    hops: Int64[np.ndarray, "hop 4"],
    depth: int,
    stack: Int64[np.ndarray, " room"],
    column: UInt64[np.ndarray, " words"],
) -> Int64[np.ndarray, " more"]:
    """Add to `column` what the edges stack[:depth] are at the position (t, p): the critical edges of paths that are homologous to them.

    `hops` are edges of the neighbourhood graph of m, those at i are first[i]..first[i + 1], shortest first: other end, lengths in m and w,
    and the critical edge that it is or -1. From i a path takes the hop that ends nearest to j among those that make a triangle with two
    sides shorter than ij; where there is none, it does so from j, or else is broken in two at the midpoint. Returns the stack.
    """
    while depth > 0:
        depth -= 1
        i, j = stack[depth] >> 16, stack[depth] & 0xFFFF
        turned = False
        while True:
            late = w[i, j]
            if late < t or (late == t and is_before(i, j, p)):
                break
            x = m[i, j]
            if late == x:
                break
            at = -1
            c = first[i]
            while c < first[i + 1] and hops[c, 1] < x:
                c += 1
            short = c
            while c < first[i + 1] and hops[c, 1] == x:
                if hops[c, 0] == j:
                    at = c
                c += 1
            if at < 0:
                near, best = m[j], x
                for c in range(first[i], short):
                    k = hops[c, 0]
                    if near[k] < best:
                        best = near[k]
                        at = c
            if at >= 0:
                k, late, row = int(hops[at, 0]), hops[at, 2], hops[at, 3]
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
                if depth == len(stack):
                    stack = longer(stack, depth + 1)
                stack[depth] = (k << 16) | j
                depth += 1
                j = k
                turned = False
    return stack


@kernel
def pair(
    m: Int64[np.ndarray, "n n"],
    w: Int64[np.ndarray, "n n"],
    until: int,
    until_id: int,
    late: Int64[np.ndarray, " late"],
    late_at: Int64[np.ndarray, " late"],
    flat: Int64[np.ndarray, " flat"],
    flat_at: Int64[np.ndarray, " flat"],
    many: Int64[np.ndarray, " many"],
    many_at: Int64[np.ndarray, " many"],
    offsets: Int64[np.ndarray, " many+1"],
    points: Int64[np.ndarray, " point"],
    cursor: Int64[np.ndarray, " 4"],
    first: Int64[np.ndarray, " n+1"],
    hops: Int64[np.ndarray, "hop 4"],
    pairs: Int64[np.ndarray, "row 4"],
    column: UInt64[np.ndarray, " words"],
    pool: Int64[np.ndarray, " room"],
) -> Int64[np.ndarray, " more"]:
    """Add the cells up to the position (until, until_id) and pair critical edges with them.

    Cells are late caps, flat edges and edges of several components, each as ids in order of position and then times, and of the last the
    offsets and points of their components; `cursor` = how many of the first two are done, the number of pairs, and how much of the pool is
    used. A row of `pairs` becomes the id of the edge that ends it, the kind of its cell, and where in the pool its column lies. `column`
    comes and goes as zeros, a bit for each row. Returns the pool.
    """
    stack = np.empty(256, np.int64)
    one_bit = np.uint64(1)
    a, b, c, used = cursor[0], cursor[1], 0, cursor[3]
    while cursor[2] < len(pairs):
        t, p, kind = until, until_id + 1, -1
        if a < len(late) and (late_at[a] < t or (late_at[a] == t and late[a] < p)):
            t, p, kind = late_at[a], late[a], LATE
        if b < len(flat) and (flat_at[b] < t or (flat_at[b] == t and flat[b] < p)):
            t, p, kind = flat_at[b], flat[b], FLAT
        if c < len(many) and (many_at[c] < t or (many_at[c] == t and many[c] <= p)):
            if kind == FLAT and many[c] == p:
                b += 1
            t, p, kind = many_at[c], many[c], LUNE
        if kind < 0:
            break
        i, j = p >> 16, p & 0xFFFF
        k, stop, other = 0, 1, -1
        if kind == LATE:
            a += 1
        elif kind == FLAT:
            b += 1
        else:
            k, stop = offsets[c], offsets[c + 1]
            c += 1
            if w[i, j] != t:
                other = points[k]
                k += 1
        while k < stop:
            if kind == LATE:
                stack[0] = p
                depth = 1
            else:
                apex = points[k] if kind == LUNE else midpoint(m, i, j)
                stack[0], stack[1] = (i << 16) | apex, (j << 16) | apex
                depth = 2
                if other >= 0:
                    stack[2], stack[3] = (i << 16) | other, (j << 16) | other
                    depth = 4
            stack = add_paths(m, w, t, p, first, hops, depth, stack, column)
            k += 1
            # from the highest row down: rows that have a column are cleared by it, the others are listed
            row, begin = -1, used
            if used + len(pairs) > len(pool):
                pool = longer(pool, used + len(pairs))
            for d in range(len(column) - 1, -1, -1):
                word = column[d]
                while word != 0:
                    high = 63 - leading_zeros(word)
                    r = (d << 6) + high
                    if pairs[r, 0] >= 0:
                        for e in range(pairs[r, 2], pairs[r, 3]):
                            column[pool[e] >> 6] ^= one_bit << np.uint64(pool[e] & 63)
                    else:
                        row = max(row, r)
                        pool[used] = r
                        used += 1
                    word = column[d] & ((one_bit << np.uint64(high)) - one_bit)
                column[d] = 0
            if row < 0:
                continue
            pairs[row, 0], pairs[row, 1], pairs[row, 2], pairs[row, 3] = p, kind, begin, used
            cursor[2] += 1
            if cursor[2] == len(pairs):
                break
    cursor[0], cursor[1], cursor[3] = a, b, used
    return pool


def at(a: Int64[np.ndarray, "n n"], ids: Int64[np.ndarray, " edge"]) -> Int64[np.ndarray, " edge"]:
    """The entries of a at the edges."""
    return a[ids >> 16, ids & 0xFFFF]


class Neighbourhood:
    """The relative neighbourhood graph of a matrix: ids and lengths in order of (length, id), and the edges at each point."""

    def __init__(self, m: Int64[np.ndarray, "n n"], ids: Int64[np.ndarray, " edge"]):
        """`ids` come increasing."""
        self.ids, self.lengths = _sorted(m, ids)
        ends = _ends(self.ids)
        by_point = np.argsort(ends.ravel().astype(np.uint16), kind="stable")  # 16 bits are sorted by radix
        self.first = np.concatenate([[0], np.cumsum(np.bincount(ends.ravel(), minlength=len(m)))])
        self.ends, self.edges = ends[:, ::-1].ravel()[by_point], by_point >> 1


class Direction:
    """One cone, VR(w) in VR(m): its critical edges, and those of them that are paired with a cell so far."""

    def __init__(
        self,
        m: Int64[np.ndarray, "n n"],
        w: Int64[np.ndarray, "n n"],
        graph: Neighbourhood,
        late: Int64[np.ndarray, " late"],
        flat: Int64[np.ndarray, " flat"],
    ):
        """`graph` is that of m. Ids, increasing, of the edges of the graph of w: those with w > m are `late`, and of the rest those that
        are not in the graph of m are `flat`."""
        self.m, self.w = m, w
        caps = at(w, graph.ids)
        is_critical = caps > graph.lengths
        self.edges, self.births = graph.ids[is_critical], graph.lengths[is_critical]
        rows = np.where(is_critical, np.cumsum(is_critical) - 1, -1)
        self.first, self.hops = graph.first, np.empty((len(graph.ends), 4), np.int64)
        self.hops[:, 0] = graph.ends
        for k, values in enumerate((graph.lengths, caps, rows), 1):
            self.hops[:, k] = values[graph.edges]
        self.late, self.late_at = _sorted(w, late)
        self.flat, self.flat_at = _sorted(m, flat)
        self.cursor = np.zeros(4, np.int64)
        self.pairs = np.full((len(self.edges), 4), -1, np.int64)
        self.column = np.zeros((len(self.edges) + 63) >> 6, np.uint64)
        self.pool = np.empty(4 * len(self.edges) + 16, np.int64)

    @property
    def done(self) -> bool:
        """Whether every critical edge is paired, so that no later cell matters."""
        return bool(self.cursor[2] == len(self.edges))

    def advance(self, chunk: Chunk) -> None:
        """Add the cells of the chunk, and caps up to its end."""
        if not self.done:
            cells = (self.late, self.late_at, self.flat, self.flat_at, chunk.many, chunk.lengths, chunk.offsets, chunk.points)
            where = (chunk.until, chunk.until_id, *cells, self.cursor, self.first, self.hops, self.pairs, self.column)
            self.pool = pair(self.m, self.w, *where, self.pool)

    def barcode(self) -> Barcode:
        """The bars of positive length, when all edges are swept."""
        self.advance(END)
        assert self.done, "a critical edge was left without a cell"
        born = self.births.view(np.float64)
        ends, kinds = self.pairs[:, 0], self.pairs[:, 1]
        died = np.where(kinds == LATE, at(self.w, ends), at(self.m, ends)).view(np.float64)
        long = died > born
        bars = np.empty((np.count_nonzero(long), 2))
        bars[:, 0], bars[:, 1] = born[long], died[long]
        return Barcode.from_pairs(bars, _ends(self.edges[long]), _ends(ends[long]))


def _ends(ids: Int64[np.ndarray, " edge"]) -> Int64[np.ndarray, "edge 2"]:
    ends = np.empty((len(ids), 2), np.int64)
    ends[:, 0], ends[:, 1] = ids >> 16, ids & 0xFFFF
    return ends


def _sorted(a: Int64[np.ndarray, "n n"], ids: Int64[np.ndarray, " edge"]) -> tuple[Int64[np.ndarray, " edge"], Int64[np.ndarray, " edge"]]:
    """Ids that come increasing in order of (entry, id), and their entries."""
    entries = at(a, ids)
    order = np.argsort(entries, kind="stable")
    return ids[order], entries[order]
