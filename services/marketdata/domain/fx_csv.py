"""Rates of exchange from a CSV file: a day, a currency, the currency that it is priced in, and what a unit of it costs.

date,base_currency,quote_currency,rate
2022-12-28,EUR,USD,1.0611
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.csv_complaints import Complaints
from services.marketdata.domain.csv_table import days, numbers, read_chunks
from services.marketdata.domain.currencies import currency_code
from services.marketdata.domain.exchange_rates import Pair
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.observations import FxSeries

COLUMNS = ("date", "base_currency", "quote_currency", "rate")


@dataclass(frozen=True, slots=True)
class FileRates:
    """The rates of one pair, in order of days, and the line of each."""

    series: FxSeries
    lines: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RatesFile:
    """What a file says."""

    row_count: int
    """Rows with anything in them, header excluded."""
    by_pair: Mapping[Pair, FileRates]
    rejected: Sequence[RejectedRow]
    """By line."""


def read_rates(content: bytes, source: str) -> RatesFile:
    """Read a file.

    Args:
        content: the file.
        source: who the rejected rows are from.

    Raises:
        InvalidRequest: the file cannot be read as a whole.
    """
    rows: dict[Pair, list[tuple[np.datetime64, float, int]]] = {}
    rejected: list[RejectedRow] = []
    row_count = 0
    for chunk in read_chunks(content, COLUMNS):
        row_count += len(chunk.lines)
        day_column = days([cell.strip() for cell in chunk.columns["date"]])
        sides = [[currency_code(cell.strip()) for cell in chunk.columns[name]] for name in COLUMNS[1:3]]
        rates, _ = numbers(chunk.columns["rate"])
        complaints = Complaints(chunk, day_column, RowKind.FX, source)
        complaints.add("date", np.isnat(day_column), "unreadable_date")
        for name, codes in zip(COLUMNS[1:3], sides, strict=True):
            complaints.add(name, np.array([not code for code in codes], dtype=np.bool_), "not_a_currency")
        same = [base == quote for base, quote in zip(*sides, strict=True)]
        complaints.add("quote_currency", np.array(same, dtype=np.bool_), "same_currency")
        complaints.add("rate", np.isnan(rates), "not_a_number")
        for place in np.flatnonzero(complaints.unblamed).tolist():
            told = day_column[place], float(rates[place]), int(chunk.lines[place])
            rows.setdefault((sides[0][place], sides[1][place]), []).append(told)
        rejected += complaints.rows()
    return RatesFile(row_count, {pair: _ordered(pair, told) for pair, told in rows.items()}, rejected)


def _ordered(pair: Pair, told: Sequence[tuple[np.datetime64, float, int]]) -> FileRates:
    in_order = sorted(told, key=lambda row: row[0])
    day_column, rates, lines = zip(*in_order, strict=True)
    series = FxSeries(*pair, np.array(day_column, dtype="datetime64[D]"), np.array(rates, dtype=np.float64))
    return FileRates(series, np.array(lines, dtype=np.int64))
