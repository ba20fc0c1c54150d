"""CashService: balances, and what moved them besides trades."""

import uuid
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.dates import parse_date, parse_optional_date
from chassis.pagination import encode_page
from plimsoll.portfolio.v1 import cash_movement_pb2, cash_service_pb2, cash_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.application.cash import Cash
from services.portfolio.application.valuation import Books
from services.portfolio.domain.book import CashMovement, MovementKind
from services.portfolio.handlers.etags import expected_revision, tell_revision
from services.portfolio.handlers.page_tokens import place_of
from services.portfolio.handlers.position_requests import decimal
from services.portfolio.handlers.writes import Writes
from services.portfolio.storage import cash, portfolios
from services.portfolio.storage.cash import MovementFilter, Place

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 100


class CashHandler(cash_service_pb2_grpc.CashServiceServicer):
    """Serves plimsoll.portfolio.v1.CashService."""

    def __init__(self, database: Database, writes: Writes, books: Books, stating: Cash) -> None:
        self._database = database
        self._writes = writes
        self._books = books
        self._cash = stating

    async def GetCashBalances(
        self, request: cash_service_pb2.GetCashBalancesRequest, context: Context
    ) -> cash_service_pb2.CashBalances:
        """Read the cash of a portfolio, as stated or at a day."""
        day = parse_optional_date("as_of_date", request.as_of_date)
        owner = current_call().user_id
        portfolio = await self._books.glance(owner, request.portfolio_id, request.portfolio_revision)
        balances = await self._books.cash(portfolio, day)
        await tell_revision(context, portfolio.revision)
        return convert.cash_balances(portfolio, balances)

    async def PutCashBalances(
        self, request: cash_service_pb2.PutCashBalancesRequest, context: Context
    ) -> cash_service_pb2.CashBalances:
        """State the balances of some currencies."""
        day = parse_date("balance_date", request.balance_date)
        revision = expected_revision(request.revision)
        stated = {currency: decimal(amount) for currency, amount in request.balances.items()}

        async def put(connection: AsyncConnection, owner: str) -> cash_service_pb2.CashBalances:
            portfolio, balances = await self._cash.state(connection, owner, request.portfolio_id, stated, day, revision)
            return convert.cash_balances(portfolio, balances)

        answer = await self._writes.once(request, cash_service_pb2.CashBalances, put)
        await tell_revision(context, answer.portfolio_revision)
        return answer

    async def DeleteCashBalance(
        self, request: cash_service_pb2.DeleteCashBalanceRequest, context: Context
    ) -> empty_pb2.Empty:
        """Take back what was stated of a currency."""
        revision = expected_revision(request.revision)

        async def delete(connection: AsyncConnection, owner: str) -> empty_pb2.Empty:
            await self._cash.retract(connection, owner, request.portfolio_id, request.currency, revision)
            return empty_pb2.Empty()

        return await self._writes.once(request, empty_pb2.Empty, delete)

    async def ListCashMovements(
        self, request: cash_service_pb2.ListCashMovementsRequest, context: Context
    ) -> cash_service_pb2.ListCashMovementsResponse:
        """List movements by day."""
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        wanted, after = _filter(request), _place(request.page_token)
        async with self._database.transaction(owner) as connection:
            portfolio = await portfolios.get(connection, owner, request.portfolio_id, request.portfolio_revision)
            found = await cash.movements(connection, portfolio, wanted, after, size + 1)
        more = _token(found[size - 1]) if len(found) > size else ""
        return cash_service_pb2.ListCashMovementsResponse(
            movements=map(convert.cash_movement, found[:size]), next_page_token=more
        )

    async def CreateCashMovement(
        self, request: cash_service_pb2.CreateCashMovementRequest, context: Context
    ) -> cash_movement_pb2.CashMovement:
        """State a movement."""
        movement = CashMovement(
            movement_id=str(uuid.uuid4()),
            kind=cast("MovementKind", cash_movement_pb2.CashMovement.Kind.Name(request.kind)),
            currency=request.currency,
            amount=decimal(request.amount),
            movement_date=parse_date("movement_date", request.movement_date),
            symbol=request.symbol.strip().upper(),
            note=request.note.strip(),
        )

        async def create(connection: AsyncConnection, owner: str) -> cash_movement_pb2.CashMovement:
            made = await self._cash.add_movement(connection, owner, request.portfolio_id, movement)
            return convert.cash_movement(made)

        return await self._writes.once(request, cash_movement_pb2.CashMovement, create)

    async def DeleteCashMovement(
        self, request: cash_service_pb2.DeleteCashMovementRequest, context: Context
    ) -> empty_pb2.Empty:
        """Take a movement back."""

        async def delete(connection: AsyncConnection, owner: str) -> empty_pb2.Empty:
            await self._cash.remove_movement(connection, owner, request.portfolio_id, request.movement_id)
            return empty_pb2.Empty()

        return await self._writes.once(request, empty_pb2.Empty, delete)


def _filter(request: cash_service_pb2.ListCashMovementsRequest) -> MovementFilter:
    return MovementFilter(
        currency=request.currency,
        kinds=[cash_movement_pb2.CashMovement.Kind.Name(kind) for kind in request.kinds],
        start_date=parse_optional_date("start_date", request.start_date),
        end_date=parse_optional_date("end_date", request.end_date),
    )


def _token(last: CashMovement) -> str:
    return encode_page({"date": str(last.movement_date), "revision": str(last.revision), "id": last.movement_id})


def _place(token: str) -> Place | None:
    place = place_of(token, ids=("id",), counters=("revision",), texts=("date",))
    return Place(parse_date("page_token", place["date"]), int(place["revision"]), place["id"]) if place else None
