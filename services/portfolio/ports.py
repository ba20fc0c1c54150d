"""What the portfolio service needs from outside, as it sees it."""

import datetime
from collections.abc import Sequence
from typing import Protocol

from riskmath.exchange import ExchangeRates
from services.portfolio.domain.brokerage import BrokerAccount, BrokerStatement, Connection, LinkToken
from services.portfolio.domain.factor_proxies import DefaultProxies
from services.portfolio.domain.foreign import Foreign
from services.portfolio.domain.market import Calendar, Instrument, Mark, Session
from services.portfolio.domain.price_history import FactorEtf, History
from services.portfolio.domain.splits import Splits
from services.portfolio.domain.user import ProvenIdentity


class MarketData(Protocol):
    """The marketdata service."""

    async def resolve_instruments(self, symbols: Sequence[str]) -> dict[str, Instrument | str]:
        """Give for each symbol its instrument, or the reason why there is none."""
        ...

    async def instruments(self, instrument_ids: Sequence[int]) -> dict[int, Instrument]:
        """Give the instruments that exist, by id."""
        ...

    async def marks(self, instrument_ids: Sequence[int], session: Session) -> dict[int, Mark]:
        """Give the mark of each instrument at a session."""
        ...

    async def rates(self, asked: Foreign, session: Session) -> ExchangeRates:
        """Give rates of exchange at a session, and before it from the first day asked for."""
        ...

    async def splits(self, instrument_ids: Sequence[int], data_version: int) -> Splits:
        """Give the splits of instruments as known at a version (0: the newest), the oldest first."""
        ...

    async def session(self, as_of_date: datetime.date | None) -> Session:
        """Give the session that a date means; without one, the newest that is sealed."""
        ...

    async def calendar(self, start: datetime.date, end: datetime.date) -> Calendar:
        """Give the sessions in a range of days."""
        ...

    async def history(
        self, symbol: str, start: datetime.date, end: datetime.date, data_version: int, price_basis: str
    ) -> History:
        """Give the bars of a symbol over a range of days as known at a version, or why there are none."""
        ...

    async def factor_etfs(self, as_of_date: datetime.date) -> list[FactorEtf]:
        """Give the funds that stand for the factors which are active at a date, in display order."""
        ...

    async def default_proxies(self) -> DefaultProxies:
        """Give what stands for the drivers of returns by default, by exchange and industry."""
        ...


class IdentityProvider(Protocol):
    """Another identity provider, whose word opens sessions here."""

    async def verify(self, id_token: str, nonce: str) -> ProvenIdentity:
        """Give whom a token proves; raises Unauthenticated where it proves nobody."""
        ...


class Brokerage(Protocol):
    """Who reads at brokers for users who signed in there."""

    async def link_token(self, user_id: str) -> LinkToken:
        """Begin a login of a user."""
        ...

    async def exchange(self, public_token: str) -> Connection:
        """Turn what a login gave into the right to read; raises InvalidFields where it is none, or too old."""
        ...

    async def accounts(self, access_token: str) -> tuple[BrokerAccount, ...]:
        """Give the investment accounts of a login."""
        ...

    async def statement(self, access_token: str) -> BrokerStatement:
        """Give what stands in the investment accounts of a login."""
        ...


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> datetime.datetime:
        """Give the present time, in UTC."""
        ...
