"""Tables: rows arranged for a reader; nothing is computed here but means, spreads and what the statistics say."""

from synctopo.tables.assembly import PERFORMANCE, edges, models, study_tables, tidy
from synctopo.tables.cells import spread
from synctopo.tables.conditions import contrasts, layers, performance
from synctopo.tables.formats import ENDINGS, FORMATS, Table, rendered
from synctopo.tables.pivots import matrix, mean_matrix, means, measures
from synctopo.tables.selection import Row, between

__all__ = [
    "ENDINGS",
    "FORMATS",
    "PERFORMANCE",
    "Row",
    "Table",
    "between",
    "contrasts",
    "edges",
    "layers",
    "matrix",
    "mean_matrix",
    "means",
    "measures",
    "models",
    "performance",
    "rendered",
    "spread",
    "study_tables",
    "tidy",
]
