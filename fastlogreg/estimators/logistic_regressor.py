"""Logistic regression as a tutorial builds it from scratch, on the package's kernels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import expit
from sklearn.exceptions import NotFittedError

from fastlogreg.design import DenseDesign, Shape, Targets, load_backend
from fastlogreg.errors import DivergenceError, InvalidDataError, InvalidParameterTypeError
from fastlogreg.estimators.parameters import check_integer, check_real
from fastlogreg.estimators.points import (
    check_finite_points,
    check_labels,
    check_points,
    magnitude,
)
from fastlogreg.planner import choose_backend, choose_threads
from fastlogreg.tables import check_finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LogisticRegressor"]

_SEED = 0
_LARGEST = float(np.finfo(np.float64).max)


class LogisticRegressor:
    """Logistic regression by gradient descent, for learning how it works.

    The model of ``dims`` weights and a bias gives a point ``x`` the probability
    ``p = 1 / (1 + exp(-(W[0, :dims] @ x + W[0, dims])))`` of being a 1, and gradient
    descent lowers the summed binary cross-entropy, without a penalty and not divided by
    the number of points::

        C(W) = -sum_i [ y_i log p_i + (1 - y_i) log(1 - p_i) ]
        W <- W - lr * dC/dW

    A point is a *column* of X.  `fastlogreg.LogisticRegression` takes a point as a row and
    finds the minimum in a few reads of X, where gradient descent creeps towards it.

    Parameters
    ----------
    random_state : int, Generator, RandomState or None, default=None
        Seed of the start and of the mini-batches, as in ``np.random.default_rng``; None for
        a fixed internal seed.  NumPy's global generator is never read.  A Generator is drawn
        from itself, a RandomState gives the seed.

    Attributes
    ----------
    W : ndarray of float64, shape (1, dims + 1)
        The weights, the bias last.  Set before a `fit`, it is where that fit starts.
    loss : list of float
        The summed cost of each epoch, of all fits.
    epochs : int
        Epochs of the last fit.
    lr : float
        Learning rate of the last fit.

    Notes
    -----
    Where X is float32 or float64 and contiguous it is read where it lies: a (dims, n_points)
    array in C order is a table of n_points rows in Fortran order.  No column of ones is
    appended.  Sums are float64, and the cost is exact where p rounds to 0 or 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlogreg import LogisticRegressor
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 200)
    >>> X = rng.standard_normal((2, 200)) + 2.0 * y
    >>> model = LogisticRegressor().fit(X, y, epochs=200)
    >>> model.W.shape, len(model.loss)
    ((1, 3), 200)
    >>> bool(np.mean((model.predict(X)[0] > 0.5) == y) > 0.9)
    True
    """

    W: np.ndarray
    epochs: int
    lr: float

    def __init__(
        self, random_state: int | np.random.Generator | np.random.RandomState | None = None
    ) -> None:
        self.random_state = random_state
        self.loss: list[float] = []
        self._generator: np.random.Generator | None = None

    def fit(
        self,
        X: Any,
        y: Any,
        epochs: int = 100,
        lr: float = 0.01,
        batch_size: int | None = None,
    ) -> Self:
        """Run gradient descent; a second call goes on from `W`.

        Parameters
        ----------
        X : array-like of shape (dims, n_points)
            The points, one a column.
        y : array-like of shape (n_points,) or (1, n_points)
            Labels, 0 or 1.
        epochs : int, default=100
            Sweeps over the points, at least 1.
        lr : float, default=0.01
            Learning rate: the step is ``lr`` times the gradient of the summed cost, so it
            should shrink as points are added.
        batch_size : int or None, default=None
            Points of a step.  None, or as many as there are: one step an epoch, and the
            epoch's cost is that of the W before the step.  Fewer: each epoch draws a
            permutation and steps along the summed gradient of one batch after the other;
            its cost is the sum of the batches' costs, each at the W that the batch met.

        Returns
        -------
        LogisticRegressor
            The fitted model.

        Raises
        ------
        InvalidParameterError, InvalidParameterTypeError
            ``epochs``, ``lr``, ``batch_size`` or ``random_state`` out of range or of a
            wrong type.
        InvalidDataError
            X or y of a wrong shape, not numbers, NaN or infinite, labels other than 0 and
            1, or other dimensions than those of `W`.
        DivergenceError
            The cost or W left the range of float64.

        Notes
        -----
        After an error or Ctrl-C the model is as it was before the call.
        """
        epochs = check_integer("epochs", epochs, low=1)
        lr = check_real("lr", lr, low=0.0, high=_LARGEST, low_open=True)
        if batch_size is not None:
            batch_size = check_integer("batch_size", batch_size, low=1)
        points = check_points(X)
        targets = Targets(check_labels(y, points), np.ones(2))
        generator = self._generator or _make_generator(self.random_state)
        drawn = generator.bit_generator.state
        try:
            coef, costs = _descend(
                _design(points),
                targets,
                self._start(len(points), generator),
                generator,
                epochs=epochs,
                lr=lr,
                batch_size=batch_size,
            )
            # One call, so that Ctrl-C leaves the old model or the new one, no mixture.
            vars(self).update(
                W=np.ascontiguousarray(coef.T),
                loss=[*self.loss, *costs],
                epochs=epochs,
                lr=lr,
                _generator=generator,
            )
        except BaseException:
            generator.bit_generator.state = drawn
            raise
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the probability that each point is a 1.

        Parameters
        ----------
        X : array-like of shape (dims, n_points)
            The points, one a column.

        Returns
        -------
        ndarray of shape (1, n_points)
            Probabilities, in the type of X if that is float32, else float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            X of a wrong shape, not numbers, NaN or infinite, or so large that
            ``W @ x`` overflows.
        """
        self._check_fitted("predict")
        return np.asarray(expit(self._decision(check_points(X))))

    def plot_loss(self, ax: Axes | None = None) -> Axes:
        """Draw the cost of every epoch.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        matplotlib Axes
            Where it was drawn.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ImportError
            matplotlib is not installed.
        """
        from fastlogreg.inspection import plot_loss

        self._check_fitted("plot_loss")
        return plot_loss(self.loss, ax=ax, title="Training loss")

    def decision_boundary(self, X: Any, y: Any, ax: Axes | None = None) -> Axes:
        """Draw the points of both classes, the probability and the line where it is 0.5.

        Parameters
        ----------
        X : array-like of shape (2, n_points)
            The points, one a column.
        y : array-like of shape (n_points,) or (1, n_points)
            Labels, 0 or 1.
        ax : matplotlib Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        matplotlib Axes
            Where it was drawn.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            X or y as in `fit`, or a model of other than two dimensions.
        ImportError
            matplotlib is not installed.
        """
        from fastlogreg.inspection import plot_decision_boundary

        self._check_fitted("decision_boundary")
        dims = self.W.shape[1] - 1
        if dims != 2:
            raise InvalidDataError(
                f"the model was fitted to X of {dims} dimensions, but decision_boundary draws "
                "a plane; expected a model of 2 dimensions. Fit one to two rows of X."
            )
        points = check_points(X)
        codes = check_labels(y, points)
        check_finite_points(points)
        self._check_dims(len(points))
        return plot_decision_boundary(
            lambda table: self._decision(table.T)[0],
            points.T,
            codes,
            ax=ax,
            names=("dimension 0", "dimension 1"),
        )

    def _check_fitted(self, method: str) -> None:
        if not hasattr(self, "W"):
            raise NotFittedError(
                f"This LogisticRegressor is not fitted yet. Call fit(X, y) before {method}."
            )

    def _check_dims(self, dims: int) -> None:
        if np.shape(self.W) != (1, dims + 1):
            raise InvalidDataError(
                f"X has {dims} dimensions, which go with W of shape (1, {dims + 1}), but W has "
                f"shape {np.shape(self.W)}; expected X of shape (dims, n_points) with the "
                "dimensions of the first fit. Pass those, or make a new LogisticRegressor."
            )

    def _start(self, dims: int, generator: np.random.Generator) -> np.ndarray:
        """Return the coefficients (dims + 1, 1) that a fit starts from."""
        if not hasattr(self, "W"):
            return generator.standard_normal((dims + 1, 1))
        self._check_dims(dims)
        W = np.asarray(self.W, dtype=np.float64)
        check_finite("W", W, "make a new LogisticRegressor")
        return W.T

    def _decision(self, points: np.ndarray) -> np.ndarray:
        """Return ``W @ x`` plus the bias of every point, (1, n_points), in the type of X."""
        self._check_dims(len(points))
        decision, finite = _design(points).decision(np.asarray(self.W, dtype=np.float64).T)
        if not finite:
            check_finite_points(points)
            raise InvalidDataError(
                f"X holds values up to {magnitude(points):.3g} in magnitude, so large that "
                f"W @ x leaves the range of {points.dtype}; expected points like those of the "
                "fit. Check their units, or pass float64."
            )
        return decision.T


