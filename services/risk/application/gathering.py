"""Fetches what an analysis needs, all of it pinned to one session and one version, as much as possible at once."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from services.risk.domain.book import Book
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.market import MarketSlice, Session
from services.risk.ports import Market

T = TypeVar("T")


async def gather(market: Market, book: Book, session: Session, needs: Needs) -> Inputs:
    """Give the inputs of an analysis.

    Raises:
        What the port raises.
    """
    instrument_ids, followed = book.instrument_ids(), book.followed_ids()
    marks, history, factors, facts, yields = await asyncio.gather(
        _if(market.marks(instrument_ids, session) if instrument_ids else None),
        _if(market.history(followed, session, needs.sessions) if needs.sessions and followed else None),
        _if(
            market.factors(needs.asset_class, session, needs.factor_sessions) if needs.factor_sessions else None,
        ),
        _if(market.facts(followed) if needs.facts and followed else None),
        _if(market.yields(session, needs.yield_sessions) if needs.yield_sessions else None),
    )
    return Inputs(
        book=book,
        market=MarketSlice(session, marks or {}),
        history=history,
        factors=factors,
        facts=(facts or {}) if needs.facts else None,
        yields=yields,
    )


async def _if(awaited: Awaitable[T] | None) -> T | None:
    return await awaited if awaited is not None else None
