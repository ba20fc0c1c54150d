"""ScenarioService: named what-if scenarios."""

from typing import Any

import grpc
from google.protobuf import empty_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page, encode_page
from plimsoll.portfolio.v1 import scenario_pb2, scenario_service_pb2, scenario_service_pb2_grpc
from services.portfolio import convert_settings
from services.portfolio.application.scenarios import MOST_VIOLATIONS, Scenarios
from services.portfolio.domain.imports.symbols import CASH_PREFIX, CURRENCY, SYMBOL
from services.portfolio.domain.scenario import Terms
from services.portfolio.handlers.etags import expected_revision, tell_revision
from services.portfolio.handlers.symbols import by_symbol
from services.portfolio.handlers.writes import Writes

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50


class ScenarioHandler(scenario_service_pb2_grpc.ScenarioServiceServicer):
    """Serves plimsoll.portfolio.v1.ScenarioService."""

    def __init__(self, writes: Writes, scenarios: Scenarios) -> None:
        self._writes = writes
        self._scenarios = scenarios

    async def ListScenarios(
        self, request: scenario_service_pb2.ListScenariosRequest, context: Context
    ) -> scenario_service_pb2.ListScenariosResponse:
        """List the caller's scenarios by name."""
        size = request.page_size or DEFAULT_PAGE
        after = decode_page(request.page_token, "name").get("name", "")
        found = await self._scenarios.page(current_call().user_id, request.portfolio_id, after, size + 1)
        more = encode_page({"name": found[size - 1].terms.name}) if len(found) > size else ""
        listed = map(convert_settings.scenario, found[:size])
        return scenario_service_pb2.ListScenariosResponse(scenarios=listed, next_page_token=more)

    async def GetScenario(
        self, request: scenario_service_pb2.GetScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        """Read one scenario."""
        found = await self._scenarios.get(current_call().user_id, request.scenario_id)
        await tell_revision(context, found.revision)
        return convert_settings.scenario(found)

    async def CreateScenario(
        self, request: scenario_service_pb2.CreateScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        """Keep a scenario."""
        terms = _terms(request)
        await self._scenarios.refuse_unknown(terms)

        async def create(connection: AsyncConnection, owner: str) -> scenario_pb2.Scenario:
            return convert_settings.scenario(await self._scenarios.add(connection, owner, request.portfolio_id, terms))

        answer = await self._writes.once(request, scenario_pb2.Scenario, create)
        await tell_revision(context, answer.revision)
        return answer

    async def PutScenario(
        self, request: scenario_service_pb2.PutScenarioRequest, context: Context
    ) -> scenario_pb2.Scenario:
        """State a scenario anew."""
        terms, revision = _terms(request), expected_revision(request.revision)
        await self._scenarios.refuse_unknown(terms)

        async def put(connection: AsyncConnection, owner: str) -> scenario_pb2.Scenario:
            return convert_settings.scenario(
                await self._scenarios.put(connection, owner, request.scenario_id, terms, revision)
            )

        answer = await self._writes.once(request, scenario_pb2.Scenario, put)
        await tell_revision(context, answer.revision)
        return answer

    async def DeleteScenario(
        self, request: scenario_service_pb2.DeleteScenarioRequest, context: Context
    ) -> empty_pb2.Empty:
        """Delete a scenario."""
        revision = expected_revision(request.revision)

        async def delete(connection: AsyncConnection, owner: str) -> empty_pb2.Empty:
            await self._scenarios.remove(connection, owner, request.scenario_id, revision)
            return empty_pb2.Empty()

        return await self._writes.once(request, empty_pb2.Empty, delete)


def _terms(request: scenario_service_pb2.CreateScenarioRequest | scenario_service_pb2.PutScenarioRequest) -> Terms:
    weights = by_symbol("target_weights", request.target_weights)
    wrong = [symbol for symbol in weights if not _can_stand(symbol)]
    if wrong:
        rule = "can be neither a symbol nor cash (`CUR:USD`)"
        raise InvalidFields([Violation(f"target_weights[{s}]", s, rule) for s in wrong[:MOST_VIOLATIONS]])
    return Terms(request.name.strip(), request.description.strip(), weights)


def _can_stand(symbol: str) -> bool:
    """Whether a weight can have this symbol, known or not."""
    if symbol.startswith(CASH_PREFIX):
        return CURRENCY.fullmatch(symbol.removeprefix(CASH_PREFIX)) is not None
    return SYMBOL.fullmatch(symbol) is not None