def _descend(
    design: DenseDesign,
    targets: Targets,
    coef: np.ndarray,
    generator: np.random.Generator,
    *,
    epochs: int,
    lr: float,
    batch_size: int | None,
) -> tuple[np.ndarray, list[float]]:
    """Return the coefficients after the epochs, and the cost of each; coef is not changed."""
    costs = []
    for epoch in range(1, epochs + 1):
        cost = 0.0
        for batch, labels in _batches(design, targets, generator, batch_size):
            losses, gradient = batch.loss_gradient(coef, labels, None)
            with np.errstate(over="ignore", invalid="ignore"):
                coef = coef - lr * gradient
            cost += float(losses[0])
            if not (math.isfinite(cost) and np.isfinite(coef).all()):
                raise _explain_divergence(design.X.T, epoch, epochs, lr)
        costs.append(cost)
    return coef, costs


def _batches(
    design: DenseDesign, targets: Targets, generator: np.random.Generator, size: int | None
) -> Iterator[tuple[DenseDesign, Targets]]:
    """Yield what the steps of one epoch read: everything, or a permutation in parts."""
    n = design.n_rows
    if size is None or size >= n:
        yield design, targets
        return
    order = generator.permutation(n)
    for first in range(0, n, size):
        rows = order[first : first + size]
        yield design.take(rows), targets.take(rows)


