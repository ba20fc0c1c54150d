"""Answers about scenarios: the library, stress tests, moves of the market and of yields."""

from collections.abc import Sequence
from typing import Any, Protocol

import grpc

from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import stress_pb2
from services.risk.domain.scenarios import Scenario, market_scenarios, rate_scenarios
from services.risk.domain.stress_test import MARKET_SCENARIOS, RATE_SCENARIOS, STRESS_TEST, StressParameters
from services.risk.handlers.answering import Answering, stated
from services.risk.handlers.stated_scenarios import read_custom, read_replays

Context = grpc.aio.ServicerContext[Any, Any]
PAGE_SIZE = 50


class AboutMoves(Protocol):
    """What every request about a fixed set of scenarios says."""

    portfolio_id: str
    as_of_date: str
    portfolio_revision: int
    max_positions: int


class StressAnalytics(Answering):
    """Scenarios and what they do to a book."""

    _library: Sequence[Scenario]

    async def ListStressScenarios(
        self, request: pb.ListStressScenariosRequest, context: Context
    ) -> pb.ListStressScenariosResponse:
        """Answer a page of the library."""
        found = [one for one in self._library if request.category in ("", one.category)]
        after = decode_page(request.page_token, "id").get("id", "")
        start = _place_after(found, after, request.page_token) if after else 0
        end = start + (request.page_size or PAGE_SIZE)
        token = encode_page({"id": found[end - 1].id}) if end < len(found) else ""
        return pb.ListStressScenariosResponse(scenarios=map(_message, found[start:end]), next_page_token=token)

    async def RunStressTest(self, request: pb.RunStressTestRequest, context: Context) -> stress_pb2.StressTest:
        """Answer what a portfolio makes in scenarios and in stretches of the past."""
        named = tuple(dict.fromkeys(key.strip() for key in request.scenarios.split(","))) if request.scenarios else ()
        own, replays = read_custom(request.custom_scenarios), read_replays(request.replays)
        everything = not (named or own or replays)
        parameters = StressParameters(
            scenarios=(*(self._library if everything else self._chosen(named)), *own),
            scenarios_requested=named,
            replays=replays,
            **stated(plausibility=request.plausibility, max_positions=request.max_positions),
        )
        return await self._answer(STRESS_TEST.kind, request, parameters, stress_pb2.StressTest)

    async def GetMarketScenarios(
        self, request: pb.GetMarketScenariosRequest, context: Context
    ) -> stress_pb2.StressTest:
        """Answer what a portfolio makes when the market moves."""
        return await self._moved(MARKET_SCENARIOS.kind, request, market_scenarios())

    async def GetRateScenarios(self, request: pb.GetRateScenariosRequest, context: Context) -> stress_pb2.StressTest:
        """Answer what a portfolio makes when yields move."""
        return await self._moved(RATE_SCENARIOS.kind, request, rate_scenarios())

    async def _moved(self, kind: str, request: AboutMoves, scenarios: tuple[Scenario, ...]) -> stress_pb2.StressTest:
        parameters = StressParameters(scenarios, **stated(max_positions=request.max_positions))
        return await self._answer(kind, request, parameters, stress_pb2.StressTest)

    def _chosen(self, named: Sequence[str]) -> list[Scenario]:
        by_id = {scenario.id: scenario for scenario in self._library}
        if unknown := [key for key in named if key not in by_id]:
            raise InvalidFields([Violation("scenarios", key, "is no scenario of the library") for key in unknown])
        return [by_id[key] for key in named]


def _place_after(found: Sequence[Scenario], after: str, token: str) -> int:
    for place, scenario in enumerate(found, start=1):
        if scenario.id == after:
            return place
    raise foreign_token(token)


def _message(scenario: Scenario) -> stress_pb2.StressScenario:
    return stress_pb2.StressScenario(
        id=scenario.id,
        name=scenario.name,
        category=scenario.category,
        severity=scenario.severity,
        description=scenario.description,
        factors=scenario.factors,
        yield_change_bp=1e4 * scenario.yield_change if scenario.yield_change else None,
        volatility_change=scenario.volatility_change,
        unnamed_market=scenario.unnamed_market,
        start_date=scenario.start_date,
        end_date=scenario.end_date,
    )
