"""What the cases share: sizes, tables, and the plain read of each."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from bench.gate_measure import gemm_yardstick
from bench.machine import describe_machine, threads_of
from bench.readtime import Reader
from bench.report import duration, markdown_table
from bench.tables import Problem, make_problem
from bench.timing import clock

_READS = 3
_measured = pytest.StashKey[list[tuple[str, dict[str, Any]]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="benchmarks: small tables, to see that all works"
    )


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("benchmark"):
        raise pytest.UsageError(
            "the benchmarks need pytest-benchmark; install it with: "
            'python -m pip install -e ".[bench]"'
        )
    config.stash[_measured] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a case its shapes: the module's own, or small ones."""
    if "shape" in metafunc.fixturenames:
        quick = metafunc.config.getoption("--quick")
        shapes = ((5_000, 10),) if quick else metafunc.module.SHAPES
        metafunc.parametrize("shape", shapes, ids=[f"{n}x{d}" for n, d in shapes], scope="session")


@pytest.fixture(scope="session")
def table() -> Callable[..., tuple[Problem, Reader]]:
    """Return the problem of a shape, dtype and order, and the reader of its X."""

    @cache
    def make(shape: tuple[int, int], dtype: str, order: str) -> tuple[Problem, Reader]:
        problem = make_problem(*shape, dtype=dtype, order=order)
        return problem, Reader(problem.X)

    return make


@pytest.fixture
def measure(benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what times a function and records its read-times beside the time.

    Of what computes more than it reads, *operations* are those of a matrix product to
    stand beside it too.
    """

    def run(
        function: Callable[[], Any],
        reader: Reader,
        *,
        backend: str,
        rounds: int,
        warm: Callable[[], object] | None = None,
        operations: float | None = None,
    ) -> Any:
        (warm or function)()
        reader.sample(_READS)
        result = benchmark.pedantic(function, rounds=rounds)
        reader.sample(_READS)
        read = reader.time()
        if operations is not None:
            products = gemm_yardstick(operations)
            products()
            benchmark.extra_info["gemm_seconds"] = statistics.median(
                clock(products)[0] for _ in range(_READS)
            )
        benchmark.extra_info.update(
            read_seconds=read.seconds,
            read_gb_s=read.gb_s,
            read_way=read.way,
            backend=backend,
            pass_threads=threads_of(backend),
            machine=describe_machine(),
        )
        if benchmark.stats is not None:  # None under --benchmark-disable
            median = benchmark.stats.stats.median
            benchmark.extra_info.update(median_seconds=median, read_times=read.times(median))
            if operations is not None:
                benchmark.extra_info["gemm_times"] = median / benchmark.extra_info["gemm_seconds"]
            request.config.stash[_measured].append((request.node.name, benchmark.extra_info))
        return result

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what the tables of pytest-benchmark have no columns for."""
    if not config.stash[_measured]:
        return
    terminalreporter.section("read-times, and what was reached")
    rows = [
        [
            name,
            duration(info["median_seconds"]),
            f"{info['read_times']:.2f}",
            f"{info['read_gb_s']:.1f}",
            f"{info['gemm_times']:.2f}" if "gemm_times" in info else "-",
            *(
                f"{info[key]:.12g}" if key in info else "-"
                for key in ("passes", "iterations", "objective")
            ),
        ]
        for name, info in config.stash[_measured]
    ]
    headers = [
        "case",
        "median",
        "read-times",
        "read GB/s",
        "gemms",
        "passes",
        "iterations",
        "objective",
    ]
    terminalreporter.write_line(markdown_table(headers, rows))
