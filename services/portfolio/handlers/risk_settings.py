"""RiskSettingsService: limits, factor proxies and expected returns."""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.dates import parse_date, parse_optional_date
from chassis.errors import InvalidFields, Violation
from plimsoll.portfolio.v1 import risk_settings_pb2, risk_settings_service_pb2, risk_settings_service_pb2_grpc
from services.portfolio import convert_settings
from services.portfolio.application.risk_settings import RiskSettings
from services.portfolio.domain.expected_return import ExpectedReturn
from services.portfolio.domain.factor_proxies import StockProxies
from services.portfolio.domain.risk_limits import RiskLimits, broken_rule
from services.portfolio.handlers.etags import expected_revision, tell_revision
from services.portfolio.handlers.position_requests import decimal
from services.portfolio.handlers.symbols import by_symbol, symbol_of
from services.portfolio.handlers.writes import Writes

Context = grpc.aio.ServicerContext[Any, Any]


class RiskSettingsHandler(risk_settings_service_pb2_grpc.RiskSettingsServiceServicer):
    """Serves plimsoll.portfolio.v1.RiskSettingsService."""

    def __init__(self, writes: Writes, settings: RiskSettings) -> None:
        self._writes = writes
        self._settings = settings

    async def GetRiskLimits(
        self, request: risk_settings_service_pb2.GetRiskLimitsRequest, context: Context
    ) -> risk_settings_pb2.RiskLimits:
        """Read the limits of a portfolio."""
        owner = current_call().user_id
        portfolio, limits = await self._settings.limits(owner, request.portfolio_id, request.portfolio_revision)
        await tell_revision(context, portfolio.revision)
        return convert_settings.risk_limits(portfolio, limits)

    async def PutRiskLimits(
        self, request: risk_settings_service_pb2.PutRiskLimitsRequest, context: Context
    ) -> risk_settings_pb2.RiskLimits:
        """Replace the stated limits."""
        _refuse_broken(request.limits)
        return await self._state(request, RiskLimits(dict(request.limits), dict(request.additional)), context)

    async def ResetRiskLimits(
        self, request: risk_settings_service_pb2.ResetRiskLimitsRequest, context: Context
    ) -> risk_settings_pb2.RiskLimits:
        """Take back every stated limit."""
        return await self._state(request, RiskLimits(), context)

    async def GetFactorProxies(
        self, request: risk_settings_service_pb2.GetFactorProxiesRequest, context: Context
    ) -> risk_settings_pb2.FactorProxies:
        """Read the proxies of a portfolio."""
        owner = current_call().user_id
        found = await self._settings.proxies(owner, request.portfolio_id, request.portfolio_revision)
        await tell_revision(context, found.portfolio.revision)
        return convert_settings.factor_proxies(found)

    async def PutFactorProxies(
        self, request: risk_settings_service_pb2.PutFactorProxiesRequest, context: Context
    ) -> risk_settings_pb2.FactorProxies:
        """State the proxies of some symbols."""
        revision = expected_revision(request.revision)
        stated = {symbol: _proxies(said) for symbol, said in by_symbol("proxies", request.proxies).items()}
        reset = list(by_symbol("reset_symbols", dict.fromkeys(request.reset_symbols)))
        _refuse_empty_or_twice(stated, reset)
        places = {f"proxies[{s}].{place}": name for s, p in stated.items() for place, name in p.symbols.items()}
        await self._settings.refuse_unknown(places | {f"proxies[{symbol}]": symbol for symbol in stated})

        async def put(connection: AsyncConnection, owner: str) -> risk_settings_pb2.FactorProxies:
            portfolio_id = request.portfolio_id
            await self._settings.state_proxies(connection, owner, portfolio_id, stated, reset, revision)
            return risk_settings_pb2.FactorProxies(portfolio_id=portfolio_id)

        answer = await self._writes.once(request, risk_settings_pb2.FactorProxies, put)
        # What was stated is saved; the defaults around it are read as they are now.
        found = await self._settings.proxies(current_call().user_id, answer.portfolio_id, 0)
        await tell_revision(context, found.portfolio.revision)
        return convert_settings.factor_proxies(found)

    async def GetExpectedReturns(
        self, request: risk_settings_service_pb2.GetExpectedReturnsRequest, context: Context
    ) -> risk_settings_pb2.ExpectedReturns:
        """Read what symbols are expected to return."""
        day = parse_optional_date("as_of_date", request.as_of_date)
        portfolio, found = await self._settings.expected(
            current_call().user_id, request.portfolio_id, request.portfolio_revision, day, history=request.history
        )
        await tell_revision(context, portfolio.revision)
        return convert_settings.expected_returns(portfolio, found)

    async def PutExpectedReturns(
        self, request: risk_settings_service_pb2.PutExpectedReturnsRequest, context: Context
    ) -> risk_settings_pb2.ExpectedReturns:
        """State what symbols are expected to return from a day on."""
        day = parse_date("effective_date", request.effective_date)
        expected = by_symbol("expected_returns", request.expected_returns)
        await self._settings.refuse_unknown({f"expected_returns[{symbol}]": symbol for symbol in expected})
        stated = [ExpectedReturn(symbol, decimal(value), day) for symbol, value in expected.items()]

        async def put(connection: AsyncConnection, owner: str) -> risk_settings_pb2.ExpectedReturns:
            portfolio, found = await self._settings.state_expected(connection, owner, request.portfolio_id, stated)
            return convert_settings.expected_returns(portfolio, found)

        answer = await self._writes.once(request, risk_settings_pb2.ExpectedReturns, put)
        await tell_revision(context, answer.portfolio_revision)
        return answer

    async def _state(
        self,
        request: risk_settings_service_pb2.PutRiskLimitsRequest | risk_settings_service_pb2.ResetRiskLimitsRequest,
        limits: RiskLimits,
        context: Context,
    ) -> risk_settings_pb2.RiskLimits:
        revision = expected_revision(request.revision)

        async def state(connection: AsyncConnection, owner: str) -> risk_settings_pb2.RiskLimits:
            portfolio = await self._settings.state_limits(connection, owner, request.portfolio_id, limits, revision)
            return convert_settings.risk_limits(portfolio, limits)

        answer = await self._writes.once(request, risk_settings_pb2.RiskLimits, state)
        await tell_revision(context, answer.portfolio_revision)
        return answer


def _refuse_broken(limits: Mapping[str, float]) -> None:
    broken = [
        Violation(f"limits[{name}]", f"{value:g}", rule)
        for name, value in limits.items()
        if (rule := broken_rule(name, value))
    ]
    if broken:
        raise InvalidFields(broken)


def _proxies(said: risk_settings_service_pb2.PutFactorProxiesRequest.StatedProxies) -> StockProxies:
    return StockProxies(
        market=symbol_of(said.market),
        momentum=symbol_of(said.momentum),
        value=symbol_of(said.value),
        industry=symbol_of(said.industry),
        subindustry=tuple(dict.fromkeys(map(symbol_of, said.subindustry))),
    )


def _refuse_empty_or_twice(stated: Mapping[str, StockProxies], reset: Iterable[str]) -> None:
    """Refuse an entry that states nothing, which must be a misspelt one, and a symbol that is also to be reset."""
    rule = "states nothing: give market, momentum, value, industry or subindustry"
    wrong = [Violation(f"proxies[{symbol}]", "", rule) for symbol, proxies in stated.items() if not proxies.said]
    wrong += [Violation("reset_symbols", symbol, "is one of proxies, too") for symbol in reset if symbol in stated]
    if wrong:
        raise InvalidFields(wrong)
