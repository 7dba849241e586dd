"""Whether the gate sees what it is there for: ``python -m bench.gate_proof slowdown``.

HEAD is run against a copy of itself in which one thing is worse:

- ``slowdown``: every whole pass over a dense table does some of its rows again, as many as
  take 15 % of its time (``--share``), in the same compiled kernels;
- ``extra-pass``: every solver evaluates loss and gradient once more than it needs;
- ``nothing``: the copy is the same code, and nothing may be found.

Exit code 0: the gate found that, and nothing else that was not to be found.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.gate import MINUTES, QUICK_MINUTES
from bench.gate_report import Verdict, exit_code, render
from bench.gate_run import Request, run_gate
from bench.gate_sides import prepare_side
from bench.gate_statistics import Outcome, Rules

__all__ = ["main", "worse_copy"]

# What is put at the end of a module.  The rows done again are those of a part of X that lies
# in memory as X does, so that the kernels are the same.  One thread does them, a threads-th
# of the share: to wake the others once more would take as long as all of that.
_SLOWDOWN = """

def _with_rows_again(whole_pass):
    import functools

    parts = {}

    def part_of(X, n_threads):
        key = X.ctypes.data, X.shape, X.strides, n_threads
        if key not in parts:
            rows = X[: int(SHARE * len(X)) // n_threads]
            parts[key] = rows if X.flags.c_contiguous else np.asfortranarray(rows)
        return parts[key]

    @functools.wraps(whole_pass)
    def slower(X, coef, codes, weights, class_weights, n_threads, softmax=False):
        part = part_of(X, n_threads)
        few = None if weights is None else weights[: len(part)]
        whole_pass(part, coef, codes[: len(part)], few, class_weights, 1, softmax)
        return whole_pass(X, coef, codes, weights, class_weights, n_threads, softmax)

    return slower


loss_gradient = _with_rows_again(loss_gradient)
loss_gradient_hessian = _with_rows_again(loss_gradient_hessian)
"""
_EXTRA_PASS = """

def _with_another_pass(minimise):
    import functools

    @functools.wraps(minimise)
    def slower(objective, start, **options):
        objective.value_gradient(start)
        return minimise(objective, start, **options)

    return slower


for _name in SOLVERS:
    SOLVERS[_name] = _with_another_pass(SOLVERS[_name])
"""
_WORSE = {
    "slowdown": ("fastlogreg/kernels/dense.py", _SLOWDOWN),
    "extra-pass": ("fastlogreg/solvers/__init__.py", _EXTRA_PASS),
    "nothing": ("fastlogreg/solvers/__init__.py", ""),
}
# What is timed: the passes, of which all of the slowdown is seen; a fit spends time elsewhere.
_ONLY = {"slowdown": "pass", "extra-pass": "small fit", "nothing": ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate_proof",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=_WORSE)
    parser.add_argument("--share", type=float, default=0.15, help="of the slowdown (0.15)")
    parser.add_argument("--quick", action="store_true", help="few cases")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the report there")
    parser.add_argument("--work", type=Path, default=Path(".gate"), help="of what is built (.gate)")
    options = parser.parse_args(arguments)
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    base = prepare_side("HEAD", "base", work, shared=True)
    worse = worse_copy(base.package, work / f"worse-{options.what}", options.what, options.share)
    verdict = run_gate(
        Request(
            "HEAD",
            str(worse),
            work,
            Rules(),
            QUICK_MINUTES if options.quick else MINUTES,
            quick=options.quick,
            only=_ONLY[options.what],
            shared_environment=True,
            counters=options.what != "slowdown",
        )
    )
    found, says = _PROOFS[options.what](verdict)
    report = f"{render(verdict)}\nProof, {options.what}: {says}\n"
    print(report)
    if options.markdown is not None:
        options.markdown.write_text(report, encoding="utf-8")
    return 0 if found else 1


def worse_copy(package: Path, folder: Path, what: str, share: float = 0.15) -> Path:
    """Return a folder with a copy of the package in which something is worse."""
    path, text = _WORSE[what]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy2(package / "pyproject.toml", folder)
    shutil.copytree(package / "fastlogreg", folder / "fastlogreg")
    with (folder / path).open("a", encoding="utf-8") as module:
        module.write(text.replace("SHARE", repr(share)))
    return folder


def _slowdown_is_found(verdict: Verdict) -> tuple[bool, str]:
    outcomes = [found.outcome for found in verdict.findings.values()]
    caught, unstable = (outcomes.count(one) for one in (Outcome.REGRESSED, Outcome.UNSTABLE))
    count = len(outcomes)
    enough = caught >= 0.9 * count and unstable <= 0.1 * count
    return enough, f"{caught} of {count} cases are red, {unstable} unstable"


def _pass_is_found(verdict: Verdict) -> tuple[bool, str]:
    one_more = [
        change.name
        for change in verdict.changes
        if change.name.startswith("calls of loss_gradient,")
        and change.outcome is Outcome.REGRESSED
        and change.now == change.before + 1
    ]
    count = sum(change.name.startswith("passes,") for change in verdict.changes)
    says = f"{len(one_more)} of {count} fits have one call of loss_gradient more"
    return len(one_more) == count, says


def _nothing_is_found(verdict: Verdict) -> tuple[bool, str]:
    outcomes = list(verdict.outcomes().values())
    unstable = outcomes.count(Outcome.UNSTABLE)
    return exit_code(verdict) != 1, f"{outcomes.count(Outcome.REGRESSED)} red, {unstable} unstable"


_PROOFS = {
    "slowdown": _slowdown_is_found,
    "extra-pass": _pass_is_found,
    "nothing": _nothing_is_found,
}


if __name__ == "__main__":
    sys.exit(main())