def _explain_divergence(points: np.ndarray, epoch: int, epochs: int, lr: float) -> DivergenceError:
    """Return the error for numbers that left float64; raise another where X is not finite."""
    check_finite_points(points)
    # The cost's curvature is at most sum |x|^2 / 4 over the points with their 1 for the
    # bias, and steps up to its inverse never raise a full batch's cost.
    with np.errstate(over="ignore"):
        squares = float(np.einsum("ij,ij->", points, points, dtype=np.float64)) + points.shape[1]
    safe = 4.0 / squares
    hint = f" (up to {safe:.1g} the cost of a full batch never rises)" if 0.0 < safe < lr else ""
    return DivergenceError(
        f"the cost or W left the range of float64 in epoch {epoch} of {epochs}, with lr={lr:g} "
        f"and X up to {magnitude(points):.3g} in magnitude; expected finite numbers. Use a "
        f"smaller lr{hint}, or scale each dimension of X. The model is as before this fit."
    )


def _design(points: np.ndarray) -> DenseDesign:
    """Return points (dims, n_points) as a table with a row a point, without a copy."""
    table = points.T
    backend = choose_backend(Shape(len(table), len(points), table.size)).value
    return DenseDesign(table, load_backend(backend), choose_threads(None, backend).value)


def _make_generator(random_state: Any) -> np.random.Generator:
    if random_state is None:
        return np.random.default_rng(_SEED)
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    if isinstance(random_state, int | np.integer):
        return np.random.default_rng(check_integer("random_state", random_state, low=0))
    raise InvalidParameterTypeError(
        f"random_state is {random_state!r} of type {type(random_state).__name__}; expected an "
        "integer of at least 0, a numpy.random.Generator, a RandomState or None."
    )
