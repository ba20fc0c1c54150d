"""What marketdata needs from outside: prices and what belongs to them, the calendar, and today's date.

A provider offers some of several kinds of data; each kind is a port of its own. A source answers for every key it is
asked for, and never raises for what one of them lacks or for what goes wrong on the way: the reason stands in the
answer. Several sources in their order are a source again, so callers need not know which they have.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.observations import FxSeries, ObservedQuote, OptionChain, YieldSeries
from services.marketdata.domain.sessions import Session

Today = Callable[[], date]
"""The date in UTC."""


class Source(Protocol):
    """Whoever answers for some kind of data."""

    @property
    def name(self) -> str:
        """Name that callers ask for and rows are marked with."""
        ...


class Catalogue(Source, Protocol):
    """A source that can list everything it has; vendors' lists are too long to want."""

    async def symbols(self) -> Sequence[str]:
        """Give every symbol that the source has bars of, in upper case."""
        ...


class ListingSource(Source, Protocol):
    """Who knows what symbols stand for."""

    async def fetch_listings(self, symbols: Collection[str]) -> Fetched[Listing]:
        """Say what canonical symbols stand for."""
        ...


class BarSource(Source, Protocol):
    """Who knows daily bars."""

    async def fetch_bars(self, symbols: Collection[str], first: date, last: date) -> Fetched[BarSeries]:
        """Fetch bars from one day to a later one, both included.

        Days are in order, and may repeat; no value but the types has been checked (see `domain.checks`). A symbol
        without any bar in these days has failed with `no_history`.
        """
        ...


class CorporateActionSource(Source, Protocol):
    """Who knows splits and cash dividends."""

    async def fetch_corporate_actions(
        self, symbols: Collection[str], first: date, last: date
    ) -> Fetched[Sequence[CorporateAction]]:
        """Fetch what went ex from one day to a later one, both included, oldest first.

        An empty sequence says that there were none; a source that cannot know has failed with `unknown_symbol`.
        """
        ...


class QuoteSource(Source, Protocol):
    """Who knows the newest prices."""

    async def fetch_quotes(self, symbols: Collection[str]) -> Fetched[ObservedQuote]:
        """Fetch the newest price of each symbol."""
        ...


class OptionChainSource(Source, Protocol):
    """Who knows which options are quoted, and at what."""

    async def fetch_option_chains(self, underlyings: Collection[str]) -> Fetched[OptionChain]:
        """Fetch the chain of each underlying as it is now."""
        ...


class YieldSource(Source, Protocol):
    """Who knows Treasury par yields."""

    async def fetch_yields(self, tenors: Collection[str], first: date, last: date) -> Fetched[YieldSeries]:
        """Fetch yields of tenors (`3M`, `10Y`) from one day to a later one, both included."""
        ...


class FxSource(Source, Protocol):
    """Who knows rates of exchange."""

    async def fetch_fx_rates(self, pairs: Collection[str], first: date, last: date) -> Fetched[FxSeries]:
        """Fetch rates of pairs (`EURUSD`: dollars for one euro) from one day to a later one, both included."""
        ...


S_co = TypeVar("S_co", bound=Source, covariant=True)


@dataclass(frozen=True, slots=True)
class Offer(Generic[S_co]):
    """Who offers one kind of data."""

    in_order: S_co
    """All that the settings name, each asked for what those before it could not answer."""
    order: Sequence[str]
    """Their names."""
    by_name: Mapping[str, S_co]
    """Each that is set up, alone."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Every source of the installation, by kind of data."""

    listings: Offer[ListingSource]
    bars: Offer[BarSource]
    corporate_actions: Offer[CorporateActionSource]
    quotes: Offer[QuoteSource]
    option_chains: Offer[OptionChainSource]
    yields: Offer[YieldSource]
    fx_rates: Offer[FxSource]
    catalogues: Mapping[str, Catalogue]
    """The sources that can list all they have, by name."""


class CalendarSource(Protocol):
    """Who knows when the exchange trades."""

    @property
    def version(self) -> str:
        """Version of what is known: another version may tell another future."""
        ...

    async def sessions(self, first: date, last: date) -> Sequence[Session]:
        """Give the sessions from one day to a later one, both included, in order."""
        ...
