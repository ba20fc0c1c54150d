"""What the risk service needs from outside, as its use cases see it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from riskmath.arrays import FloatArray
from services.risk.domain.book import Book, Foreign
from services.risk.domain.endings import EventPage
from services.risk.domain.inputs import FactorHistory, InstrumentFacts, OwnProxies, PriceHistory, YieldHistory
from services.risk.domain.ledger import ResultPage, StoredResult
from services.risk.domain.market import MarketSlice, PriceBasis, Session
from services.risk.domain.snapshot import Kept, Snapshot, SnapshotPage


class Books(Protocol):
    """The portfolios of users."""

    async def read(self, portfolio_id: str, revision: int, session: Session, *, anew: bool = False) -> Book:
        """Give the caller's book at one revision (0: the newest) and one session; `anew`: nothing that is kept is used.

        Raises:
            NOT_FOUND: there is no such portfolio, or it is not the caller's.
            OUT_OF_RANGE: it has no such revision.
        """
        ...

    async def read_all(self, session: Session, revisions: Mapping[str, int] | None = None) -> Book:
        """Give all portfolios of the caller as one book at one session; with revisions these portfolios, and no others.

        Raises:
            NOT_FOUND: one that is named is not there any more.
        """
        ...

    async def proxies(self, portfolio_id: str, revision: int) -> Mapping[str, OwnProxies]:
        """Give what stands for the drivers of each symbol of the caller's portfolio, stated and default, by symbol.

        Raises:
            NOT_FOUND: there is no such portfolio, or it is not the caller's.
            OUT_OF_RANGE: it has no such revision.
        """
        ...


class Market(Protocol):
    """The prices of instruments."""

    async def resolve(self, as_of_date: date | None, field: str = "as_of_date") -> Session:
        """Give the session that a day means (None: the newest sealed one), and the version known now.

        `field` is where the caller states the day.

        Raises:
            FAILED_PRECONDITION: no session was ever sealed.
            OUT_OF_RANGE: the day is before the first or after the newest sealed session.
        """
        ...

    async def marks(
        self, instrument_ids: Sequence[int], session: Session, foreign: Foreign | None = None
    ) -> MarketSlice:
        """Give the mark of every instrument named, at the session and its version, and rates of exchange up to it."""
        ...

    async def history(self, instrument_ids: Sequence[int], session: Session, sessions: int) -> PriceHistory:
        """Give total-return closes of instruments on the sessions up to one, at its version."""
        ...

    async def factors(self, asset_class: str, session: Session, sessions: int) -> FactorHistory:
        """Give closes of the funds that stand for the factors of a class, on the sessions up to one."""
        ...

    async def facts(self, instrument_ids: Sequence[int]) -> Mapping[int, InstrumentFacts]:
        """Give what instruments are, by instrument; every one of them exists."""
        ...

    async def named(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Give the instruments of symbols, by symbol; without those that nobody knows."""
        ...

    async def yields(self, session: Session, sessions: int) -> YieldHistory:
        """Give Treasury par yields of so many days up to a session."""
        ...


class PastMarkets(Market, Protocol):
    """The prices of instruments on any basis, and the days on which there were any."""

    async def sessions(self, start_date: date, end_date: date) -> tuple[date, ...]:
        """Give the sessions of the exchange between two days, both included."""
        ...

    async def closes(
        self, instrument_ids: Sequence[int], session: Session, sessions: int, basis: PriceBasis
    ) -> PriceHistory:
        """Give closes of instruments on the sessions up to one, at its version, on one basis where it is known."""
        ...


class Snapshots(Protocol):
    """What portfolios were at the close of sessions."""

    async def keep(self, owner_id: str, portfolio_id: str, snapshots: Sequence[Snapshot]) -> Kept:
        """Keep snapshots, one a session.

        One that was taken on its day gives way to a later one only where the portfolio has changed since.
        """
        ...

    async def page(self, owner_id: str, portfolio_id: str, asked: SnapshotPage) -> list[Snapshot]:
        """Give the snapshots of a range of days, the oldest first."""
        ...

    async def digest(self, owner_id: str, portfolio_id: str) -> str:
        """Give a SHA-256, in hex, of all snapshots of a portfolio: another one as soon as any of them is another."""
        ...


class Ledger(Protocol):
    """Results, as they were answered."""

    async def find(self, owner_id: str, result_id: str) -> StoredResult | None:
        """Give an owner's result; None: there is none of that id."""
        ...

    async def add(self, result: StoredResult) -> None:
        """Keep a result. One that is there already stays as it is: an id fixes the payload."""
        ...

    async def page(self, owner_id: str, asked: ResultPage) -> list[StoredResult]:
        """Give an owner's results, the newest first, without payloads."""
        ...


class Fits(Protocol):
    """Fits of instruments on the factors, by a digest of what each is made of."""

    async def find(self, keys: Sequence[str]) -> Mapping[str, FloatArray]:
        """Give those that there are, by key."""
        ...

    async def add(self, fits: Mapping[str, FloatArray]) -> None:
        """Keep fits. One that is there already stays: a key fixes its numbers."""
        ...


class Events(Protocol):
    """What happened in the portfolio service."""

    async def after(self, place: str, size: int) -> EventPage:
        """Give at most so many events that follow a place; empty: from the oldest."""
        ...


class Owned(Protocol):
    """All that is kept of users and their portfolios, and how far the events that end them have been read."""

    async def reached(self, reader: str) -> str:
        """Give the place that a reader has reached. Empty: it has read nothing yet."""
        ...

    async def forget(self, reader: str, reached: str, page: EventPage) -> bool:
        """Delete what a page of events ends, and move its reader on from the place it has reached, both or neither.

        False, and nothing was done: the reader is not there any more, another process has moved it on.
        """
        ...
