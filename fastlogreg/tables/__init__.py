"""Tables as users have them, checked and made ready to be read: a kind a file."""

from fastlogreg.tables.dense import DenseTable
from fastlogreg.tables.finite import check_finite, check_not_masked
from fastlogreg.tables.mixed import MixedTable
from fastlogreg.tables.protocol import Table
from fastlogreg.tables.sparse import SparseTable

__all__ = [
    "DenseTable",
    "MixedTable",
    "SparseTable",
    "Table",
    "check_finite",
    "check_not_masked",
]
