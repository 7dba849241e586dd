"""Random calls, each reproduced by its number: ``python -m tests.reliability.generated 7 8``.

Runs the calls from one number up to another, and prints how many ended how and, a line each,
those that broke a promise.  A call ends in finite output that satisfies the optimality
condition or in a documented error, and changes nothing that it was given.
"""

import contextlib
import faulthandler
import io
import sys
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError

from fastlogreg import LogisticRegression, LogisticRegressor, SeparationWarning
from fastlogreg.errors import FastLogRegError
from tests.reliability import call_labels as labels
from tests.reliability import call_parameters as parameters
from tests.reliability import call_tables as tables
from tests.reliability.call_odd_tables import ODD_FORMS
from tests.reliability.judge import Problem

__all__ = ["Broken", "run_call"]

SEED = 20_240
LIMIT = 120  # seconds of one call, its compilation included
TOLD = (ConvergenceWarning, SeparationWarning, DataConversionWarning)
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


class Broken(AssertionError):
    """A call did what none may do."""


@dataclass
class Call:
    """The arguments of a fit and of a prediction, and what is known of them."""

    X: Any
    y: Any
    weights: Any
    parameters: dict[str, Any]
    codes: np.ndarray
    numbers: np.ndarray | None = None  # what X means
    classes: Any = None  # what labels the codes stand for
    row_weights: np.ndarray | None = None
    is_sound: bool = True
    drawn: list[str] = field(default_factory=list)


def draw_call(rng, number):
    """Return the call of a number: mostly sound, or with an odd argument or two."""
    n = int(rng.choice([0, 1, 2, 3, 5, 8, 13, 30], p=[0.02, 0.03, 0.05, 0.1, 0.2, 0.2, 0.2, 0.2]))
    d = int(rng.choice([0, 1, 2, 3, 4, 40], p=[0.02, 0.2, 0.3, 0.3, 0.16, 0.02]))
    codes, has_classes = labels.draw_codes(rng, n)
    values, is_moderate = tables.draw_values(rng, codes, d)
    odd = rng.random(4) < 0.13
    drawn = []

    def draw(forms, argument):
        form = forms[rng.integers(len(forms))]
        drawn.append(form.__name__)
        return form(rng, argument)

    X, numbers = draw(ODD_FORMS if odd[0] else tables.PLAIN_FORMS, values)
    y, classes = draw(labels.ODD_LABELS if odd[1] else labels.PLAIN_LABELS, codes)
    weights, row_weights = draw(labels.ODD_WEIGHTS if odd[2] else labels.PLAIN_WEIGHTS, n)
    given = parameters.draw_parameters(rng, number)
    if odd[3]:
        given.update(parameters.draw_odd_parameters(rng))
    sound = is_moderate and has_classes and n > 1 and d > 0 and not odd.any()
    return Call(X, y, weights, given, codes, numbers, classes, row_weights, sound, drawn)


def run_call(number):
    """Run the call of a number and return how it ended.

    Raises
    ------
    Broken
        It did what none may do.
    """
    rng = np.random.default_rng([SEED, number])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if number % 11 == 3:
            return _run_from_scratch(rng)
        call = draw_call(rng, number)
    before = fingerprint((call.X, call.y, call.weights, call.parameters))
    model = LogisticRegression(**call.parameters)
    ended, caught = attempt(lambda: model.fit(call.X, call.y, call.weights))
    if fingerprint((call.X, call.y, call.weights, call.parameters)) != before:
        raise Broken(f"an argument was changed: {call.drawn}")
    if isinstance(ended, Exception):
        if call.is_sound:
            raise Broken(f"refused {call.drawn}, {call.parameters}: {ended!r}")
        _must_be_unfitted(model, call)
        return f"refused, {type(ended).__name__}"
    _judge(call, model, caught)
    _predict(rng, call, model)
    return "fitted, " + ("warned" if caught else model.status_.name)


