"""X as an operator: a storage a file, all behind the `Design` protocol."""

from fastlogreg.design.dense import DTYPES, DenseDesign
from fastlogreg.design.protocol import (
    Backend,
    BlockSums,
    Design,
    HasArray,
    Shape,
    Targets,
    class_totals,
    load_backend,
)
from fastlogreg.design.sampling import draw_rows
from fastlogreg.design.sparse import SparseDesign
from fastlogreg.design.tabular import Categorical, TabularDesign

__all__ = [
    "DTYPES",
    "Backend",
    "BlockSums",
    "Categorical",
    "DenseDesign",
    "Design",
    "HasArray",
    "Shape",
    "SparseDesign",
    "TabularDesign",
    "Targets",
    "class_totals",
    "draw_rows",
    "load_backend",
]
