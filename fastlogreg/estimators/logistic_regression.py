"""Binary logistic regression with scikit-learn's interface."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from scipy.special import log_expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastlogreg.design import DenseDesign, Targets, load_backend
from fastlogreg.errors import (
    InvalidDataError,
    InvalidParameterError,
    InvalidParameterTypeError,
)
from fastlogreg.estimators.parameters import (
    check_boolean,
    check_choice,
    check_integer,
    check_real,
)
from fastlogreg.estimators.validation import (
    check_scale,
    check_table,
    check_weights,
    class_weights_of,
    encode_binary,
    explain_not_finite,
)
from fastlogreg.objective import Objective
from fastlogreg.planner import BACKENDS, choose_backend, choose_threads, make_plan
from fastlogreg.solvers import SOLVERS, Callback, Solution, Status, Step

__all__ = ["LogisticRegression"]


class LogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression for two classes, on kernels that read X once a pass.

    It minimises what scikit-learn's ``LogisticRegression`` minimises::

        1/S * sum_i s_i log(1 + exp(-t_i (x_i w + b))) + 1/(2 C S) * ||w||^2

    with ``t_i`` in {-1, 1}, ``s_i`` sample weight times class weight and
    ``S = sum_i s_i``; the intercept ``b`` is not penalised.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, in (0, inf]; ``np.inf`` for none.
    l1_ratio : float, default=0.0
        Share of the L1 penalty; only 0, a pure L2 penalty, is implemented.
    fit_intercept : bool, default=True
        Whether to fit the intercept.
    class_weight : dict, "balanced" or None, default=None
        What a row counts by its class: a dict from class to weight (1 for a class that
        it lacks), or "balanced" for half the sum of all sample weights over that of the
        class's.
    tol : float, default=1e-6
        Bound on the largest absolute component of the objective's gradient.  To converge,
        decrease of the objective ``F`` that its curvature predicts must also be at most
        ``tol * max(F, tol)``, so that badly scaled columns are fitted too.
    max_iter : int, default=100
        Most iterations.
    solver : {"auto", "newton-cholesky", "lbfgs"}, default="auto"
        The method; "auto" chooses by the number of columns.
    backend : {"auto", "numba", "numpy"}, default="auto"
        Compiled kernels or plain NumPy; both give the same answer to rounding.  "auto"
        takes NumPy while the table is small, and then never imports numba.
    n_threads : int or None, default=None
        Threads of a pass with numba; None for the CPUs that the process may use.  It
        changes no bit of the result.
    warm_start : bool, default=False
        Whether a second `fit` starts from the coefficients of the first.
    random_state : int, RandomState instance or None, default=None
        Accepted for compatibility: the solvers here draw no random numbers.
    callback : callable or None, default=None
        Called with a `Step` (iteration, objective, gradient_norm, passes, seconds) at the
        start and after every iteration; a true answer stops the fit.
    verbose : int, default=0
        Above 0, prints a line an iteration.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The classes; the second is the positive one.
    coef_ : ndarray of shape (1, n_features)
        Coefficients, float32 where X is, else float64.
    intercept_ : ndarray of shape (1,)
        Intercept, 0 without one.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string names.
    n_iter_ : ndarray of int, shape (1,)
        Iterations.
    n_passes_ : float
        Reads of all of X that the fit took; converting another type or layout of X,
        before it, is not counted.
    objective_ : float
        The objective at the solution.
    status_ : Status
        How the solver ended.
    history_ : tuple of Step
        The start and every iteration.
    plan_ : Plan
        Backend, threads and solver, each with the reason; print it.
    backend_, solver_ : str
        What the plan chose.

    Notes
    -----
    X is used where it lies, in C or F order, float32, float64, integers or bool, read-only
    or mapped; other types and strided views are converted first, which copies.  Products
    and sums are float64, whatever the type of X.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from fastlogreg import LogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> round(model.score(X, y), 3)
    0.958
    """

    def __init__(
        self,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        *,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        tol: float = 1e-6,
        max_iter: int = 100,
        solver: str = "auto",
        backend: str = "auto",
        n_threads: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        callback: Callable[[Step], object] | None = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.backend = backend
        self.n_threads = n_threads
        self.warm_start = warm_start
        self.random_state = random_state
        self.callback = callback
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,)
            Labels of two classes, of any kind.
        sample_weight : array-like of shape (n_samples,), a number, or None
            Weights of the rows, not negative; None for 1.

        Returns
        -------
        LogisticRegression
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, InvalidParameterTypeError
            A parameter out of its range or of a wrong type.
        InvalidDataError
            NaN or infinity, labels of one or of more than two classes, X and y of
            different length, negative weights.
        TypeError
            X is sparse.

        Warns
        -----
        ConvergenceWarning
            The solver ended before ``tol``; it says where, and what to change.

        Notes
        -----
        After an error or Ctrl-C the estimator is as it was before the call.
        """
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        self._check_parameters()
        matrix = check_table(self, X, reset=True)
        n, d = matrix.shape
        classes, codes = encode_binary(y, n, type(self).__name__)
        weights = check_weights(sample_weight, n)
        targets = Targets(codes, class_weights_of(self.class_weight, classes, codes, weights))
        plan = make_plan(n, d, backend=self.backend, n_threads=self.n_threads, solver=self.solver)
        design = DenseDesign(matrix, load_backend(plan.backend.value), plan.n_threads.value)
        objective = Objective(
            design, targets, weights, C=float(self.C), fit_intercept=bool(self.fit_intercept)
        )
        check_scale(objective.total_weight, objective.strength, self.C)
        solution = SOLVERS[plan.solver.value](
            objective,
            self._start(classes, objective.shape),
            tol=float(self.tol),
            max_iter=int(self.max_iter),
            callback=self._observer(),
        )
        if solution.status is Status.NOT_FINITE:
            raise explain_not_finite(matrix, getattr(self, "feature_names_in_", None))
        self.classes_ = classes
        self.plan_, self.backend_, self.solver_ = plan, plan.backend.value, plan.solver.value
        self._keep(solution, design.dtype)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return ``x w + b`` for every row, shape (n_samples,), float32 where X is, else float64.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The table, with the columns of the fit.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            NaN or infinity in X.
        ValueError
            Other columns than at fit.
        """
        return self._predicted(X, "decision")[:, 0]

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of every row, shape (n_samples,); see `decision_function`."""
        positive = self.decision_function(X) > 0.0
        return np.asarray(self.classes_[positive.astype(np.intp)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n_samples, 2); see `decision_function`."""
        return self._predicted(X, "probability")

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log of `predict_proba`, accurate where a probability is near 0 or 1."""
        decision = self.decision_function(X)
        return np.stack([log_expit(-decision), log_expit(decision)], axis=1)

    def _predicted(self, X: Any, what: Literal["decision", "probability"]) -> np.ndarray:
        """Return what a design's method of that name does, from one read of X."""
        check_is_fitted(self, "coef_")
        matrix = check_table(self, X, reset=False)
        n, d = matrix.shape
        backend = choose_backend(n, d, self.backend).value
        threads = choose_threads(self.n_threads, backend).value
        coef = np.append(self.coef_.ravel(), self.intercept_).astype(np.float64)[:, None]
        design = DenseDesign(matrix, load_backend(backend), threads)
        predicted, finite = getattr(design, what)(coef)
        if not finite:
            raise explain_not_finite(matrix, getattr(self, "feature_names_in_", None))
        return np.asarray(predicted)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _check_parameters(self) -> None:
        check_real("C", self.C, low=0.0, low_open=True)
        if check_real("l1_ratio", self.l1_ratio, low=0.0, high=1.0) != 0.0:
            raise InvalidParameterError(
                f"l1_ratio is {self.l1_ratio!r}; only 0, a pure L2 penalty, is implemented. "
                "Leave it at 0.0."
            )
        check_boolean("fit_intercept", self.fit_intercept)
        check_real("tol", self.tol, low=0.0, high=np.finfo(np.float64).max, low_open=True)
        check_integer("max_iter", self.max_iter, low=0)
        check_choice("solver", self.solver, ("auto", *SOLVERS))
        check_choice("backend", self.backend, ("auto", *BACKENDS))
        if self.n_threads is not None:
            check_integer("n_threads", self.n_threads, low=1)
        check_boolean("warm_start", self.warm_start)
        check_random_state(self.random_state)
        if not isinstance(self.verbose, bool):
            check_integer("verbose", self.verbose, low=0)
        if self.callback is not None and not callable(self.callback):
            raise InvalidParameterTypeError(
                f"callback is {self.callback!r}; expected a callable that takes a Step, or None."
            )

    def _start(self, classes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return the coefficients to start from."""
        start = np.zeros(shape)
        if (
            self.warm_start
            and getattr(self, "coef_", np.empty((0, 0))).shape == (1, shape[0] - 1)
            and np.array_equal(self.classes_, classes)
        ):
            start[:-1, 0] = self.coef_[0]
            start[-1, 0] = self.intercept_[0] if self.fit_intercept else 0.0
        return start

    def _observer(self) -> Callback | None:
        """Return what is called with each `Step`: the callback, after the verbose line."""
        if not self.verbose:
            return self.callback
        callback = self.callback

        def observe(step: Step) -> object:
            print(
                f"iteration {step.iteration:4d}  objective {step.objective:.12g}  "
                f"gradient {step.gradient_norm:.3e}  passes {step.passes:g}  "
                f"{step.seconds:.3f} s"
            )
            return None if callback is None else callback(step)

        return observe

    def _keep(self, solution: Solution, dtype: np.dtype[Any]) -> None:
        """Set the attributes that a solution gives, and warn if it is no optimum."""
        with np.errstate(over="ignore"):
            coef = solution.coef.T.astype(dtype)
        if not np.isfinite(coef).all():
            raise InvalidDataError(
                f"X is {dtype}, and its columns are so small that coefficients up to "
                f"{np.abs(solution.coef).max():.3g} leave the range of {dtype}; expected columns "
                "of moderate scale. Scale them, or pass float64."
            )
        self.coef_, self.intercept_ = coef[:, :-1], coef[:, -1]
        self.n_iter_ = np.array([solution.iterations], dtype=np.int32)
        self.n_passes_ = solution.passes
        self.objective_ = solution.objective
        self.history_ = solution.history
        self.status_ = solution.status
        if not solution.status.is_optimum and solution.status is not Status.STOPPED:
            warnings.warn(
                f"{self.solver_} did not converge in {solution.iterations} iterations "
                f"(max_iter={self.max_iter}): the largest gradient component is "
                f"{solution.gradient_norm:.3e}, tol is {self.tol:g}. Advice: "
                f"{solution.status.value}.",
                ConvergenceWarning,
                stacklevel=4,
            )
