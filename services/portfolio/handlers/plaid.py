"""PlaidService: accounts at brokers."""

from typing import Any

import grpc
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.errors import InvalidFields, Violation
from plimsoll.portfolio.v1 import plaid_pb2, plaid_service_pb2, plaid_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.application.accounts import DEFAULT_CURRENCY
from services.portfolio.application.broker_imports import BrokerImports, Wanted
from services.portfolio.application.broker_logins import BrokerLogins
from services.portfolio.domain.brokerage import BrokerAccount, BrokerLine
from services.portfolio.handlers.writes import Writes

Context = grpc.aio.ServicerContext[Any, Any]


class PlaidHandler(plaid_service_pb2_grpc.PlaidServiceServicer):
    """Serves plimsoll.portfolio.v1.PlaidService."""

    def __init__(self, writes: Writes, logins: BrokerLogins, imports: BrokerImports) -> None:
        self._writes = writes
        self._logins = logins
        self._imports = imports

    async def CreateLinkToken(
        self, request: plaid_service_pb2.CreateLinkTokenRequest, context: Context
    ) -> plaid_service_pb2.LinkToken:
        """Begin a login."""
        found = await self._logins.begin(current_call().user_id)
        return plaid_service_pb2.LinkToken(link_token=found.token, expire_time=convert.timestamp(found.expire_time))

    async def ExchangePublicToken(
        self, request: plaid_service_pb2.ExchangePublicTokenRequest, context: Context
    ) -> plaid_pb2.PlaidItem:
        """Keep a login."""
        kept = await self._logins.keep(current_call().user_id, request.public_token)
        created = convert.timestamp(kept.created_time)
        return plaid_pb2.PlaidItem(plaid_item_id=kept.plaid_item_id, created_time=created)

    async def GetPlaidAccounts(
        self, request: plaid_service_pb2.GetPlaidAccountsRequest, context: Context
    ) -> plaid_pb2.PlaidAccounts:
        """Read the accounts of logins."""
        found = await self._logins.accounts(current_call().user_id, request.plaid_item_id)
        return plaid_pb2.PlaidAccounts(accounts=[_account(item, account) for item, account in found])

    async def GetPlaidPositions(
        self, request: plaid_service_pb2.GetPlaidPositionsRequest, context: Context
    ) -> plaid_pb2.PlaidPositions:
        """Read what stands in the accounts of a login."""
        found = await self._logins.statement(current_call().user_id, request.plaid_item_id)
        return plaid_pb2.PlaidPositions(positions=map(_position, found.lines), warnings=found.warnings)

    async def ImportPlaid(
        self, request: plaid_service_pb2.ImportPlaidRequest, context: Context
    ) -> plaid_service_pb2.ImportPlaidResponse:
        """Make a portfolio of accounts."""
        wanted = _wanted(request)
        read = await self._imports.read(current_call().user_id, wanted)

        async def save(connection: AsyncConnection, owner: str) -> plaid_service_pb2.ImportPlaidResponse:
            saved = await self._imports.save(connection, owner, wanted, read)
            found = read.taken
            report = convert.import_report(found.row_count, len(found.positions), len(found.cash), found.report)
            portfolio = convert.portfolio(saved) if saved else None
            return plaid_service_pb2.ImportPlaidResponse(portfolio=portfolio, report=report)

        return await self._writes.once(request, plaid_service_pb2.ImportPlaidResponse, save)


def _wanted(request: plaid_service_pb2.ImportPlaidRequest) -> Wanted:
    name = request.portfolio_name.strip()
    if bool(name) == bool(request.portfolio_id):
        rule = "must be given, or portfolio_id, and not both"
        raise InvalidFields([Violation("portfolio_name", request.portfolio_name, rule)])
    return Wanted(
        plaid_item_id=request.plaid_item_id,
        accounts=list(request.accounts),
        portfolio_name=name,
        portfolio_id=request.portfolio_id,
        base_currency=request.base_currency or DEFAULT_CURRENCY,
    )


def _account(plaid_item_id: str, account: BrokerAccount) -> plaid_pb2.PlaidAccount:
    return plaid_pb2.PlaidAccount(
        plaid_item_id=plaid_item_id,
        account=account.account_id,
        name=account.name,
        mask=account.mask,
        subtype=account.subtype,
        currency=account.currency,
        current_balance=None if account.current is None else float(account.current),
    )


def _position(line: BrokerLine) -> plaid_pb2.PlaidPosition:
    return plaid_pb2.PlaidPosition(
        account=line.account_id,
        ticker=line.ticker,
        name=line.name,
        security_type=line.security_type,
        cash_equivalent=line.cash_equivalent,
        quantity=float(line.quantity),
        stated_value=float(line.value),
        counted_value=float(line.counted_value),
        currency=line.currency,
    )