def attempt(action):
    """Return the result of an action, or its documented error; and what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        for category in TOLD:
            warnings.simplefilter("always", category)
        warnings.filterwarnings("ignore", ".*feature names", UserWarning)  # scikit-learn's
        try:
            return action(), [one.category for one in caught]
        except (FastLogRegError, NotFittedError) as error:
            return error, []
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__)[-4:])
            raise Broken(f"{type(error).__name__}: {error}\n{where}") from error


def _must_be_unfitted(model, call):
    ended, _ = attempt(lambda: model.predict(call.X))
    if not isinstance(ended, NotFittedError):
        raise Broken(f"a refused fit left a model: {ended!r}")


def _judge(call, model, caught):
    """Check the fit that a model is: finite, and at the optimum unless it says otherwise."""
    for name in ("coef_", "intercept_", "objective_"):
        if not np.isfinite(getattr(model, name)).all():
            raise Broken(f"{name} is not finite: {getattr(model, name)}")
    if not (model.status_.is_optimum or caught or model.status_.name == "STOPPED"):
        raise Broken(f"no optimum, and no warning: {model.status_}")
    problem = _problem(call, model)
    if problem is None:
        return
    coef = np.vstack([model.coef_.T, model.intercept_]).astype(np.longdouble)
    gradient, noise = problem.slopes(coef)
    above = np.abs(gradient) - 1.01 * float(model.tol) - 8 * noise
    if model.status_.name == "CONVERGED" and above.max() > 0.0:
        raise Broken(f"slopes {np.abs(gradient).max():.3g}, noise {noise.max():.3g}: {call.drawn}")
    if model.status_.name == "PRECISION":
        excess, hidden = problem.excess(coef)
        if model.solver_ in ("lbfgs", "gradient-descent"):  # they see no second derivatives
            hidden = max(hidden, float(model.tol) * model.objective_)
        if excess > 8 * hidden:
            raise Broken(f"F can fall by {excess:.3g}, rounding is {hidden:.3g}: {call.drawn}")
    newton = call.parameters.get("solver", "auto") in ("auto", "newton-cholesky", "newton-cg")
    if call.is_sound and newton and not (model.status_.is_optimum or SeparationWarning in caught):
        raise Broken(f"a sound problem ended in {model.status_.name}: {call.drawn}")


def _problem(call, model):
    """Return the problem that was solved, None where it is not known."""
    if call.numbers is None or call.classes is None or call.row_weights is None:
        return None
    present, codes = np.unique(call.codes, return_inverse=True)
    if model.classes_.tolist() != [call.classes[code] for code in present]:
        raise Broken(f"classes_ are {model.classes_}, not those of {call.codes}: {call.drawn}")
    if not np.isfinite(call.numbers).all() or model.is_categorical_ is not None:
        return None
    weights = call.row_weights
    if model.class_weight == "balanced":
        sums = np.bincount(codes, weights)
        weights = weights * (weights.sum() / (len(sums) * sums))[codes]
    elif model.class_weight is not None:
        return None
    return Problem(
        call.numbers,
        codes,
        weights,
        C=float(model.C),
        l1_ratio=float(model.l1_ratio),
        fit_intercept=bool(model.fit_intercept),
        dtype=model.coef_.dtype,
    )


def _predict(rng, call, model):
    """Check what a model says of its table, and of another."""
    found, _ = attempt(lambda: model.predict_proba(call.X))
    if isinstance(found, Exception):
        if call.is_sound:
            raise Broken(f"predict_proba refused the table of the fit: {found!r}")
    else:
        _judge_probabilities(call, model, found)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        forms = ODD_FORMS if rng.random() < 0.5 else tables.PLAIN_FORMS
        values, _ = tables.draw_values(rng, rng.integers(0, 2, 4), model.n_features_in_)
        other = forms[rng.integers(len(forms))](rng, values)[0]
    before = fingerprint(other)
    for method in METHODS:
        found, _ = attempt(lambda method=method: getattr(model, method)(other))
        if fingerprint(other) != before:
            raise Broken(f"{method} changed X")
        if isinstance(found, Exception):
            continue
        if method == "predict":
            if not set(found.tolist()) <= set(model.classes_.tolist()):
                raise Broken(f"predict gave {found}, of classes {model.classes_}")
        elif np.isnan(found).any() or (method != "predict_log_proba" and np.isinf(found).any()):
            raise Broken(f"{method} gave {found}")


def _judge_probabilities(call, model, found):
    if not (np.isfinite(found).all() and (found >= 0.0).all() and (found <= 1.0).all()):
        raise Broken(f"predict_proba gave {found}")
    eps = np.finfo(found.dtype).eps
    if (np.abs(found.sum(axis=1) - 1.0) > 4 * eps * len(model.classes_)).any():
        raise Broken(f"probabilities sum to {found.sum(axis=1)}")
    problem = _problem(call, model)
    if problem is not None:
        coef = np.vstack([model.coef_.T, model.intercept_]).astype(np.longdouble)
        off = np.abs(found - problem.probabilities(coef))
        moved = problem.decisions(coef)[1].max(axis=1, keepdims=True)
        if (off > 2 * moved + 16 * eps).any():
            raise Broken(f"probabilities are off by {off.max():.3g}: {call.drawn}")


def _run_from_scratch(rng):
    """Run a call of the model of gradient descent, whose points are columns."""
    n = int(rng.integers(0, 12))
    codes = rng.integers(0, 2, n)
    values, _ = tables.draw_values(rng, codes, int(rng.integers(0, 4)))
    odd = rng.random(3) < 0.2
    forms = ODD_FORMS if odd[0] else tables.PLAIN_FORMS
    X = forms[rng.integers(len(forms))](rng, values.T)[0]
    forms = labels.ODD_LABELS if odd[1] else (lambda rng, codes: (codes, None),)
    y = forms[rng.integers(len(forms))](rng, codes)[0]
    given = {"epochs": int(rng.integers(1, 4)), "lr": 10.0 ** rng.integers(-4, 3)}
    if rng.random() < 0.4:
        given["batch_size"] = int(rng.integers(1, 12))
    if odd[2]:
        name = ("epochs", "lr", "batch_size")[rng.integers(3)]
        given[name] = next(iter(parameters.draw_odd_parameters(rng).values()))
        if name == "epochs" and isinstance(given[name], int | np.integer):
            given[name] = min(int(given[name]), 5)
    model, before = LogisticRegressor(random_state=0), fingerprint((X, y, given))
    ended, _ = attempt(lambda: model.fit(X, y, **given))
    if fingerprint((X, y, given)) != before:
        raise Broken("an argument was changed")
    if isinstance(ended, Exception):
        if hasattr(model, "W") or model.loss:
            raise Broken("a refused fit left a model")
        return f"from scratch, {type(ended).__name__}"
    found, _ = attempt(lambda: model.predict(X))
    numbers = [model.W, model.loss, *([] if isinstance(found, Exception) else [found])]
    if not all(np.isfinite(part).all() for part in numbers):
        raise Broken(f"not finite: {numbers}")
    return "from scratch, fitted"


def fingerprint(given):
    """Return what tells whether an argument was changed."""
    if isinstance(given, tuple | list):
        return [fingerprint(part) for part in given]
    if isinstance(given, dict):
        return [(str(key), fingerprint(value)) for key, value in given.items()]
    if isinstance(given, np.ma.MaskedArray):
        return fingerprint(np.asarray(given.data)), fingerprint(np.ma.getmaskarray(given))
    if isinstance(given, np.ndarray):
        flags = (type(given), str(given.dtype), given.shape, given.strides, given.flags.writeable)
        return flags, repr(given.tolist()) if given.dtype.hasobject else given.tobytes()
    if sparse.issparse(given):
        state = sorted((name, part) for name, part in vars(given).items() if name[:4] != "_has")
        return type(given), [(name, fingerprint(part)) for name, part in state]
    if isinstance(given, np.random.RandomState):  # to be drawn from is to be changed
        return type(given)
    if hasattr(given, "iloc"):
        return type(given), str(given.dtypes), repr(given.to_numpy().tolist())
    for read in ("to_pydict", "rows", "to_dict", "to_list", "tolist"):
        if hasattr(given, read):
            kind = getattr(given, "schema", getattr(given, "dtypes", None))
            return type(given), str(kind), repr(getattr(given, read)())
    return repr(given)


def main():
    faulthandler.enable()
    first, last = map(int, sys.argv[1:3])
    ends = Counter()
    for number in range(first, last):
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        print("call", number, file=sys.stderr, flush=True)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                ends[run_call(number)] += 1
        except Broken as broken:
            print("broken", number, str(broken).replace("\n", "\n    "), flush=True)
        except Exception:
            told = traceback.format_exc().replace("\n", "\n    ")
            print("broken", number, "in the judge", told, flush=True)
    faulthandler.cancel_dump_traceback_later()
    for end, count in sorted(ends.items()):
        print("ended", count, end)


if __name__ == "__main__":
    main()
