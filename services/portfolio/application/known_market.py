"""What marketdata said of instruments, kept for as long as it holds.

A mark at a session and a data version never changes (docs/adr/0007-two-time-axes.md), nor do the splits known at one,
so they are asked for once. What an instrument is called and which sector it is in does change, seldom, so that is asked
for again after a minute. Marks and instruments are kept by owner: private instruments are their owner's alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import date
from typing import TypeVar

from cachetools import LRUCache, TTLCache

from riskmath.exchange import ExchangeRates, no_rates
from services.portfolio.domain.foreign import Foreign
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.splits import Split, Splits
from services.portfolio.ports import MarketData

ENTRIES_KEPT = 100_000
"""Marks, and instruments, that one process keeps; together about 70 MB."""
TABLES_KEPT = 200
"""Tables of rates of exchange; of ten years and one currency each has 40 kB."""
INSTRUMENT_SECONDS = 60.0
K = TypeVar("K")
V = TypeVar("V")


class KnownMarket:
    """Answers marks and instruments, and asks marketdata for those that it does not know."""

    def __init__(self, marketdata: MarketData, timer: Callable[[], float] = time.monotonic) -> None:
        self._marketdata = marketdata
        self._marks: LRUCache[tuple[str, int, date, int], Mark] = LRUCache(ENTRIES_KEPT)
        self._rates: LRUCache[tuple[Foreign, date, int], ExchangeRates] = LRUCache(TABLES_KEPT)
        self._splits: LRUCache[tuple[int, int], Sequence[Split]] = LRUCache(ENTRIES_KEPT)
        self._instruments: TTLCache[tuple[str, int], Instrument] = TTLCache(ENTRIES_KEPT, INSTRUMENT_SECONDS, timer)

    async def look_up(
        self, owner_id: str, instrument_ids: Sequence[int], session: Session
    ) -> tuple[dict[int, Mark], dict[int, Instrument]]:
        """Give the marks of instruments at a session, and the instruments, as an owner may see them, by id."""
        pins = {i: (owner_id, i, session.as_of_date, session.data_version) for i in instrument_ids}
        owned = {i: (owner_id, i) for i in instrument_ids}

        async def ask_marks(ids: list[int]) -> dict[int, Mark]:
            return await self._marketdata.marks(ids, session)

        marks, instruments = await asyncio.gather(
            _known(self._marks, pins, ask_marks), _known(self._instruments, owned, self._marketdata.instruments)
        )
        return marks, instruments

    async def rates(self, asked: Foreign | None, session: Session, base_currency: str) -> ExchangeRates:
        """Give the rates of exchange that are asked for; of a base currency nobody needs any for its own."""
        if asked is None:
            return no_rates(base_currency)
        key = asked, session.as_of_date, session.data_version
        if (known := self._rates.get(key)) is None:
            known = self._rates[key] = await self._marketdata.rates(asked, session)
        return known

    async def splits(self, instrument_ids: Sequence[int], data_version: int) -> Splits:
        """Give the splits of the instruments that have any, as known at a version (0: the newest)."""

        async def ask(ids: list[int]) -> dict[int, Sequence[Split]]:
            found = await self._marketdata.splits(ids, data_version)
            return {i: found.get(i, ()) for i in ids}

        if not data_version:
            return await self._marketdata.splits(instrument_ids, data_version) if instrument_ids else {}
        known = await _known(self._splits, {i: (data_version, i) for i in instrument_ids}, ask)
        return {i: splits for i, splits in known.items() if splits}


async def _known(
    kept: MutableMapping[K, V], keys: dict[int, K], ask: Callable[[list[int]], Awaitable[dict[int, V]]]
) -> dict[int, V]:
    """Give what is kept by id, with what had to be asked for, which is kept now."""
    found = {i: value for i, key in keys.items() if (value := kept.get(key)) is not None}
    if missing := [i for i in keys if i not in found]:
        asked = await ask(missing)
        kept.update((keys[i], value) for i, value in asked.items())
        found |= asked
    return found
