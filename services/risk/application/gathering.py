"""Fetches what an analysis needs, all of it pinned to one session and one version, as much as possible at once."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, TypeVar

from chassis.errors import InvalidFields, Violation
from riskmath.stock_proxies import PROXIES
from services.risk.domain.base_closes import in_base
from services.risk.domain.book import NO_BOOK, Book
from services.risk.domain.inputs import Before, BookProxies, Inputs, Needs, OwnProxies, newest
from services.risk.domain.joined_book import ALL
from services.risk.domain.market import MarketSlice, Session
from services.risk.domain.snapshot import Snapshot, SnapshotPage
from services.risk.ports import Books, Market, Snapshots

WINDOWS: Final = (757, 2520)
"""Analyses of a book want 91 to 757 sessions of the same instruments, one after another: those are read once and cut.
The cut does not depend on what was read before, so a replay cuts alike."""
MOST_CLOSES: Final = 400_000
"""Beyond it no more is read than is needed."""
RATES_BACK: Final = timedelta(days=4_100)
"""Rates of exchange go back further than any history of prices, always as far, so that all analyses read the same."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gathering:
    """Gives books, and the inputs of analyses."""

    books: Books
    market: Market
    snapshots: Snapshots

    async def book(
        self,
        portfolio_id: str,
        revision: int,
        session: Session,
        *,
        parts: Mapping[str, int] | None = None,
        anew: bool = False,
    ) -> Book:
        """Give a book, as the port does; where an answer is about no portfolio, one that has nothing in it.

        Args:
            portfolio_id: of one portfolio, or `all`.
            revision: of one portfolio. 0: the newest.
            session: whose close.
            parts: of `all`, the portfolios and the revision of each. None: all that there are, at their newest.
            anew: nothing that is kept is used.

        Raises:
            InvalidFields: a revision of all portfolios is asked for.
            What the port raises.
        """
        if portfolio_id != ALL:
            return await self.books.read(portfolio_id, revision, session, anew=anew) if portfolio_id else NO_BOOK
        if revision:
            rule = f"must be left out with {ALL}: each portfolio has revisions of its own"
            raise InvalidFields([Violation("portfolio_revision", str(revision), rule)])
        return await self.books.read_all(session, parts)

    async def inputs(self, owner_id: str, book: Book, session: Session, needs: Needs, *, anew: bool = False) -> Inputs:
        """Give the inputs of an analysis; `anew`: nothing that is kept is used.

        Raises:
            InvalidFields: the earlier session that it needs is none before this one.
            What the ports raise.
        """
        market, instrument_ids, followed = self.market, book.instrument_ids(), book.followed_ids()
        foreign = book.foreign(session.as_of_date, session.as_of_date - RATES_BACK)
        named = tuple(sorted({*followed, *book.closed.underlying_ids})) if needs.closed else followed
        proxies = await self._proxies(book) if needs.proxies else None
        priced = sorted({*followed, *proxies.instrument_ids.values()}) if proxies else followed
        sessions, factor_sessions = _shared(needs.sessions, len(priced)), _shared(needs.factor_sessions, 1)
        (snapshots, before), marks, history, factors, facts, yields = await asyncio.gather(
            asyncio.gather(
                _if(self._snapshots(owner_id, book, session) if needs.snapshots else None),
                _if(self._before(book, session, needs.before, anew=anew) if needs.before else None),
            ),
            _if(market.marks(instrument_ids, session, foreign) if instrument_ids or foreign else None),
            _if(market.history(priced, session, sessions) if sessions and priced else None),
            _if(market.factors(needs.asset_class, session, factor_sessions) if factor_sessions else None),
            _if(market.facts(named) if needs.facts and named else None),
            _if(market.yields(session, needs.yield_sessions) if needs.yield_sessions else None),
        )
        known = marks or MarketSlice(session, {})
        return Inputs(
            book=book,
            market=known,
            history=in_base(newest(history, needs.sessions), book, known) if history else None,
            factors=newest(factors, needs.factor_sessions) if factors else None,
            facts=(facts or {}) if needs.facts else None,
            yields=yields,
            proxies=proxies,
            snapshots=snapshots,
            before=before,
        )

    async def _proxies(self, book: Book) -> BookProxies:
        """Read what stands for the drivers of what a book follows: two calls, whatever it follows."""
        known = await self.books.proxies(book.portfolio_id, book.revision)
        nothing = OwnProxies(((),) * len(PROXIES), (False,) * len(PROXIES))
        own = {symbol: known.get(symbol, nothing) for symbol in book.held.underlying_symbols}
        symbols = sorted({symbol for proxies in own.values() for symbol in proxies.named()})
        return BookProxies(own, await self.market.named(symbols) if symbols else {})

    async def _snapshots(self, owner_id: str, book: Book, session: Session) -> tuple[Snapshot, ...]:
        if book.parts is not None:
            return ()  # they are taken of one portfolio each
        asked = SnapshotPage(end=session.as_of_date)
        return tuple(await self.snapshots.page(owner_id, book.portfolio_id, asked))

    async def _before(self, book: Book, session: Session, day: str, *, anew: bool) -> Before:
        """Read the same revision at the earlier session, with the market data of the same version."""
        asked = session.as_of_date - timedelta(days=1) if day == "previous" else date.fromisoformat(day)
        if asked >= session.as_of_date:
            raise InvalidFields([Violation("start_date", day, f"must be before {session.as_of_date}")])
        earlier = replace(await self.market.resolve(asked, "start_date"), data_version=session.data_version)
        then = await self.book(book.portfolio_id, book.revision, earlier, parts=book.parts, anew=anew)
        ids, foreign = then.instrument_ids(), then.foreign(earlier.as_of_date, earlier.as_of_date)
        marks = await self.market.marks(ids, earlier, foreign) if ids or foreign else MarketSlice(earlier, {})
        return Before(then, marks)


def _shared(sessions: int, columns: int) -> int:
    """Give how many sessions to read where so many are needed."""
    wide = next((window for window in WINDOWS if window >= sessions), sessions) if sessions else 0
    return wide if wide * columns <= MOST_CLOSES else sessions


async def _if(awaited: Awaitable[T] | None) -> T | None:
    return await awaited if awaited is not None else None
