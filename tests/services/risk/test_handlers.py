"""The service as it is wired, over gRPC, before real servers that stand for portfolio, identity and marketdata."""

import dataclasses
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from chassis.server import Server
from chassis.settings import Secret
from plimsoll.common.v1.service_health_pb2 import ServiceHealth
from plimsoll.risk.v1.analytics_service_pb2 import GetOverviewRequest
from plimsoll.risk.v1.analytics_service_pb2_grpc import AnalyticsServiceStub
from plimsoll.risk.v1.health_service_pb2 import GetHealthRequest
from plimsoll.risk.v1.health_service_pb2_grpc import HealthServiceStub
from services.risk import wiring
from services.risk.domain.result_id import MODEL_VERSION
from services.risk.settings import Settings
from services.risk.wiring import build
from tests.services.risk import servers
from tests.services.risk.books import (
    AAPL,
    CALL,
    LONG_SHORT,
    PORTFOLIO_ID,
    SESSION,
    book_message,
    mark,
    no_mark,
)
from tests.services.risk.conftest import refused

MIGRATIONS = Path(wiring.__file__).parent / "storage" / "migrations" / "versions"
STRANGER = "9e4d7f20-1111-4222-8333-123456789abc"


async def test_the_overview_as_clients_see_it(stack):
    answer = MessageToDict(await stack.overview(), preserving_proto_field_name=True)
    served, metadata = answer.pop("served"), answer.pop("metadata")
    assert answer == {
        "available": True,
        "portfolio_id": PORTFOLIO_ID,
        "total_value": pytest.approx(14_530.30),
        "cash_balance": 5000.0,
        "exposures": {
            "long_exposure": pytest.approx(14_949.30),
            "short_exposure": pytest.approx(-5419.0),
            "gross_exposure": pytest.approx(20_368.30),
            "net_exposure": pytest.approx(9530.30),
            "long_percentage": pytest.approx(102.8836),
            "short_percentage": pytest.approx(-37.2945),
        },
        "pnl": {"total_pnl": pytest.approx(930.30), "unrealized_pnl": pytest.approx(30.30), "realized_pnl": 900.0},
        "position_count": {"total_positions": 4, "long_count": 3, "short_count": 1, "option_count": 1},
        "last_updated": "2022-12-28T21:00:00Z",
    }
    assert len(metadata.pop("result_id")) == 64
    assert metadata == {
        "as_of_date": "2022-12-28",
        "portfolio_revision": 3,
        "data_version": 5,
        "model_version": MODEL_VERSION,
        "price_basis": "raw",
        "coverage": {
            "modelled_gross_exposure": pytest.approx(20_368.30),
            "gross_exposure": pytest.approx(32_972.30),
            "modelled_percent": pytest.approx(61.7740),
            "excluded": [{"position_id": CALL.position_id, "symbol": CALL.symbol, "reason": "no_volatility"}],
        },
    }
    assert served["elapsed_ms"] > 0.0
    assert "cached" not in served


async def test_the_second_answer_comes_from_the_cache_and_has_the_same_payload(stack):
    first, second = await stack.overview(), await stack.overview()
    assert (first.served.cached, second.served.cached) == (False, True)
    assert second.served.calculated_time == first.served.calculated_time
    for answer in (first, second):
        answer.ClearField("served")
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)
    assert stack.marketdata.mark_calls == 1


async def test_one_price_or_one_position_more_gives_another_id(stack):
    ids = [(await stack.overview()).metadata.result_id]
    stack.marketdata.known[1] = mark(1, 126.05, data_version=8)
    stack.marketdata.session = dataclasses.replace(SESSION, data_version=8)
    ids.append((await stack.overview()).metadata.result_id)
    stack.portfolio.book = book_message((AAPL,), revision=4)
    ids.append((await stack.overview()).metadata.result_id)
    assert len(set(ids)) == 3


async def test_what_is_not_known_is_absent(stack):
    stack.portfolio.book = book_message(LONG_SHORT, cash_reason="cash_unknown")
    answer = await stack.overview()
    assert answer.available
    assert answer.total_value_reason == "cash_unknown"
    assert not answer.HasField("total_value")
    assert not answer.HasField("cash_balance")
    assert not answer.exposures.HasField("long_percentage")


