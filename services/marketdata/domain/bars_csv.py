"""Daily bars from a CSV file: symbol, date, close, and where known open, high, low, volume. Other columns are ignored.

What the file says becomes series by symbol; a row that it says wrong becomes a rejected row with its line. Whether the
values can be is for `checks`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import BarSeries, Days
from services.marketdata.domain.csv_complaints import Complaints
from services.marketdata.domain.csv_table import Chunk, days, numbers, read_chunks
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.symbols import can_be_symbol

REQUIRED = ("symbol", "date", "close")
VALUES = ("open", "high", "low", "close", "volume")
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FileSeries:
    """The bars of one symbol, in order of days, and the line of each."""

    series: BarSeries
    lines: Integers


@dataclass(frozen=True, slots=True)
class BarsFile:
    """What a file says."""

    row_count: int
    """Rows with anything in them, header excluded."""
    by_symbol: Mapping[str, FileSeries]
    """In order of symbols, which are canonical."""
    rejected: Sequence[RejectedRow]
    """By line."""


@dataclass(slots=True)
class _Columns:
    """The readable rows of a chunk."""

    codes: Integers
    """Places of the symbols."""
    days: Days
    values: NDArray[np.float64]
    """A row for each of `VALUES`."""
    lines: Integers


def read_bars(content: bytes, price_basis: PriceBasis, source: str) -> BarsFile:
    """Read a file. A million rows take a few seconds: call it in a thread.

    Args:
        content: the file.
        price_basis: what its prices are.
        source: who the rejected rows are from.

    Raises:
        InvalidRequest: the file cannot be read as a whole, or lacks a column.
    """
    symbols: dict[str, int] = {}
    parts: list[_Columns] = []
    rejected: list[RejectedRow] = []
    row_count = 0
    for chunk in read_chunks(content, REQUIRED):
        row_count += len(chunk.lines)
        day_column = days(chunk.columns["date"])
        complaints = Complaints(chunk, day_column, RowKind.BAR, source)
        parts.append(_read(chunk, day_column, symbols, complaints))
        rejected += complaints.rows()
    return BarsFile(row_count, _by_symbol(list(symbols), parts, price_basis), rejected)


def _read(chunk: Chunk, day_column: Days, symbols: dict[str, int], complaints: Complaints) -> _Columns:
    codes = _codes(chunk.columns["symbol"], symbols)
    complaints.add("symbol", codes < 0, "invalid_symbol")
    complaints.add("date", np.isnat(day_column), "unreadable_date")
    values = np.full((len(VALUES), len(chunk.lines)), np.nan)
    for place, name in enumerate(VALUES):
        if name in chunk.columns:
            values[place], bad = numbers(chunk.columns[name])
            complaints.add(name, bad, "not_a_number")
    complaints.add("close", np.isnan(values[VALUES.index("close")]), "missing")
    good = complaints.unblamed
    return _Columns(codes[good], day_column[good], values[:, good], chunk.lines[good])


def _codes(cells: Sequence[str], symbols: dict[str, int]) -> Integers:
    """Give each row the place of its symbol, and new symbols a place. -1: it can be no symbol."""
    known = {}
    for cell in set(cells):
        symbol = canonical(cell)
        known[cell] = symbols.setdefault(symbol, len(symbols)) if can_be_symbol(symbol) else -1
    return np.array([known[cell] for cell in cells], dtype=np.int64)


def _by_symbol(symbols: Sequence[str], parts: Sequence[_Columns], basis: PriceBasis) -> dict[str, FileSeries]:
    codes = np.concatenate([part.codes for part in parts]) if parts else np.empty(0, dtype=np.int64)
    if not len(codes):  # a file without rows, or without one that can be read
        return {}
    day_column = np.concatenate([part.days for part in parts])
    order = np.lexsort((day_column, codes))  # stable: rows of one day stay in the order of the file
    codes, day_column = codes[order], day_column[order]
    values = np.concatenate([part.values for part in parts], axis=1)[:, order]
    lines = np.concatenate([part.lines for part in parts])[order]
    present, starts = np.unique(codes, return_index=True)
    ends = [*starts[1:], len(codes)]
    series = {}
    for code, start, end in zip(present, starts, ends, strict=True):
        opens, highs, lows, closes, volumes = values[:, start:end]
        symbol = symbols[code]
        bars = BarSeries(symbol, day_column[start:end], closes, basis, open=opens, high=highs, low=lows, volume=volumes)
        series[symbol] = FileSeries(bars, lines[start:end])
    return dict(sorted(series.items()))
