"""Sparse tables: what is used as it lies, what is converted, and what is refused."""

import numpy as np
import pytest
from scipy import sparse

from fastlogreg.errors import InvalidDataError
from fastlogreg.tables import SparseTable
from tests.problems import ragged

FORMS = pytest.mark.parametrize("form", ["csr", "csc"])
KINDS = {
    "csr": (sparse.csr_array, sparse.csr_matrix),
    "csc": (sparse.csc_array, sparse.csc_matrix),
}


def shares(one, other):
    return np.shares_memory(one, other) and one.dtype == other.dtype


def with_arrays(form, n, d, data, indices, indptr, kind=0):
    """Return a matrix on those very arrays: its constructor would look at them."""
    X = KINDS[form][kind]((n, d), dtype=np.float64)
    X.data, X.indices, X.indptr = data, indices, indptr
    return X


@FORMS
@pytest.mark.parametrize("kind", [0, 1], ids=["array", "matrix"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_arrays_are_used_as_they_lie(form, kind, dtype, index):
    X, *_ = ragged(40, 6, form=form, dtype=dtype, index=index)
    arrays = X.data, X.indices, X.indptr
    for array in arrays:
        array.flags.writeable = False
    table = SparseTable(with_arrays(form, 40, 6, *arrays, kind))
    found = table.matrix.data, table.matrix.indices, table.matrix.indptr
    assert all(map(shares, found, arrays))
    assert table.matrix.format == form
    assert table.shape.cells == len(X.data)
    assert (table.shape.n_rows, table.shape.n_columns, table.shape.storage) == (40, 6, "sparse")


def test_mapped_arrays_are_used_as_they_lie(tmp_path):
    X, *_ = ragged(40, 6)
    mapped = []
    for name in ("data", "indices", "indptr"):
        np.save(tmp_path / f"{name}.npy", getattr(X, name))
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    table = SparseTable(with_arrays("csr", 40, 6, *mapped))
    assert shares(table.matrix.data, mapped[0])
    assert shares(table.matrix.indices, mapped[1])


def test_what_lies_behind_the_last_pointer_is_not_stored():
    X, dense, *_ = ragged(40, 6)
    longer = np.append(X.data, np.nan), np.append(X.indices, 99)
    table = SparseTable(with_arrays("csr", 40, 6, *longer, X.indptr))
    assert table.shape.cells == len(X.data)
    np.testing.assert_allclose(table.matrix.toarray(), dense, atol=1e-15)


@pytest.mark.parametrize("form", ["coo", "lil", "dok", "dia", "bsr"])
def test_other_formats_become_csr(form):
    X, dense, *_ = ragged(40, 6)
    table = SparseTable(sparse.csr_array(dense).asformat(form))
    assert table.matrix.format == "csr"
    np.testing.assert_allclose(table.matrix.toarray(), dense, atol=1e-15)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16, np.longdouble])
def test_other_types_become_float64(dtype):
    dense = np.random.default_rng(0).integers(0, 2, (20, 4)).astype(dtype)
    table = SparseTable(sparse.csr_array(dense))
    assert table.matrix.dtype == np.float64
    np.testing.assert_array_equal(table.matrix.toarray(), dense.astype(float))


def unaligned(array):
    return np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:].view(array.dtype)


@pytest.mark.parametrize(
    "odd",
    [
        lambda a: np.repeat(a, 2)[::2],
        lambda a: a.astype(a.dtype.newbyteorder()),
        unaligned,
    ],
    ids=["strided", "byte-swapped", "unaligned"],
)
def test_arrays_that_no_kernel_may_read_are_copied(odd):
    X, dense, *_ = ragged(40, 6)
    arrays = [odd(array) for array in (X.data, X.indices, X.indptr)]
    matrix = SparseTable(with_arrays("csr", 40, 6, *arrays)).matrix
    for array in (matrix.data, matrix.indices, matrix.indptr):
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.dtype.isnative
    np.testing.assert_allclose(matrix.toarray(), dense, atol=1e-15)


def test_indices_of_other_integers_are_widened():
    X, dense, *_ = ragged(40, 6)
    arrays = X.data, X.indices.astype(np.uint16), X.indptr.astype(np.uint64)
    matrix = SparseTable(with_arrays("csr", 40, 6, *arrays)).matrix
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int64
    np.testing.assert_allclose(matrix.toarray(), dense, atol=1e-15)


def changed(array, at, value):
    array = array.copy()
    array[at] = value
    return array


