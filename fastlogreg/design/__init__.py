"""X as an operator: a storage a file, all behind the `Design` protocol."""

from fastlogreg.design.dense import DTYPES, DenseDesign
from fastlogreg.design.protocol import (
    Backend,
    BlockSums,
    Design,
    Shape,
    Targets,
    class_totals,
    load_backend,
)
from fastlogreg.design.sampling import draw_rows
from fastlogreg.design.sparse import SparseDesign

__all__ = [
    "DTYPES",
    "Backend",
    "BlockSums",
    "DenseDesign",
    "Design",
    "Shape",
    "SparseDesign",
    "Targets",
    "class_totals",
    "draw_rows",
    "load_backend",
]
