"""Logistic regression with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags

from fastlogreg.design import Design, Targets
from fastlogreg.errors import InvalidDataError
from fastlogreg.estimators.coefficients import NamedCoefficients
from fastlogreg.estimators.labels import encode_labels
from fastlogreg.estimators.parameters import (
    check_boolean,
    check_callback,
    check_categories,
    check_choice,
    check_integer,
    check_random_state,
    check_real,
    check_solver,
    has_l1,
    seed_of,
)
from fastlogreg.estimators.prediction import LinearPrediction
from fastlogreg.estimators.telling import observer, warn_not_converged, warn_separable
from fastlogreg.estimators.validation import (
    check_scale,
    check_table,
    check_weights,
    class_weights_of,
)
from fastlogreg.objective import Objective
from fastlogreg.planner import BACKENDS, Plan, make_plan
from fastlogreg.solvers import SOLVERS, Callback, Solution, Status, Step, find_separation
from fastlogreg.tables import Table

__all__ = ["LogisticRegression"]


class LogisticRegression(NamedCoefficients, LinearPrediction, ClassifierMixin, BaseEstimator):
    """Logistic regression, on kernels that read X once a pass.

    It minimises what scikit-learn's ``LogisticRegression`` minimises::

        1/S * sum_i s_i loss(y_i, x_i W + b)
        + 1/(C S) * [(1 - l1_ratio)/2 * ||W||^2 + l1_ratio * ||W||_1]

    with ``s_i`` sample weight times class weight and ``S = sum_i s_i``; the intercept ``b``
    is not penalised.  The loss of two classes is ``log(1 + exp(-t_i (x_i w + b)))`` with
    ``t_i`` in {-1, 1}, that of more classes the cross-entropy of their softmax.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, in (0, inf]; ``np.inf`` for none.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, in [0, 1]: 0 for a pure L2 penalty, 1 for a pure L1 one.
        Without a penalty (``C=np.inf``) it plays no part.
    fit_intercept : bool, default=True
        Whether to fit the intercept.
    class_weight : dict, "balanced" or None, default=None
        What a row counts by its class: a dict from class to weight (1 for a class that
        it lacks), or "balanced" for the sum of all sample weights over that of the
        class's, divided by the number of classes.
    tol : float, default=1e-6
        Bound on the largest absolute component of the objective's gradient, with an L1
        part of its least subgradient.  To converge, decrease of the objective ``F`` that
        its curvature predicts must also be at most ``tol * max(F, tol)``, so that badly
        scaled columns are fitted too.
    max_iter : int, default=100
        Most iterations.
    solver : str, default="auto"
        The method; "auto" chooses by the shape of the problem.

        - "subsampled-newton": curvature from a sample of the rows, for long tables;
        - "newton-cholesky": the full Hessian, factored, for up to some 1,000 coefficients,
          which over categories and sparse rows serves for several steps;
        - "newton-cg": conjugate gradients on products with the Hessian, for more;
        - "lbfgs": curvature from past steps;
        - "prox-newton": the one for an L1 part, ``l1_ratio > 0``, and for no other;
        - "gradient-descent": no curvature at all, for comparison.
    backend : {"auto", "numba", "numpy"}, default="auto"
        Compiled kernels or plain NumPy; both give the same answer to rounding.  "auto"
        takes NumPy while the table is small, and then never imports numba.
    n_threads : int or None, default=None
        Threads of a pass with numba; None for the CPUs that the process may use.  It
        changes no bit of the result.
    categorical_features : "from_dtype", None, or array-like, default="from_dtype"
        Which columns are categories, each level of which gets a coefficient: those of a
        categorical type (pandas' category, polars' Categorical and Enum, Arrow's dictionary),
        none, or columns by name, number or mask, of text or numbers.  Values count, not
        codes, so that other tables may have other types and orders of levels.
    handle_unknown : {"error", "ignore", "infrequent"}, default="error"
        What a value is that was not there at fit: nothing (all its columns 0), or one of
        the infrequent.
    min_frequency : int, float or None, default=None
        Values in fewer rows, or in a smaller share of them, share one coefficient.
    handle_missing : {"error", "category", "ignore"}, default="error"
        What a missing category is: a level of its own, or nothing.
    warm_start : bool, default=False
        Whether a second `fit` starts from the coefficients of the first, if columns and
        classes are the same.
    random_state : int, RandomState instance or None, default=None
        What samples of the rows are drawn with; None for 0, always the same samples.  A
        RandomState gives one integer a fit.  They change the way, not the answer.
    callback : callable or None, default=None
        Called with a `Step` (iteration, objective, gradient_norm, passes, seconds,
        curvature) at the start and after every iteration; a true answer stops the fit.
    verbose : int, default=0
        Above 0, prints a line an iteration.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted; of two, the second is the positive one.
    coef_ : ndarray of shape (1, n_coefficients) or (n_classes, n_coefficients)
        Coefficients, float32 where X is, else float64; one row for two classes.  There is
        one a column, and one a level of a category (`get_feature_names_out`).
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts, 0 without.  Of more than two classes they sum to 0.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where X had string names.
    categories_, infrequent_categories_ : list of ndarray
        The values of each category with a coefficient of their own, and those that share one.
    is_categorical_ : ndarray of bool, shape (n_features,), or None
        Which columns are categories.
    reference_levels_ : dict
        The level of each category without a coefficient, where there is no penalty.
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

    The columns of a DataFrame are read one by one, of pandas, polars or Arrow; where they are
    parts of one matrix in memory, that is.  Copied, one at a time to at most 8 bytes a row,
    are columns in chunks or with missing values, Arrow's booleans, decimals, half floats and
    pandas' sparse ones; text named a category becomes codes (12 bytes a row meanwhile); a
    table without categories becomes one matrix up to 4,000,000 numbers, 32 MB.

    A category stays as codes.  With a penalty no level is left out; without one
    (``C=np.inf``) the first of each category is the reference of the others, and has no
    coefficient.

    So is a sparse X, CSR or CSC, of float32 or float64, with indices of int32 or int64 in
    any order; values stored for the same place add up.  Other formats become CSR and other
    types float64 first, which copies.  CSR is the faster one: CSC is read twice a pass.

    A softmax is the same after a shift of all classes alike.  Without a penalty, of the
    intercepts always, the solution is the one that sums to 0 over the classes.  Under a
    pure L1 penalty the median over the classes is 0; of an even number of them any shift
    between the two middle ones is a solution, and ``random_state`` may decide which is found.

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
        categorical_features: Any = "from_dtype",
        handle_unknown: str = "error",
        min_frequency: float | None = None,
        handle_missing: str = "error",
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
        self.categorical_features = categorical_features
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.handle_missing = handle_missing
        self.warm_start = warm_start
        self.random_state = random_state
        self.callback = callback
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,)
            Labels of two or more classes, of any kind.
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
            NaN or infinity, labels of one class, X and y of different length, negative
            weights; a sparse X whose arrays do not fit together; masked values.
        InvalidDataTypeError
            X is no table of numbers and categories.

        Warns
        -----
        ConvergenceWarning
            The solver ended before ``tol``; it says where, and what to change.
        SeparationWarning
            Without a penalty (``C=np.inf``), the classes are separable, so that no
            coefficients are the best; it says by which columns.

        Notes
        -----
        After an error or Ctrl-C the estimator is as it was before the call.
        """
        before = self.__dict__.copy()
        try:
            self._check_parameters()
            observe = observer(self.verbose, self.callback)
            with np.errstate(all="ignore"):  # what leaves float64 is looked for where it matters
                return self._fit(X, y, sample_weight, observe)
        except BaseException:
            self.__dict__ = before
            raise

    def to_sklearn(self) -> Any:
        """Return the fitted model as scikit-learn's own, of the same probabilities.

        Returns
        -------
        sklearn.linear_model.LogisticRegression or sklearn.pipeline.Pipeline
            Fitted, and without any part of this package: what takes scikit-learn's models,
            such as skl2onnx, takes it.  A model with categories is a ``ColumnTransformer``,
            which encodes each of them by a ``OneHotEncoder``, before the classifier.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ConversionError
            Categories that a ``OneHotEncoder`` cannot hold: neither all text nor all numbers.
        ImportError
            pandas is not installed, and there are categories in named columns.

        Notes
        -----
        The two agree to rounding wherever this model predicts.  Missing categories that it
        refuses (``handle_missing="error"``) are unknown ones to the encoder; so is pandas.NA
        in text, where None and NaN are missing: replace it by None.  Reference levels, and
        missing values that are ignored, have columns with the coefficient 0.
        """
        from fastlogreg.persistence.conversion import convert

        return convert(self)

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn needs to know: X may be sparse."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _fit(self, X: Any, y: Any, sample_weight: Any, observe: Callback | None) -> Self:
        table = check_table(self, X, reset=True)
        n_rows = table.shape.n_rows
        classes, codes = encode_labels(y, n_rows, type(self).__name__)
        weights = check_weights(sample_weight, n_rows)
        class_weights = class_weights_of(self.class_weight, classes, codes, weights)
        targets = Targets(codes, class_weights, softmax=len(classes) > 2)
        design, plan = self._plan(table, len(classes))
        objective = Objective(
            design,
            targets,
            weights,
            C=float(self.C),
            l1_ratio=float(self.l1_ratio),
            fit_intercept=bool(self.fit_intercept),
            seed=seed_of(self.random_state),
        )
        check_scale(objective.total_weight, objective.strength, self.C)
        solution = SOLVERS[plan.solver.value](
            objective,
            self._start(classes, objective),
            tol=float(self.tol),
            max_iter=int(self.max_iter),
            callback=observe,
        )
        if solution.status is Status.NOT_FINITE:
            raise table.explain_not_finite()
        self.classes_ = classes
        self.plan_, self.backend_, self.solver_ = plan, plan.backend.value, plan.solver.value
        self._keep(solution, design.dtype)
        self._warn(solution, objective)
        return self

    def _plan(self, table: Table, n_classes: int) -> tuple[Design, Plan]:
        """Return the design of a table for a fit, and how the fit is run."""
        plan = make_plan(
            table.shape,
            n_outputs=n_classes if n_classes > 2 else 1,
            has_l1=has_l1(self.l1_ratio, self.C),
            backend=self.backend,
            n_threads=self.n_threads,
            solver=self.solver,
        )
        return table.design(plan.backend.value, plan.n_threads.value), plan

    def _check_parameters(self) -> None:
        check_real("C", self.C, low=0.0, low_open=True)
        check_real("l1_ratio", self.l1_ratio, low=0.0, high=1.0)
        check_boolean("fit_intercept", self.fit_intercept)
        check_real("tol", self.tol, low=0.0, high=np.finfo(np.float64).max, low_open=True)
        check_integer("max_iter", self.max_iter, low=0)
        check_solver(self.solver, self.l1_ratio, self.C)
        check_choice("backend", self.backend, ("auto", *BACKENDS))
        if self.n_threads is not None:
            check_integer("n_threads", self.n_threads, low=1)
        check_categories(
            self.categorical_features, self.handle_unknown, self.min_frequency, self.handle_missing
        )
        check_boolean("warm_start", self.warm_start)
        check_random_state(self.random_state)
        if not isinstance(self.verbose, bool):
            check_integer("verbose", self.verbose, low=0)
        check_callback(self.callback)

    def _start(self, classes: np.ndarray, objective: Objective) -> np.ndarray:
        """Return the coefficients to start from."""
        start = np.zeros(objective.shape)
        side, n_outputs = objective.shape
        if (
            self.warm_start
            and getattr(self, "coef_", np.empty((0, 0))).shape == (n_outputs, side - 1)
            and np.array_equal(self.classes_, classes)
        ):
            start[:-1] = self.coef_.T
            start[-1] = self.intercept_ if self.fit_intercept else 0.0
            objective.centre(start)
        return start

    def _keep(self, solution: Solution, dtype: np.dtype[Any]) -> None:
        """Set the attributes that a solution gives, and warn if it is no optimum."""
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

    def _warn(self, solution: Solution, objective: Objective) -> None:
        """Warn if the solution is no optimum, or if there is none."""
        if solution.status is Status.STOPPED:
            return
        if float(self.C) == np.inf:
            separation = find_separation(objective, solution)
            self.n_passes_ = objective.passes
            if separation is not None:
                named = hasattr(self, "feature_names_in_") or hasattr(self, "_encoding")
                warn_separable(separation, self.get_feature_names_out() if named else None)
                return
        if not solution.status.is_optimum:
            warn_not_converged(self.solver_, solution, self.max_iter, self.tol)
