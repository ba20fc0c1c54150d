"""The operator's own data: a folder of CSV files, or one file. What a file holds is seen from its header.

    symbol, date, close [, open, high, low, volume]     bars
    symbol, ex_date, kind, value                        corporate actions
    symbol, kind [, name, exchange, currency, ...]      instruments
    date, 1 Mo, 3 Mo, ..., 30 Yr                        Treasury yields, in per cent

What several files say of a symbol is put together. A file is read again when it has changed.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np

from chassis.errors import Unavailable
from services.marketdata.clients.vendors.csv_files import CsvFiles
from services.marketdata.domain.actions_csv import ActionsFile
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.bars_csv import BarsFile
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason, RejectedRow, fetched_from
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.instruments_csv import InstrumentsFile
from services.marketdata.domain.observations import YieldSeries
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.symbols import can_be_symbol
from services.marketdata.domain.yields_csv import YieldsFile

NAME = "csv"
COLUMNS = ("open", "high", "low", "close", "volume")
V = TypeVar("V")


class CsvFolder:
    """Bars, corporate actions, listings and yields from files."""

    name = NAME

    def __init__(self, path: Path, price_basis: PriceBasis) -> None:
        self._files = CsvFiles(path, price_basis, NAME)

    async def symbols(self) -> Sequence[str]:
        """Give every symbol that has bars.

        Raises:
            Unavailable: the folder, or a file in it, cannot be read, and who asked for all would take the rest for it.
        """
        read = await self._files.of(BarsFile)
        if read.gap is Reason.UNAVAILABLE:
            raise Unavailable("the folder of CSV files")
        return sorted({symbol for file in read.files for symbol in file.by_symbol})

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Give what the files say that symbols stand for."""
        read = await self._files.of(InstrumentsFile)
        listed = {symbol: listing for file in read.files for symbol, listing in file.by_symbol.items()}
        found = {symbol: listed[symbol] for symbol in symbols if symbol in listed}
        return _answer(symbols, read.gap, listed, found)

    async def fetch_bars(self, symbols: Collection[str], first: date, last: date) -> Fetched[BarSeries]:
        """Give bars."""
        read = await self._files.of(BarsFile)
        files = read.files
        known = {symbol for file in files for symbol in file.by_symbol}
        rejected = [row for file in files for row in _about(symbols, file.rejected)]
        cut = await asyncio.to_thread(
            _cut, known.intersection(symbols), lambda symbol: _bars(files, symbol, first, last)
        )
        return _answer(symbols, read.gap, known, cut, rejected)

    async def fetch_corporate_actions(
        self, symbols: Collection[str], first: date, last: date
    ) -> Fetched[Sequence[CorporateAction]]:
        """Give corporate actions. Where a file lists any, a symbol without has none; else nobody knows."""
        read = await self._files.of(ActionsFile)
        files = read.files
        known = set(symbols) if files and not read.gap else set()
        found = {symbol: _actions(files, symbol, first, last) for symbol in known}
        rejected = [row for file in files for row in _about(symbols, file.rejected)]
        return _answer(symbols, read.gap, known, found, rejected)

    async def fetch_yields(self, tenors: Collection[str], first: date, last: date) -> Fetched[YieldSeries]:
        """Give Treasury yields."""
        read = await self._files.of(YieldsFile)
        files = read.files
        known = {tenor for file in files for tenor in file.by_tenor}
        cut = _cut(known.intersection(tenors), lambda tenor: _yields(files, tenor, first, last))
        return _answer(tenors, read.gap, known, cut, [row for file in files for row in file.rejected])


def _answer(
    asked: Collection[str],
    gap: Reason | None,
    known: Collection[str],
    found: Mapping[str, V],
    rejected: Sequence[RejectedRow] = (),
) -> Fetched[V]:
    """Put an answer together. While a file cannot be read, nobody can say what is not there."""
    missing = [key for key in asked if key not in found]
    failed = {key: gap or (Reason.NO_HISTORY if key in known else Reason.UNKNOWN_SYMBOL) for key in missing}
    return fetched_from(NAME, found, failed, rejected)


def _cut(keys: Collection[str], read: Callable[[str], V | None]) -> dict[str, V]:
    """Read keys, and leave out those of which nothing is left."""
    return {key: value for key in keys if (value := read(key)) is not None}


def _about(symbols: Collection[str], rejected: Sequence[RejectedRow]) -> list[RejectedRow]:
    """Give the rejected rows of some symbols, and those of no symbol that can be read."""
    wanted = set(symbols)
    return [row for row in rejected if row.symbol in wanted or not can_be_symbol(row.symbol)]


def _bars(files: Sequence[BarsFile], symbol: str, first: date, last: date) -> BarSeries | None:
    parts = [file.by_symbol[symbol].series for file in files if symbol in file.by_symbol]
    days = np.concatenate([part.session_dates for part in parts])
    order = np.argsort(days, kind="stable")
    columns = {name: np.concatenate([getattr(part, name) for part in parts])[order] for name in COLUMNS}
    series = BarSeries(symbol, days[order], price_basis=parts[0].price_basis, **columns).between(first, last)
    return series if len(series) else None


def _actions(files: Sequence[ActionsFile], symbol: str, first: date, last: date) -> Sequence[CorporateAction]:
    said = {
        (action.ex_date, action.kind): action
        for file in files
        for action in file.by_symbol.get(symbol, ())
        if first <= action.ex_date <= last
    }
    return [said[key] for key in sorted(said)]


def _yields(files: Sequence[YieldsFile], tenor: str, first: date, last: date) -> YieldSeries | None:
    parts = [file.by_tenor[tenor].series for file in files if tenor in file.by_tenor]
    days, yields = np.concatenate([part.days for part in parts]), np.concatenate([part.yields for part in parts])
    wanted = np.flatnonzero((days >= np.datetime64(first, "D")) & (days <= np.datetime64(last, "D")))
    order = wanted[np.argsort(days[wanted], kind="stable")]
    return YieldSeries(tenor, days[order], yields[order]) if len(order) else None
