"""Real prices that need no network: the data files inside the `skfolio` wheel.

The package itself is never imported: that would take three seconds and 400 MB of libraries. Its files hold closes
adjusted backwards for splits, dividends and spin-offs, and nothing else: no open, high, low or volume.
"""

import asyncio
import csv
import gzip
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from chassis.errors import Unavailable
from services.marketdata.domain.bars import BarSeries, closes_only
from services.marketdata.domain.fetched import Fetched, Reason, fetched_from
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.reference.instruments import read_listings

WHEEL = "skfolio"
FILES = (
    "skfolio/datasets/data/sp500_dataset.csv.gz",
    "skfolio/datasets/data/factors_dataset.csv.gz",
    "skfolio/datasets/data/sp500_index.csv.gz",
)
SYMBOLS = {"SP500": "SPX"}
"""Column names that are not the symbol."""
log = logging.getLogger(__name__)


class BundledProvider:
    """Twenty large US stocks and the S&P 500 from 1990, five factor ETFs from 2014, until 2022-12-28."""

    name = "bundled"

    async def symbols(self) -> Sequence[str]:
        """Give every symbol of the bundle."""
        return list(await asyncio.to_thread(read_listings))

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Say what symbols stand for, from our own reference file."""
        listed = await asyncio.to_thread(read_listings)
        found = {symbol: listed[symbol] for symbol in symbols if symbol in listed}
        return fetched_from(self.name, found, _unknown(symbols, found))

    async def fetch_bars(self, symbols: Collection[str], first: date, last: date) -> Fetched[BarSeries]:
        """Read bars of the symbols."""
        try:
            histories = await asyncio.to_thread(_read_all, set(symbols))
        except (Unavailable, OSError, EOFError) as error:  # the wheel is not there, or not whole
            log.warning("%s gave no bars: %s", self.name, error)
            return fetched_from(self.name, {}, dict.fromkeys(symbols, Reason.UNAVAILABLE))
        cut = {symbol: series.between(first, last) for symbol, series in histories.items()}
        found = {symbol: series for symbol, series in cut.items() if len(series)}
        failed = _unknown(symbols, histories) | dict.fromkeys(cut.keys() - found.keys(), Reason.NO_HISTORY)
        return fetched_from(self.name, found, failed)

    async def listings(self, symbols: Collection[str]) -> Mapping[str, Listing]:
        """Say what the symbols stand for, from our own reference file."""
        listed = await asyncio.to_thread(read_listings)
        return {symbol: listed[symbol] for symbol in (symbols or listed) if symbol in listed}

    async def daily_bars(self, symbols: Collection[str]) -> Sequence[BarSeries]:
        """Read the whole history of the symbols."""
        return list((await asyncio.to_thread(_read_all, set(symbols))).values())


def _unknown(asked: Collection[str], known: Collection[str]) -> dict[str, Reason]:
    return {symbol: Reason.UNKNOWN_SYMBOL for symbol in asked if symbol not in known}


def _read_all(symbols: Collection[str]) -> dict[str, BarSeries]:
    return {series.symbol: series for path in _paths() for series in _read(path, symbols)}


def _paths() -> list[Path]:
    try:
        wheel = distribution(WHEEL)
    except PackageNotFoundError:
        raise Unavailable(f"the wheel {WHEEL}, whose files are the bundled prices,") from None
    return [Path(str(wheel.locate_file(name))) for name in FILES]


def _read(path: Path, symbols: Collection[str]) -> Iterator[BarSeries]:
    """Read the wanted columns of one file: a date, then a close per symbol; an empty cell is no close."""
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    cells = np.array(rows)
    days = cells[:, 0].astype("datetime64[D]")
    for column, title in enumerate(header[1:], start=1):
        symbol = SYMBOLS.get(title, title)
        if symbol in symbols:
            texts = cells[:, column]
            closes = np.where(texts == "", "nan", texts).astype(np.float64)
            yield closes_only(symbol, days, closes, PriceBasis.TOTAL_RETURN_ADJUSTED)
