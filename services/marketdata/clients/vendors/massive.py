"""Massive, which was Polygon until October 2025: bars, quotes, splits, dividends, options, listings, exchange rates.

Bars are asked for as they were traded (`adjusted=false`): a vendor's adjustment changes with every split, and ours is
made on read. Splits and dividends come for many symbols with one call; a plan has few calls.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from chassis.settings import Secret
from services.marketdata.clients.vendors import massive_rows as wire
from services.marketdata.clients.vendors.asking import Answer, ask_for_each, ask_in_chunks
from services.marketdata.clients.vendors.clock import Deadline
from services.marketdata.clients.vendors.pages import pages
from services.marketdata.clients.vendors.rows import rows_of
from services.marketdata.clients.vendors.symbols import massive_ticker
from services.marketdata.clients.vendors.vendor_http import VendorHttp
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.observations import FxSeries, ObservedQuote, OptionChain

BARS_PER_PAGE = "50000"
ACTIONS_PER_PAGE = "5000"
OPTIONS_PER_PAGE = "250"
SYMBOLS_PER_CALL = 50


def bearer(key: Secret) -> Secret:
    """Give what the header `authorization` carries for a key."""
    return Secret(f"Bearer {key}")


class MassiveProvider:
    """Everything that Massive offers and we use."""

    name = wire.NAME

    def __init__(self, http: VendorHttp) -> None:
        self._http = http

    async def fetch_bars(self, symbols: Collection[str], first: date, last: date) -> Fetched[BarSeries]:
        """Fetch raw bars of shares, funds, indices and options."""
        deadline = self._http.deadline()

        async def ask(symbol: str) -> Answer[BarSeries]:
            rows = await self._aggregates(massive_ticker(symbol), first, last, deadline)
            return await asyncio.to_thread(wire.bars, symbol, rows)

        return await ask_for_each(self.name, "bars", symbols, ask)

    async def fetch_fx_rates(self, pairs: Collection[str], first: date, last: date) -> Fetched[FxSeries]:
        """Fetch the close of each day, in UTC, of currency pairs."""
        deadline = self._http.deadline()

        async def ask(pair: str) -> Answer[FxSeries]:
            rows = await self._aggregates(f"C:{pair}", first, last, deadline)
            return await asyncio.to_thread(wire.fx, pair, rows)

        return await ask_for_each(self.name, "exchange rates", pairs, ask)

    async def fetch_corporate_actions(
        self, symbols: Collection[str], first: date, last: date
    ) -> Fetched[Sequence[CorporateAction]]:
        """Fetch splits and cash dividends; of a symbol that it does not know Massive says that there were none."""
        deadline = self._http.deadline()

        async def ask(chunk: Sequence[str]) -> Mapping[str, Answer[Sequence[CorporateAction]]]:
            by_ticker = {massive_ticker(symbol): symbol for symbol in chunk}
            splits = await self._events("splits", "execution_date", by_ticker, (first, last), deadline)
            dividends = await self._events("dividends", "ex_dividend_date", by_ticker, (first, last), deadline)
            return await asyncio.to_thread(wire.corporate_actions, by_ticker, splits, dividends, (first, last))

        return await ask_in_chunks(self.name, "corporate actions", symbols, SYMBOLS_PER_CALL, ask)

    async def fetch_quotes(self, symbols: Collection[str]) -> Fetched[ObservedQuote]:
        """Fetch the newest prices; where the plan has no snapshots, the close of the session before."""
        deadline = self._http.deadline()

        async def ask(chunk: Sequence[str]) -> Mapping[str, Answer[ObservedQuote]]:
            return await self._snapshots(chunk, deadline)

        async def ask_for_previous(symbol: str) -> Answer[ObservedQuote]:
            return await self._previous_bar(symbol, deadline)

        newest = await ask_in_chunks(self.name, "snapshots", symbols, SYMBOLS_PER_CALL, ask)
        refused = [symbol for symbol, reason in newest.failed.items() if reason is Reason.REFUSED]
        if not refused:
            return newest
        return newest.completed_by(await ask_for_each(self.name, "previous closes", refused, ask_for_previous))

    async def fetch_option_chains(self, underlyings: Collection[str]) -> Fetched[OptionChain]:
        """Fetch chains with implied volatilities."""
        deadline = self._http.deadline()

        async def ask(underlying: str) -> Answer[OptionChain]:
            url = self._http.url("v3", "snapshot", "options", massive_ticker(underlying), limit=OPTIONS_PER_PAGE)
            rows = await self._all_rows(url, "results", deadline)
            return await asyncio.to_thread(wire.chain, underlying, rows, self._http.clock.now())

        return await ask_for_each(self.name, "option chains", underlyings, ask)

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Fetch names, exchanges and SIC industries."""
        deadline = self._http.deadline()

        async def ask(symbol: str) -> Answer[Listing]:
            url = self._http.url("v3", "reference", "tickers", massive_ticker(symbol))
            page = await self._http.get_json(url, deadline)
            return Answer(wire.listing(symbol, page))

        return await ask_for_each(self.name, "listings", symbols, ask)

    async def _aggregates(self, ticker: str, first: date, last: date, deadline: Deadline) -> list[object]:
        days = (first.isoformat(), last.isoformat())
        path = ("v2", "aggs", "ticker", ticker, "range", "1", "day", *days)
        url = self._http.url(*path, adjusted="false", sort="asc", limit=BARS_PER_PAGE)
        return await self._all_rows(url, "results", deadline)

    async def _all_rows(self, url: str, name: str, deadline: Deadline) -> list[object]:
        return [row async for page in pages(self._http, url, deadline) for row in rows_of(wire.answered(page), name)]

    async def _events(
        self, events: str, dated: str, tickers: Iterable[str], days: tuple[date, date], deadline: Deadline
    ) -> list[object]:
        query = {
            "ticker.any_of": ",".join(tickers),
            f"{dated}.gte": days[0].isoformat(),
            f"{dated}.lte": days[1].isoformat(),
            "limit": ACTIONS_PER_PAGE,
        }
        return await self._all_rows(self._http.url("stocks", "v1", events, **query), "results", deadline)

    async def _snapshots(self, symbols: Sequence[str], deadline: Deadline) -> Mapping[str, Answer[ObservedQuote]]:
        by_ticker = {massive_ticker(symbol): symbol for symbol in symbols}
        path = ("v2", "snapshot", "locale", "us", "markets", "stocks", "tickers")
        rows = await self._all_rows(self._http.url(*path, tickers=",".join(by_ticker)), "tickers", deadline)
        return wire.snapshots(by_ticker, rows, self._http.clock.now().date())

    async def _previous_bar(self, symbol: str, deadline: Deadline) -> Answer[ObservedQuote]:
        url = self._http.url("v2", "aggs", "ticker", massive_ticker(symbol), "prev", adjusted="false")
        return wire.previous_bar(symbol, await self._all_rows(url, "results", deadline))
