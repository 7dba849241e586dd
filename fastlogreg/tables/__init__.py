"""Tables as users have them, checked and made ready to be read: a kind a file."""

from fastlogreg.tables.dense import DenseTable
from fastlogreg.tables.finite import check_finite
from fastlogreg.tables.protocol import Table
from fastlogreg.tables.sparse import SparseTable

__all__ = ["DenseTable", "SparseTable", "Table", "check_finite"]
