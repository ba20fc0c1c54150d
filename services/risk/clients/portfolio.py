"""Books, read from the portfolio service."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import date

import grpc
import numpy as np
from cachetools import LRUCache

from plimsoll.portfolio.v1.cash_movement_pb2 import CashMovement as MovementMessage
from plimsoll.portfolio.v1.portfolio_service_pb2 import Book as BookMessage
from plimsoll.portfolio.v1.portfolio_service_pb2 import GetBookRequest, GetBooksRequest
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import PortfolioServiceStub
from plimsoll.portfolio.v1.position_pb2 import CashBalance as CashMessage
from plimsoll.portfolio.v1.position_pb2 import Position
from plimsoll.portfolio.v1.risk_settings_pb2 import StockFactorProxies
from plimsoll.portfolio.v1.risk_settings_service_pb2 import GetFactorProxiesRequest
from plimsoll.portfolio.v1.risk_settings_service_pb2_grpc import RiskSettingsServiceStub
from riskmath.arrays import FloatArray
from riskmath.stock_proxies import PROXIES
from services.risk.domain.book import Book, CashBalance, CashMovement, Positions
from services.risk.domain.inputs import OwnProxies
from services.risk.domain.joined_book import join
from services.risk.domain.market import Session

POSITIONS_KEPT = 100_000
"""Positions, of all books together, that one process keeps."""


class PortfolioClient:
    """Implements `ports.Books`.

    Every read asks the service, which proves that the caller may; the book itself comes over the wire once a
    revision and session.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._portfolio = PortfolioServiceStub(channel)
        self._settings = RiskSettingsServiceStub(channel)
        self._known: LRUCache[tuple[str, date, int], Book] = LRUCache(POSITIONS_KEPT, getsizeof=_size)

    async def read(self, portfolio_id: str, revision: int, session: Session, *, anew: bool = False) -> Book:
        """Give the caller's book at one revision (0: the newest) and one session; `anew`: nothing that is kept is used.

        Raises:
            grpc.aio.AioRpcError: as `ports.Books` says, or the service does not answer.
        """
        key = portfolio_id, session.as_of_date, session.data_version
        known = None if anew else self._known.get(key)
        answer = await self._portfolio.GetBook(
            GetBookRequest(
                portfolio_id=portfolio_id,
                revision=revision,
                as_of_date=session.as_of_date.isoformat(),
                known_revision=known.revision if known else 0,
                data_version=session.data_version,
            )
        )
        if known and answer.unchanged:
            return known
        book = _book(answer)
        if _size(book) <= POSITIONS_KEPT:
            self._known[key] = book
        return book

    async def read_all(self, session: Session, revisions: Mapping[str, int] | None = None) -> Book:
        """Give all portfolios of the caller as one book, in one call; with revisions these portfolios, and no others.

        Raises:
            grpc.aio.AioRpcError: as `ports.Books` says, or the service does not answer.
        """
        if revisions == {}:  # of a user who had no portfolio; the service would take it for all of them
            return join([])
        request = GetBooksRequest(
            as_of_date=session.as_of_date.isoformat(), data_version=session.data_version, revisions=revisions
        )
        return join([_book(message) for message in (await self._portfolio.GetBooks(request)).books])

    async def proxies(self, portfolio_id: str, revision: int) -> Mapping[str, OwnProxies]:
        """Give what stands for the drivers of each symbol of the caller's portfolio, stated and default, by symbol.

        Raises:
            grpc.aio.AioRpcError: as `ports.Books` says, or the service does not answer.
        """
        request = GetFactorProxiesRequest(portfolio_id=portfolio_id, portfolio_revision=revision)
        answer = await self._settings.GetFactorProxies(request)
        return {symbol: _proxies(message) for symbol, message in answer.proxies.items()}


def _proxies(message: StockFactorProxies) -> OwnProxies:
    said = [getattr(message, name) for name in PROXIES]
    return OwnProxies(
        symbols=tuple(((each,) if each else ()) if isinstance(each, str) else tuple(each) for each in said),
        stated=tuple(name in message.stated for name in PROXIES),
    )


def _size(book: Book) -> int:
    return 1 + len(book.held.position_ids) + len(book.closed.position_ids)


def _book(message: BookMessage) -> Book:
    return Book(
        portfolio_id=message.portfolio.portfolio_id,
        revision=message.revision,
        base_currency=message.portfolio.base_currency,
        held=_positions(message.positions, np.full(len(message.positions), np.nan)),
        closed=_positions(message.closed_positions, _exit_prices(message.closed_positions)),
        cash=tuple(map(_cash, message.cash)),
        cash_reason=message.cash_reason,
        benchmark=message.portfolio.benchmark,
        movements=tuple(map(_movement, message.cash_movements)),
        digest=hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest(),
    )


def _positions(messages: Sequence[Position], exit_price: FloatArray) -> Positions:
    return Positions(
        position_ids=tuple(position.position_id for position in messages),
        symbols=tuple(position.symbol for position in messages),
        instrument_ids=tuple(position.instrument_id for position in messages),
        underlying_ids=tuple(
            position.option.underlying_instrument_id if position.HasField("option") else position.instrument_id
            for position in messages
        ),
        currencies=tuple(position.currency for position in messages),
        is_option=np.array([position.HasField("option") for position in messages], dtype=bool),
        quantity=_column(messages, "quantity"),
        multiplier=_column(messages, "multiplier"),
        entry_price=_column(messages, "entry_price"),
        exit_price=exit_price,
        entry_dates=tuple(date.fromisoformat(position.entry_date) for position in messages),
        exit_dates=tuple(_optional_date(position.exit_date) for position in messages),
        position_types=tuple(Position.Type.Name(position.position_type) for position in messages),
        tags=tuple(tuple(position.tags) for position in messages),
        strategies=tuple(position.strategy for position in messages),
        underlying_symbols=tuple(
            position.option.underlying_symbol if position.HasField("option") else position.symbol
            for position in messages
        ),
        expiry_dates=tuple(_optional_date(position.option.expiry_date) for position in messages),
    )


def _cash(message: CashMessage) -> CashBalance:
    if not math.isfinite(message.amount):
        raise ValueError(f"cash in {message.currency} is {message.amount}: must be finite")
    return CashBalance(message.currency, message.amount)


def _movement(message: MovementMessage) -> CashMovement:
    if not math.isfinite(message.amount):
        raise ValueError(f"cash movement {message.movement_id} is {message.amount}: must be finite")
    kind = MovementMessage.Kind.Name(message.kind)
    return CashMovement(kind, message.currency, message.amount, date.fromisoformat(message.movement_date))


def _optional_date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _exit_prices(messages: Sequence[Position]) -> FloatArray:
    for position in messages:
        if not position.HasField("exit_price"):
            raise ValueError(f"position {position.position_id} is closed and has no exit price")
    return _column(messages, "exit_price")


def _column(messages: Sequence[Position], field: str) -> FloatArray:
    """Give a column of numbers.

    Raises:
        ValueError: one of them is not finite. A book never has a missing number; were one to come, it must not pass
            for a missing price further on.
    """
    column = np.array([getattr(position, field) for position in messages], dtype=np.float64)
    if not np.isfinite(column).all():
        row = int(np.argmin(np.isfinite(column)))
        raise ValueError(f"{field} of position {messages[row].position_id} is {column[row]}: must be finite")
    return column
