"""Financial Modeling Prep: bars, quotes, splits, dividends, profiles with sector and industry, exchange rates.

Everything is asked for by symbol in the query, and comes as a bare list, newest first. A list is cut at 5,000 rows
without a word, so long histories are asked for in pieces that cannot be as long.
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from services.marketdata.clients.vendors import fmp_rows as wire
from services.marketdata.clients.vendors.asking import Answer, ask_for_each
from services.marketdata.clients.vendors.clock import Deadline
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.clients.vendors.symbols import fmp_symbol
from services.marketdata.clients.vendors.vendor_http import VendorHttp
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.observations import FxSeries, ObservedQuote

MOST_ROWS = 5000
DAYS_PER_CALL = 4500
"""Calendar days: a pair of currencies has a row for each of them."""
MOST_ACTIONS = 1000


class FmpProvider:
    """Everything that FMP offers and we use."""

    name = wire.NAME

    def __init__(self, http: VendorHttp) -> None:
        self._http = http

    async def fetch_bars(self, symbols: Collection[str], first: date, last: date) -> Fetched[BarSeries]:
        """Fetch bars as they were traded."""
        deadline = self._http.deadline()

        async def ask(symbol: str) -> Answer[BarSeries]:
            rows = await self._history("non-split-adjusted", fmp_symbol(symbol), first, last, deadline)
            return await asyncio.to_thread(wire.bars, symbol, rows)

        return await ask_for_each(self.name, "bars", symbols, ask)

    async def fetch_fx_rates(self, pairs: Collection[str], first: date, last: date) -> Fetched[FxSeries]:
        """Fetch the close of each day of currency pairs."""
        deadline = self._http.deadline()

        async def ask(pair: str) -> Answer[FxSeries]:
            rows = await self._history("full", pair, first, last, deadline)
            return await asyncio.to_thread(wire.fx, pair, rows)

        return await ask_for_each(self.name, "exchange rates", pairs, ask)

    async def fetch_corporate_actions(
        self, symbols: Collection[str], first: date, last: date
    ) -> Fetched[Sequence[CorporateAction]]:
        """Fetch splits and cash dividends; of a symbol that it does not know FMP says that there were none."""
        deadline = self._http.deadline()

        async def ask(symbol: str) -> Answer[Sequence[CorporateAction]]:
            splits = await self._events("splits", symbol, deadline)
            dividends = await self._events("dividends", symbol, deadline)
            return wire.corporate_actions(symbol, splits, dividends, (first, last))

        return await ask_for_each(self.name, "corporate actions", symbols, ask)

    async def fetch_quotes(self, symbols: Collection[str]) -> Fetched[ObservedQuote]:
        """Fetch the newest prices."""
        deadline = self._http.deadline()

        async def ask(symbol: str) -> Answer[ObservedQuote]:
            rows = await self._known("quote", symbol, deadline)
            return wire.quote(symbol, rows, self._http.clock.now().date())

        return await ask_for_each(self.name, "quotes", symbols, ask)

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Fetch names, exchanges, sectors and industries."""
        deadline = self._http.deadline()

        async def ask(symbol: str) -> Answer[Listing]:
            return Answer(wire.listing(symbol, await self._known("profile", symbol, deadline)))

        return await ask_for_each(self.name, "listings", symbols, ask)

    async def _known(self, endpoint: str, symbol: str, deadline: Deadline) -> list[object]:
        """Get rows of which a known symbol has at least one."""
        rows = await self._rows(endpoint, deadline, symbol=fmp_symbol(symbol))
        if not rows:
            raise FetchFailed(Reason.UNKNOWN_SYMBOL, "the answer is empty")
        return rows

    async def _events(self, endpoint: str, symbol: str, deadline: Deadline) -> list[object]:
        rows = await self._rows(endpoint, deadline, symbol=fmp_symbol(symbol), limit=str(MOST_ACTIONS))
        if len(rows) >= MOST_ACTIONS:  # what is cut off would look as if it had been taken back
            raise FetchFailed(Reason.MALFORMED, f"{len(rows)} {endpoint}: it is cut off")
        return rows

    async def _history(self, variant: str, symbol: str, first: date, last: date, deadline: Deadline) -> list[object]:
        rows: list[object] = []
        for start, end in _pieces(first, last):
            query = {"symbol": symbol, "from": start.isoformat(), "to": end.isoformat()}
            piece = await self._rows(f"historical-price-eod/{variant}", deadline, **query)
            if len(piece) >= MOST_ROWS:
                raise FetchFailed(Reason.MALFORMED, f"{len(piece)} rows for {end - start} days: it is cut off")
            rows += piece
        return rows

    async def _rows(self, endpoint: str, deadline: Deadline, **query: str) -> list[object]:
        return wire.rows(await self._http.get_json(self._http.url(*endpoint.split("/"), **query), deadline))


def _pieces(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(last, first + timedelta(days=DAYS_PER_CALL - 1))
        yield first, end
        first = end + timedelta(days=1)
