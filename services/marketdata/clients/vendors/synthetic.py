"""Made-up prices for load tests: any number of symbols `SYN00001`, the same for the same seed on every machine.

It knows no other symbol, so nothing that trades can ever get a made-up price; and it is refused outside of load tests
(see `provider_settings`).
"""

import asyncio
import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import date

import numpy as np

from services.marketdata.clients.vendors.asking import Answer, ask_for_each
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.domain.bars import BarSeries, Days
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.ports import CalendarSource

SYMBOL = re.compile(r"SYN\d{1,6}", re.ASCII)
FIRST_DAY = date(1990, 1, 1)
DRIFT, VOLATILITY = 0.0003, 0.015
"""Mean and standard deviation of the log return of a session."""
FIRST_CLOSE = 100.0


class SyntheticProvider:
    """Geometric Brownian motion with an open, a high, a low and a volume around it."""

    name = "synthetic"

    def __init__(self, seed: int, calendar: CalendarSource) -> None:
        self._seed = seed
        self._calendar = calendar

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Give the listings of made-up stocks."""

        async def ask(symbol: str) -> Answer[Listing]:
            _check(symbol)
            return Answer(Listing(symbol, Kind.STOCK, f"Synthetic {symbol[3:]}", "", "USD", "", "", 1.0))

        return await ask_for_each(self.name, "listings", symbols, ask)

    async def fetch_bars(self, symbols: Collection[str], first: date, last: date) -> Fetched[BarSeries]:
        """Make up bars. Those of a day are the same whatever range they are asked for in."""
        sessions = await self._calendar.sessions(FIRST_DAY, last)
        days = np.array([session.session_date for session in sessions], dtype="datetime64[D]")

        async def ask(symbol: str) -> Answer[BarSeries]:
            _check(symbol)
            return Answer(await asyncio.to_thread(_bars, self._seed, symbol, days, first))

        return await ask_for_each(self.name, "bars", symbols, ask)

    async def fetch_corporate_actions(
        self, symbols: Collection[str], first: date, last: date
    ) -> Fetched[Sequence[CorporateAction]]:
        """Give none: made-up stocks neither split nor pay."""

        async def ask(symbol: str) -> Answer[Sequence[CorporateAction]]:
            _check(symbol)
            return Answer(())

        return await ask_for_each(self.name, "corporate actions", symbols, ask)


def _check(symbol: str) -> None:
    if not SYMBOL.fullmatch(symbol):
        raise FetchFailed(Reason.UNKNOWN_SYMBOL, "it is not made up")


def _bars(seed: int, symbol: str, days: Days, first: date) -> BarSeries | None:
    # A digest, and not `hash`, which is another in every process.
    digest = hashlib.sha256(f"{seed}:{symbol}".encode()).digest()
    chance = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big")))
    draws = chance.standard_normal((len(days), 4))  # day by day, so that a longer history begins like a shorter one
    closes = FIRST_CLOSE * np.exp(np.cumsum(DRIFT + VOLATILITY * draws[:, 0]))
    opens = closes * np.exp(VOLATILITY / 2 * draws[:, 1])
    spread = 1 + VOLATILITY / 2 * np.abs(draws[:, 2])
    wanted = days >= np.datetime64(first, "D")
    if not wanted.any():
        return None
    return BarSeries(
        symbol,
        days[wanted],
        closes[wanted],
        PriceBasis.RAW,
        open=opens[wanted],
        high=(np.maximum(opens, closes) * spread)[wanted],
        low=(np.minimum(opens, closes) / spread)[wanted],
        volume=np.round(1e6 * np.exp(draws[:, 3]))[wanted],
    )