HOSTILE = {
    "index too large": (lambda d, i, p: (d, changed(i, 5, 6), p), r"X\.indices holds 6 at 5"),
    "index far away": (lambda d, i, p: (d, changed(i, -1, 2**31 - 1), p), "X.indices holds"),
    "index negative": (lambda d, i, p: (d, changed(i, 3, -1), p), r"holds -1 at 3; .*0 to 5"),
    "pointers fall": (lambda d, i, p: (d, i, changed(p, 9, p[12] + 1)), "X.indptr decreases"),
    "pointers begin late": (lambda d, i, p: (d, i, changed(p, 0, 1)), "starts with 1"),
    "pointers begin before": (lambda d, i, p: (d, i, changed(p, 0, -1)), "starts with -1"),
    "pointers end late": (lambda d, i, p: (d, i, changed(p, -1, len(d) + 1)), "X.indptr ends with"),
    "pointers too few": (lambda d, i, p: (d, i, p[:-1]), "X.indptr has 40 entries; expected 41"),
    "pointers too many": (lambda d, i, p: (d, i, np.append(p, p[-1])), "has 42 entries"),
    "indices too few": (lambda d, i, p: (d, i[:-1], p), "X.indices has"),
    "data too few": (lambda d, i, p: (d[:-1], i, p), "X.indices has"),
    "data of two dimensions": (lambda d, i, p: (d[:, None], i, p), "X.data is of"),
    "indices of floats": (lambda d, i, p: (d, i.astype(float), p), "dimension of integers"),
    "pointers of floats": (lambda d, i, p: (d, i, p.astype(float)), "dimension of integers"),
}


@FORMS
@pytest.mark.parametrize(("spoil", "pattern"), HOSTILE.values(), ids=HOSTILE)
def test_arrays_that_do_not_fit_are_refused(form, spoil, pattern):
    n, d = (40, 6) if form == "csr" else (6, 40)
    X, *_ = ragged(n, d, form=form)
    hostile = with_arrays(form, n, d, *spoil(X.data, X.indices, X.indptr))
    with pytest.raises(InvalidDataError, match=pattern):
        SparseTable(hostile)


def test_places_of_other_formats_are_looked_at_before_they_are_converted():
    X = sparse.coo_array(np.eye(3))
    X.coords = (np.array([0, 1, 3]), np.array([0, 1, 2]))
    with pytest.raises(InvalidDataError, match=r"X\.coords\[0\] holds 3 at 2"):
        SparseTable(X)
    X = sparse.bsr_array(np.eye(4), blocksize=(2, 2))
    X.indices = np.array([0, 2], dtype=np.int32)
    with pytest.raises(InvalidDataError, match=r"X\.indices holds 2 at 1"):
        SparseTable(X)
    X = sparse.lil_array(np.eye(3))
    X.rows[1] = [7]
    with pytest.raises(InvalidDataError, match=r"X\.indices holds 7 at 1"):
        SparseTable(X)


@pytest.mark.parametrize(
    ("X", "pattern"),
    [
        (sparse.csr_array((3, 0)), r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1"),
        (sparse.csc_array((0, 3)), r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1"),
        (sparse.coo_array(np.ones(3)), r"shape \(3,\); expected 2 dimensions.*Reshape your data"),
        (sparse.csr_array(np.eye(2) * 1j), "Complex data not supported"),
    ],
    ids=["no columns", "no rows", "1-D", "complex"],
)
def test_tables_without_numbers_are_refused(X, pattern):
    with pytest.raises(InvalidDataError, match=pattern):
        SparseTable(X)


def test_objects_are_refused():
    X = sparse.csr_array(np.eye(2))
    X.data = X.data.astype(object)
    with pytest.raises(InvalidDataError, match="of object; expected real numbers"):
        SparseTable(X)


@FORMS
def test_the_first_value_that_is_not_finite_is_named(form):
    dense = np.arange(12.0).reshape(4, 3)
    dense[2, 1], dense[1, 2], dense[3, 0] = np.nan, np.inf, np.nan
    error = SparseTable(KINDS[form][0](dense)).explain_not_finite()
    assert "2 NaN and 1 infinite value (inf), the first at row 1, column 2" in str(error)


def test_finite_values_are_too_large():
    error = SparseTable(sparse.csr_array(np.array([[0.0, -1e300]]))).explain_not_finite()
    assert "values up to 1e+300 in magnitude" in str(error)
