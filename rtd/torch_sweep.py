"""The sweep of `rtd.sweep` in torch operations, for a matrix on a GPU: blocks of edges at once instead of one after the other.

An edge's place among all edges, sorted by (length, id), stands for its length, so that ties need no thought: a point k is in the lune of
the edge at place p if the edges from k to both ends have places before p, and the two points k, h of it are adjacent if kh has. For a block
of edges this is a matrix [edge, point] of truth values. Nearly every lune is one component around the point that is nearest to both ends,
which one more gather of rows shows; what is left is flooded, all edges of the block side by side, one point of each in a turn.

Cost: n^2 / 2 rows of n comparisons, in blocks of `numbers` entries. Memory: n^2 places of 4 bytes, 12 bytes for each edge up to `radius`
(twice while they are sorted), and some ten bytes for each entry of a block.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int, Int32, Int64
from torch import Tensor

from rtd.sweep import Chunk

NUMBERS = 1 << 24


def chunks(m: Float64[Tensor, "n n"], radius: float, *, numbers: int = NUMBERS) -> Iterator[Chunk]:
    """The edges up to the length `radius` in order, with those that have a lune of several components, as `rtd.sweep.chunks` has them.

    The matrix stays where it is; what is yielded lies on the CPU. `numbers`: entries of a block of edges.
    """
    n = len(m)
    ends = torch.triu_indices(n, n, 1, device=m.device)
    lengths = m[ends[0], ends[1]]
    short = lengths <= radius
    ends, lengths = ends[:, short], lengths[short]
    # triu_indices are in order of their ids, so that a stable sort is one by (length, id)
    lengths, order = lengths.sort(stable=True)
    ends = ends[:, order]
    place = torch.full((n, n), torch.iinfo(torch.int32).max, dtype=torch.int32, device=m.device)
    place[ends[0], ends[1]] = place[ends[1], ends[0]] = torch.arange(len(lengths), dtype=torch.int32, device=m.device)
    ids = (ends[0] * 65536 + ends[1]).cpu().numpy().astype(np.uint32)
    bits = lengths.cpu().numpy().view(np.int64)
    size = max(1, numbers // max(n, 1))
    for start in range(0, len(ids), size):
        stop = min(start + size, len(ids))
        many, owners, points = _several(place, ends[:, start:stop], start)
        where = many.cpu().numpy() + start
        yield Chunk(
            until=int(bits[stop - 1]),
            until_id=int(ids[stop - 1]),
            many=ids[where].astype(np.int64),
            lengths=bits[where],
            offsets=np.concatenate([[0], np.cumsum(np.bincount(owners.cpu().numpy(), minlength=len(where)))]).astype(np.int64),
            points=points.cpu().numpy(),
            done=stop / len(ids),
        )


def _several(
    place: Int32[Tensor, "n n"], ends: Int64[Tensor, "2 edge"], start: int
) -> tuple[Int64[Tensor, " many"], Int64[Tensor, " point"], Int64[Tensor, " point"]]:
    """Which edges of a block have a lune of several components; and for a point of each component, which of these it belongs to."""
    p = torch.arange(start, start + ends.shape[1], dtype=torch.int32, device=place.device)[:, None]
    reach = torch.maximum(place[ends[0]], place[ends[1]])
    inside = reach < p
    hub = reach.argmin(1)
    rest = inside & ~_near(place, hub, p)
    doubtful = rest.any(1).nonzero()[:, 0]
    if not len(doubtful):
        none = doubtful[:0]
        return none, none, none
    return _flood(place, p[doubtful], inside[doubtful], rest[doubtful], hub[doubtful], doubtful)


def _near(place: Int32[Tensor, "n n"], points: Int64[Tensor, " edge"], p: Int[Tensor, "edge 1"]) -> Bool[Tensor, "edge n"]:
    """For each edge, which points are adjacent to its point, or are it."""
    near = place[points] < p
    return near.scatter_(1, points[:, None], True)


def _flood(
    place: Int32[Tensor, "n n"],
    p: Int[Tensor, "edge 1"],
    left: Bool[Tensor, "edge n"],
    rest: Bool[Tensor, "edge n"],
    seed: Int64[Tensor, " edge"],
    names: Int64[Tensor, " edge"],
) -> tuple[Int64[Tensor, " many"], Int64[Tensor, " point"], Int64[Tensor, " point"]]:
    """The edges with several components, in order, and the components: whose they are and a point of each, edge by edge.

    `left` is what has no component yet, `rest` what of it the present component has not been seen to reach; `seed` is its first point.
    In a turn each edge tries one point of `rest`: if it touches what is reached, its neighbours are reached too. When none of `rest` does,
    the component is complete, and a point of `rest` starts the next.
    """
    row = torch.arange(len(p), device=p.device)
    owner, point = [row], [seed]
    turn = rest.clone()
    active = row
    while len(active):
        tries = turn.any(1)
        # a point to try where there is one; else the component is complete and the first point of the rest starts another
        chosen = torch.where(tries[:, None], turn, rest).byte().argmax(1)
        near = _near(place, chosen, p)
        touches = (near & left & ~rest).any(1)
        grows = touches & tries
        fresh = ~tries
        owner.append(active[fresh])
        point.append(chosen[fresh])
        left = torch.where(fresh[:, None], rest, left)
        rest = torch.where((grows | fresh)[:, None], rest & ~near, rest)
        turn = torch.where((grows | fresh)[:, None], rest, turn.scatter(1, chosen[:, None], False))
        going = rest.any(1)
        p, left, rest, turn, active = p[going], left[going], rest[going], turn[going], active[going]
    owners, points = torch.cat(owner), torch.cat(point)
    by_edge = owners.argsort(stable=True)
    owners, points = owners[by_edge], points[by_edge]
    counts = torch.bincount(owners, minlength=len(names))
    several = counts > 1
    kept = several[owners]
    renumbered = several.cumsum(0) - 1
    return names[several], renumbered[owners[kept]], points[kept]