async def test_a_book_that_cannot_be_valued_is_unavailable_with_ids_and_metadata_alone(stack):
    stack.portfolio.book = book_message((CALL,), cash=[("USD", 100.0)])
    stack.marketdata.known[1] = no_mark(1, "no_price")
    answer = await stack.overview()
    assert (answer.available, answer.reason, answer.portfolio_id) == (False, "no_market_data", PORTFOLIO_ID)
    assert [field.name for field, _ in answer.ListFields()] == ["reason", "portfolio_id", "metadata", "served"]
    assert answer.metadata.coverage.modelled_percent == 0.0
    assert answer.metadata.coverage.HasField("modelled_percent")


async def test_anothers_portfolio_is_not_found_exactly_as_one_that_never_was(stack):
    assert await stack.overview()  # it is there, and it is in the cache
    foreign = await stack.refusal(user_id=STRANGER)
    absent = await stack.refusal(portfolio_id="11111111-2222-4333-8444-555555555555")
    assert foreign == absent == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND", [])


@pytest.mark.parametrize(
    ("request_fields", "field"),
    [
        ({"as_of_date": "2022-02-30"}, "as_of_date"),
        ({"as_of_date": "28.12.2022"}, "as_of_date"),
        ({"portfolio_id": "seven"}, "portfolio_id"),
        ({"portfolio_id": ""}, "portfolio_id"),
        ({"portfolio_revision": -1}, "portfolio_revision"),
    ],
)
async def test_a_malformed_request_names_the_field(stack, request_fields, field):
    refused = await stack.refusal(**request_fields)
    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", [field])


async def test_a_day_or_revision_that_is_not_there_says_so(stack):
    out_of_range = grpc.StatusCode.OUT_OF_RANGE
    assert await stack.refusal(as_of_date="2022-12-29") == (out_of_range, "DATE_OUT_OF_RANGE", ["as_of_date"])
    refusal = await stack.refusal(portfolio_revision=4)
    assert refusal == (out_of_range, "REVISION_OUT_OF_RANGE", ["portfolio_revision"])


async def test_a_day_that_is_not_there_is_named_by_the_field_that_states_it(stack):
    refusal = await refused(stack.asked("CreateSnapshot", end_date="2022-12-29"))
    assert refusal == (grpc.StatusCode.OUT_OF_RANGE, "DATE_OUT_OF_RANGE", ["end_date"])


async def test_nobody_is_answered_without_a_token(stack):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await AnalyticsServiceStub(stack.channel).GetOverview(GetOverviewRequest(portfolio_id=PORTFOLIO_ID))
    assert raised.value.code() == grpc.StatusCode.UNAUTHENTICATED
    assert stack.portfolio.callers == []


async def test_a_price_that_is_no_number_is_our_defect_and_never_an_answer(stack):
    stack.marketdata.known[1] = mark(1, float("inf"))
    assert (await stack.refusal())[:2] == (grpc.StatusCode.INTERNAL, "UNEXPECTED")


async def test_health_names_what_the_service_depends_on(stack):
    report = await HealthServiceStub(stack.channel).GetHealth(GetHealthRequest())
    newest = max(path.name[:4] for path in MIGRATIONS.glob("[0-9]*.py"))
    assert (report.service, report.healthy, report.schema_revision) == ("risk", True, newest)
    states = {found.name: (found.state, found.optional) for found in report.dependencies}
    assert states == {
        "database": (ServiceHealth.UP, False),
        "marketdata": (ServiceHealth.UP, False),
        "portfolio": (ServiceHealth.UP, False),
        "redis": (ServiceHealth.OFF, True),
    }


async def test_health_says_when_a_service_is_gone(database_url):
    portfolio = servers.Portfolio(book_message())
    async with AsyncExitStack() as opened:
        address = await opened.enter_async_context(servers.serving_portfolio(portfolio))
        async with servers.serving_marketdata(servers.MarketData([])) as gone:
            pass
        settings = Settings(
            listen_address="127.0.0.1:0",
            service_key=servers.SERVICE_KEY,
            database_url=Secret(database_url("risk")),
            drain_seconds=0.0,
            rate_limits="off",
            portfolio_address=address,
            marketdata_address=gone,
        )
        server = Server(build(settings), settings)
        await server.start()
        opened.push_async_callback(server.stop)
        channel = await opened.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{server.port}"))
        report = await HealthServiceStub(channel).GetHealth(GetHealthRequest())
    assert not report.healthy
    assert {found.name for found in report.dependencies if found.state == ServiceHealth.DOWN} == {"marketdata"}
