"""Several sources in their order: each is asked only for what those before it could not answer.

The result is a source like any other. Its answers say who answered what. All of them together have the time of one
fetch, and whoever is slow leaves some of it to those after him.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from services.marketdata.clients.vendors.clock import Clock, Deadline, allotting, deadline_in
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Listing
from services.marketdata.domain.observations import FxSeries, ObservedQuote, OptionChain, YieldSeries
from services.marketdata.ports import (
    BarSource,
    CorporateActionSource,
    FxSource,
    ListingSource,
    OptionChainSource,
    QuoteSource,
    Source,
    YieldSource,
)

S = TypeVar("S", bound=Source)
T = TypeVar("T")
SHARE = 2 / 3
"""Part of the time left that a source may use up while another one waits."""


@dataclass(frozen=True, slots=True)
class Turns:
    """How the time of a fetch is shared out among those who are asked in turn."""

    clock: Clock
    seconds: float
    """Of the whole fetch."""
    local: Collection[str]
    """Names of the sources that ask nobody, and take no time."""

    def of(self, whole: Deadline, waiting: Collection[str]) -> Deadline:
        """Give the deadline of a source, by the deadline of the fetch and the names of those who wait."""
        someone_waits = any(name not in self.local for name in waiting)
        return deadline_in(self.clock, whole.remaining * (SHARE if someone_waits else 1))


class InOrder(Generic[S]):
    """Sources of one kind of data. Each method is there for the kind that the sources are of."""

    def __init__(self, sources: Sequence[S], turns: Turns) -> None:
        self._sources = sources
        self._turns = turns

    @property
    def name(self) -> str:
        """The names in their order."""
        return ",".join(source.name for source in self._sources)

    async def fetch_listings(self: "InOrder[ListingSource]", symbols: Collection[str]) -> Fetched[Listing]:
        """See `ports.ListingSource`."""
        return await self._ask(symbols, lambda source, keys: source.fetch_listings(keys))

    async def fetch_bars(
        self: "InOrder[BarSource]", symbols: Collection[str], first: date, last: date
    ) -> Fetched[BarSeries]:
        """See `ports.BarSource`."""
        return await self._ask(symbols, lambda source, keys: source.fetch_bars(keys, first, last))

    async def fetch_corporate_actions(
        self: "InOrder[CorporateActionSource]", symbols: Collection[str], first: date, last: date
    ) -> Fetched[Sequence[CorporateAction]]:
        """See `ports.CorporateActionSource`."""
        return await self._ask(symbols, lambda source, keys: source.fetch_corporate_actions(keys, first, last))

    async def fetch_quotes(self: "InOrder[QuoteSource]", symbols: Collection[str]) -> Fetched[ObservedQuote]:
        """See `ports.QuoteSource`."""
        return await self._ask(symbols, lambda source, keys: source.fetch_quotes(keys))

    async def fetch_option_chains(
        self: "InOrder[OptionChainSource]", underlyings: Collection[str]
    ) -> Fetched[OptionChain]:
        """See `ports.OptionChainSource`."""
        return await self._ask(underlyings, lambda source, keys: source.fetch_option_chains(keys))

    async def fetch_yields(
        self: "InOrder[YieldSource]", tenors: Collection[str], first: date, last: date
    ) -> Fetched[YieldSeries]:
        """See `ports.YieldSource`."""
        return await self._ask(tenors, lambda source, keys: source.fetch_yields(keys, first, last))

    async def fetch_fx_rates(
        self: "InOrder[FxSource]", pairs: Collection[str], first: date, last: date
    ) -> Fetched[FxSeries]:
        """See `ports.FxSource`."""
        return await self._ask(pairs, lambda source, keys: source.fetch_fx_rates(keys, first, last))

    async def _ask(
        self, keys: Collection[str], ask: Callable[[S, Collection[str]], Awaitable[Fetched[T]]]
    ) -> Fetched[T]:
        if not self._sources:
            return Fetched({}, dict.fromkeys(keys, Reason.NO_PROVIDER), {})
        whole = deadline_in(self._turns.clock, self._turns.seconds)
        names = [source.name for source in self._sources]
        answer: Fetched[T] = Fetched({}, {}, {})
        missing = keys
        for place, source in enumerate(self._sources):
            with allotting(self._turns.of(whole, names[place + 1 :])):
                answer = answer.completed_by(await ask(source, missing))
            missing = [key for key, reason in answer.failed.items() if reason.is_worth_asking_elsewhere]
            if not missing:
                break
        return answer
