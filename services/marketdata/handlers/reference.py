"""ReferenceService: parse, call, render. Six sets are read and replaced alike."""

from dataclasses import replace
from typing import Any

import grpc
from google.protobuf.message import Message

from chassis.call import current_call
from chassis.database import Database
from chassis.dates import parse_optional_date
from chassis.idempotency import once
from plimsoll.marketdata.v1 import reference_service_pb2 as pb
from plimsoll.marketdata.v1.reference_service_pb2_grpc import ReferenceServiceServicer
from services.marketdata import convert
from services.marketdata.application.factors import read_factors
from services.marketdata.handlers.reference_sets import (
    CASH_ALIASES,
    CASH_PROXIES,
    EXCHANGE_PROXIES,
    FACTOR_DEFINITIONS,
    INDUSTRY_PROXIES,
    POSITION_LABELS,
    M,
    Wording,
)
from services.marketdata.handlers.requests import DEFAULT_FACTORS, asset_class, page_of
from services.marketdata.storage import reference_sets

Context = grpc.aio.ServicerContext[Any, Any]


class ReferenceHandler(ReferenceServiceServicer):
    """Serves the facts that analyses are set up with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListFactorDefinitions(
        self, request: pb.ListFactorDefinitionsRequest, context: Context
    ) -> pb.ListFactorDefinitionsResponse:
        """Answer the factors of an asset class."""
        as_of = parse_optional_date("as_of_date", request.as_of_date)
        of = asset_class(request.asset_class)
        found = await read_factors(self._database, of, as_of)
        size = request.page_size or DEFAULT_FACTORS
        page, token = page_of(found.factors, lambda factor: factor.key, request.page_token, size)
        return convert.factors_message(of, replace(found, factors=page), token)

    async def GetFactorDefinitions(
        self, request: pb.GetFactorDefinitionsRequest, context: Context
    ) -> pb.FactorDefinitions:
        """Answer the factors of every asset class as they are defined."""
        return await self._get(FACTOR_DEFINITIONS, request.version)

    async def PutFactorDefinitions(
        self, request: pb.PutFactorDefinitionsRequest, context: Context
    ) -> pb.FactorDefinitions:
        """Replace them."""
        return await self._put(FACTOR_DEFINITIONS, request, request.version)

    async def GetCashProxies(self, request: pb.GetCashProxiesRequest, context: Context) -> pb.CashProxies:
        """Answer the funds that stand for cash."""
        return await self._get(CASH_PROXIES, request.version)

    async def PutCashProxies(self, request: pb.PutCashProxiesRequest, context: Context) -> pb.CashProxies:
        """Replace them."""
        return await self._put(CASH_PROXIES, request, request.version)

    async def GetCashAliases(self, request: pb.GetCashAliasesRequest, context: Context) -> pb.CashAliases:
        """Answer the names under which files state cash."""
        return await self._get(CASH_ALIASES, request.version)

    async def PutCashAliases(self, request: pb.PutCashAliasesRequest, context: Context) -> pb.CashAliases:
        """Replace them."""
        return await self._put(CASH_ALIASES, request, request.version)

    async def GetExchangeProxies(self, request: pb.GetExchangeProxiesRequest, context: Context) -> pb.ExchangeProxies:
        """Answer the funds that stand for market, momentum and value."""
        return await self._get(EXCHANGE_PROXIES, request.version)

    async def PutExchangeProxies(self, request: pb.PutExchangeProxiesRequest, context: Context) -> pb.ExchangeProxies:
        """Replace them."""
        return await self._put(EXCHANGE_PROXIES, request, request.version)

    async def GetIndustryProxies(self, request: pb.GetIndustryProxiesRequest, context: Context) -> pb.IndustryProxies:
        """Answer the funds that stand for sectors and industries."""
        return await self._get(INDUSTRY_PROXIES, request.version)

    async def PutIndustryProxies(self, request: pb.PutIndustryProxiesRequest, context: Context) -> pb.IndustryProxies:
        """Replace them."""
        return await self._put(INDUSTRY_PROXIES, request, request.version)

    async def GetPositionLabels(self, request: pb.GetPositionLabelsRequest, context: Context) -> pb.PositionLabels:
        """Answer the names that symbols are shown under."""
        return await self._get(POSITION_LABELS, request.version)

    async def PutPositionLabels(self, request: pb.PutPositionLabelsRequest, context: Context) -> pb.PositionLabels:
        """Replace them."""
        return await self._put(POSITION_LABELS, request, request.version)

    async def _get(self, of: Wording[M], version: int) -> M:
        async with self._database.transaction() as connection:
            found = await reference_sets.get(connection, of.kind, version)
        return of.render(found.entries, found.version)

    async def _put(self, of: Wording[M], request: Message, read_version: int) -> M:
        call, entries = current_call(), of.read(request)
        async with self._database.transaction(call.user_id) as connection:

            async def write() -> M:
                version = await reference_sets.replace(connection, of.kind, entries, read_version, call.user_id)
                return of.render(entries, version)

            return await once(connection, call, request, of.message, write)
