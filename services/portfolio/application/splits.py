"""Positions and books in the shares of a day: marketdata knows the splits, and the contracts that options became."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.portfolio.application.known_market import KnownMarket
from services.portfolio.domain.book import Book, Date, Position
from services.portfolio.domain.splits import Contents, Splits, book_told_on, told_on
from services.portfolio.ports import MarketData

NO_INSTRUMENT = 2**31 - 1
"""An id that no instrument has, so that what cannot be a contract has no mark, as of an unknown instrument."""


@dataclass(frozen=True, slots=True)
class Retelling:
    """Tells positions in the shares of a day."""

    marketdata: MarketData
    known: KnownMarket

    async def books(self, day: Date, contents: Sequence[Contents], data_version: int) -> list[Book]:
        """Give the books of some contents at the close of a day, with the splits known at a version (0: the newest)."""
        splits = await self._splits([position for positions, _, _ in contents for position in positions], data_version)
        books = [book_told_on(day, found, splits) for found in contents]
        if not splits:
            return books
        return [replace(book, positions=tuple(await self._contracts(book.positions))) for book in books]

    async def positions(self, day: Date, found: Sequence[Position], data_version: int) -> list[Position]:
        """Give positions in the shares of a day, with the splits known at a version (0: the newest)."""
        splits = await self._splits(found, data_version)
        return await self._contracts([told_on(day, position, splits) for position in found])

    async def _splits(self, found: Sequence[Position], data_version: int) -> Splits:
        ids = sorted({position.underlying_instrument_id for position in found})
        return await self.known.splits(ids, data_version)

    async def _contracts(self, told: Sequence[Position]) -> list[Position]:
        """Give positions with the instruments of the contracts that options have become."""
        symbols = sorted({position.symbol for position in told if position.option and position.entered})
        if not symbols:
            return list(told)
        resolved = await self.marketdata.resolve_instruments(symbols)
        ids = {s: NO_INSTRUMENT if isinstance(found, str) else found.instrument_id for s, found in resolved.items()}
        return [
            replace(position, instrument_id=ids[position.symbol]) if position.option and position.entered else position
            for position in told
        ]
