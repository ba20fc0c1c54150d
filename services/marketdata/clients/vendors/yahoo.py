"""Profiles from Yahoo through the package `yfinance`, an optional extra: names, exchanges, sectors and industries.

Yahoo has no public interface; the package reads what its pages read, breaks whenever they change, and brings pandas. So
it serves profiles alone, in a thread, and nothing of it is imported before somebody asks.
"""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping
from typing import Any

from services.marketdata.clients.vendors.asking import Answer, ask_for_each
from services.marketdata.clients.vendors.classification import gics_sector, market_code
from services.marketdata.clients.vendors.clock import Clock, deadline_in
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.clients.vendors.rows import Row, text, whole
from services.marketdata.clients.vendors.symbols import yahoo_symbol
from services.marketdata.clients.vendors.token_bucket import TokenBucket
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Kind, Listing

NAME = "yfinance"
PACKAGE = "yfinance"
FETCH_SECONDS = 60.0
KINDS = {
    "EQUITY": Kind.STOCK,
    "ETF": Kind.ETF,
    "MUTUALFUND": Kind.FUND,
    "INDEX": Kind.INDEX,
    "CRYPTOCURRENCY": Kind.CRYPTO,
}
Profiles = Callable[[str], Mapping[str, object]]
"""Gives what Yahoo says of a symbol. Blocking."""


def is_installed() -> bool:
    """Say whether the extra is there."""
    return importlib.util.find_spec(PACKAGE) is not None


def yahoo_profile(symbol: str) -> Mapping[str, object]:
    """Ask Yahoo."""
    package: Any = importlib.import_module(PACKAGE)
    profile: Mapping[str, object] = package.Ticker(symbol).get_info()
    return profile


class YahooProvider:
    """Listings by way of `yfinance`."""

    name = NAME

    def __init__(self, calls_per_minute: int, clock: Clock, profiles: Profiles = yahoo_profile) -> None:
        self._clock = clock
        self._bucket = TokenBucket(calls_per_minute, clock)
        self._profiles = profiles

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Fetch names, exchanges, sectors and industries."""
        deadline = deadline_in(self._clock, FETCH_SECONDS)

        async def ask(symbol: str) -> Answer[Listing]:
            await self._bucket.take(deadline)
            try:
                async with asyncio.timeout(deadline.remaining):
                    profile = await asyncio.to_thread(self._profiles, yahoo_symbol(symbol))
            except TimeoutError:
                raise FetchFailed(Reason.TIMED_OUT, "no profile in time") from None
            except Exception as error:  # noqa: BLE001 - the package has no promise of what it raises
                raise FetchFailed(Reason.UNAVAILABLE, type(error).__name__) from None
            return Answer(_listing(symbol, profile))

        return await ask_for_each(self.name, "listings", symbols, ask)


def _listing(symbol: str, profile: Row) -> Listing:
    with whole():
        kind = KINDS.get(text(profile, "quoteType"))
        if kind is None:  # of what it does not know Yahoo says almost nothing
            raise FetchFailed(Reason.UNKNOWN_SYMBOL, "the profile is of no kind that we know")
        return Listing(
            symbol=symbol,
            kind=kind,
            name=text(profile, "longName") or text(profile, "shortName"),
            exchange=market_code(text(profile, "exchange")),
            currency=text(profile, "currency").upper(),
            sector=gics_sector(text(profile, "sector")),
            industry=text(profile, "industry"),
            multiplier=1.0,
        )
