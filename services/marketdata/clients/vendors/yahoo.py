"""Profiles from Yahoo through the package `yfinance`, an optional extra: names, exchanges, sectors and industries.

Yahoo has no public interface; the package reads what its pages read, breaks whenever they change, and brings pandas. So
it serves profiles alone, in a thread, and nothing of it is imported before somebody asks.
"""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.marketdata.clients.vendors.asking import PARALLEL, Answer, ask_for_each
from services.marketdata.clients.vendors.circuit import Circuit
from services.marketdata.clients.vendors.classification import gics_sector, market_code
from services.marketdata.clients.vendors.clock import Clock, Deadline, deadline_in
from services.marketdata.clients.vendors.failure import FetchFailed, OutOfTime
from services.marketdata.clients.vendors.rows import Row, currency, text, whole
from services.marketdata.clients.vendors.symbols import yahoo_symbol
from services.marketdata.clients.vendors.token_bucket import TokenBucket
from services.marketdata.clients.vendors.vendor_http import Patience
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Kind, Listing

NAME = "yfinance"
PACKAGE = "yfinance"
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

    def __init__(
        self, calls_per_minute: int, patience: Patience, clock: Clock, profiles: Profiles = yahoo_profile
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._bucket = TokenBucket(calls_per_minute, clock)
        self._circuit = Circuit(clock)
        # Threads of its own: one that Yahoo keeps waiting cannot be stopped, and must not be missed by anybody else.
        self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix=NAME)
        self._profiles = profiles

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Fetch names, exchanges, sectors and industries."""
        deadline = deadline_in(self._clock, self._patience.fetch_seconds)

        async def ask(symbol: str) -> Answer[Listing]:
            with self._circuit.attempt():
                await self._bucket.take(deadline)
                return Answer(_listing(symbol, await self._profile(yahoo_symbol(symbol), deadline)))

        return await ask_for_each(self.name, "listings", symbols, ask)

    async def _profile(self, symbol: str, deadline: Deadline) -> Row:
        asked = asyncio.get_running_loop().run_in_executor(self._threads, self._profiles, symbol)
        seconds = min(self._patience.call_seconds, deadline.remaining)
        try:
            async with asyncio.timeout(seconds):
                profile = await asked
        except TimeoutError:
            if seconds < self._patience.call_seconds:
                raise OutOfTime("no profile in time") from None
            raise FetchFailed(Reason.TIMED_OUT, f"no profile within {seconds:.1f} s") from None
        except Exception as error:  # noqa: BLE001 - the package has no promise of what it raises
            raise FetchFailed(Reason.UNAVAILABLE, type(error).__name__) from None
        if not isinstance(profile, Mapping):  # what it gives where Yahoo's answer makes no sense to it
            raise FetchFailed(Reason.MALFORMED, f"the profile is a {type(profile).__name__}")
        return profile

    async def close(self) -> None:
        """Start no more calls; those under way are left to themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


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
            currency=currency(profile, "currency"),
            sector=gics_sector(text(profile, "sector")),
            industry=text(profile, "industry"),
            multiplier=1.0,
        )
