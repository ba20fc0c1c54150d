"""What marketdata said, kept for a minute: those who ask several analyses of a book ask them one after another.

A slice that is pinned to a session and a version never changes (docs/adr/0007-two-time-axes.md); what an instrument is
called and which sector it is in does, seldom. A replay reads anew.
"""

import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar, cast

from cachetools import TTLCache

from chassis.flights import Flights
from services.risk.domain.book import Foreign
from services.risk.domain.inputs import FactorHistory, InstrumentFacts, PriceHistory, YieldHistory
from services.risk.domain.market import MarketSlice, Session
from services.risk.ports import Market

BYTES_KEPT = 48 << 20
LIFE_SECONDS = 60.0
ROW_BYTES = 1024
"""What a mark, or the facts of an instrument, takes about."""
T = TypeVar("T")


class KnownMarket:
    """Implements `ports.Market`: asks another for a slice once, also where several want it at the same time."""

    def __init__(self, market: Market, timer: Callable[[], float] = time.monotonic) -> None:
        self._market = market
        self._kept: TTLCache[Hashable, Any] = TTLCache(BYTES_KEPT, LIFE_SECONDS, timer, _size)
        self._flights: Flights[Any] = Flights()

    async def resolve(self, as_of_date: date | None, field: str = "as_of_date") -> Session:
        """Ask: the newest session and version are those of now."""
        return await self._market.resolve(as_of_date, field)

    async def marks(
        self, instrument_ids: Sequence[int], session: Session, foreign: Foreign | None = None
    ) -> MarketSlice:
        """Give the mark of every instrument named, and rates of exchange."""
        key = "marks", tuple(instrument_ids), session, foreign
        return await self._once(key, lambda: self._market.marks(instrument_ids, session, foreign))

    async def history(self, instrument_ids: Sequence[int], session: Session, sessions: int) -> PriceHistory:
        """Give total-return closes of instruments on the sessions up to one."""
        key = "history", tuple(instrument_ids), session, sessions
        return await self._once(key, lambda: self._market.history(instrument_ids, session, sessions))

    async def factors(self, asset_class: str, session: Session, sessions: int) -> FactorHistory:
        """Give closes of the funds that stand for the factors of a class."""
        key = "factors", asset_class, session, sessions
        return await self._once(key, lambda: self._market.factors(asset_class, session, sessions))

    async def facts(self, instrument_ids: Sequence[int]) -> Mapping[int, InstrumentFacts]:
        """Give what instruments are, by instrument."""
        key = "facts", tuple(instrument_ids)
        return await self._once(key, lambda: self._market.facts(instrument_ids))

    async def named(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Give the instruments of symbols, by symbol; without those that nobody knows."""
        key = "named", tuple(symbols)
        return await self._once(key, lambda: self._market.named(symbols))

    async def yields(self, session: Session, sessions: int) -> YieldHistory:
        """Give Treasury par yields of so many days up to a session."""
        key = "yields", session, sessions
        return await self._once(key, lambda: self._market.yields(session, sessions))

    async def _once(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        if (known := self._kept.get(key)) is not None:
            return cast("T", known)
        found = await self._flights.join(key, ask)
        if _size(found) <= BYTES_KEPT:
            self._kept[key] = found
        return cast("T", found)


def _size(value: Any) -> int:
    match value:
        case PriceHistory() | FactorHistory():
            return int(value.closes.nbytes) + ROW_BYTES
        case YieldHistory():
            return int(value.yields.nbytes) + ROW_BYTES
        case MarketSlice():
            tables = value.rates.rates.nbytes + value.rates.ages.nbytes if value.rates else 0
            return (1 + len(value.marks)) * ROW_BYTES + int(tables)
        case _:
            return (1 + len(value)) * ROW_BYTES
