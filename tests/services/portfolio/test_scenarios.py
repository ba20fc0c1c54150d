"""What-if scenarios through the service as it is wired."""

import asyncio
import json

import asyncpg
import grpc
import pytest

from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.portfolio.v1.change_pb2 import Change
from plimsoll.portfolio.v1.change_service_pb2 import ListChangesRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import DeletePortfolioRequest
from plimsoll.portfolio.v1.scenario_pb2 import Scenario
from plimsoll.portfolio.v1.scenario_service_pb2 import (
    CreateScenarioRequest,
    DeleteScenarioRequest,
    GetScenarioRequest,
    ListScenariosRequest,
    PutScenarioRequest,
)
from services.portfolio.application.scenarios import MOST_SCENARIOS
from tests.services.portfolio.books import NO_SUCH, enter, make, read
from tests.services.portfolio.conftest import Client, refused

CALL = "AAPL230120C00150000"
WEIGHTS = {"AAPL": 0.6, "XOM": -0.1, "CUR:USD": 0.5}


async def keep(client: Client, portfolio_id: str, name: str = "Less tech", **fields) -> Scenario:
    request = CreateScenarioRequest(**{"portfolio_id": portfolio_id, "name": name, "target_weights": WEIGHTS, **fields})
    kept: Scenario = await client.scenarios.CreateScenario(request)
    return kept


async def find(client: Client, scenario_id: str) -> Scenario:
    found: Scenario = await client.scenarios.GetScenario(GetScenarioRequest(scenario_id=scenario_id))
    return found


async def listed(client: Client, **fields) -> list[Scenario]:
    found, token = [], ""
    while True:
        page = await client.scenarios.ListScenarios(ListScenariosRequest(page_token=token, **fields))
        found += page.scenarios
        if not (token := page.next_page_token):
            return found


async def test_a_scenario_is_kept_as_stated_and_changes_nothing_of_its_portfolio(alice):
    portfolio = await make(alice)
    weights = {"aapl": 0.35, f"O:{CALL}": 0.05, "XOM": -0.1, "cur:usd": 0.695}
    kept = await keep(alice, portfolio.portfolio_id, " Less tech ", description="why not", target_weights=weights)
    assert dict(kept.target_weights) == {"AAPL": 0.35, CALL: 0.05, "XOM": -0.1, "CUR:USD": 0.695}
    assert (kept.name, kept.description, kept.revision) == ("Less tech", "why not", 1)
    assert (kept.portfolio_id, kept.created_time) == (portfolio.portfolio_id, kept.updated_time)
    assert await find(alice, kept.scenario_id) == kept
    assert await listed(alice) == [kept]
    assert (await read(alice, portfolio.portfolio_id)).revision == portfolio.revision


async def test_a_scenario_is_stated_anew_as_a_whole(alice):
    kept = await keep(alice, (await make(alice)).portfolio_id, description="why not")
    request = PutScenarioRequest(scenario_id=kept.scenario_id, name="Oil", target_weights={"XOM": 1})
    changed = await alice.scenarios.PutScenario(request)
    assert (changed.name, changed.description, dict(changed.target_weights)) == ("Oil", "", {"XOM": 1})
    assert (changed.revision, changed.created_time, changed.portfolio_id) == (2, kept.created_time, kept.portfolio_id)
    assert changed.updated_time.ToNanoseconds() > kept.updated_time.ToNanoseconds()
    assert await alice.scenarios.PutScenario(request) == changed, "no difference, no revision"
    await alice.scenarios.DeleteScenario(DeleteScenarioRequest(scenario_id=kept.scenario_id))
    assert await listed(alice) == []
    error = await refused(find(alice, kept.scenario_id))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"target_weights": {"AAPL": 0.6}}, "target_weights"),
        ({"target_weights": {"AAPL": 60, "XOM": 40}}, "target_weights"),
        ({"target_weights": {"AAPL": 0.9899}}, "target_weights"),
        ({"target_weights": {"AAPL": 1e300}}, "target_weights[AAPL]"),
        ({"target_weights": {"AAPL": float("nan")}}, "target_weights[AAPL]"),
        ({"target_weights": {"AAPL": float("inf")}}, "target_weights[AAPL]"),
        ({"target_weights": {}}, "target_weights"),
        ({"target_weights": {"": 1}}, "target_weights[]"),
        ({"target_weights": {"NOSUCH": 1}}, "target_weights[NOSUCH]"),
        ({"target_weights": {"SPX": 1}}, "target_weights[SPX]"),
        ({"target_weights": {"CUR:DOLLAR": 1}}, "target_weights[CUR:DOLLAR]"),
        ({"target_weights": {"苹果": 1}}, "target_weights[苹果]"),
        ({"target_weights": {"AAPL": 0.5, "aapl": 0.5}}, "target_weights[aapl]"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"portfolio_id": "mine"}, "portfolio_id"),
    ],
)
async def test_what_cannot_be_a_scenario_is_refused_by_field(alice, stated, field):
    portfolio_id = (await make(alice)).portfolio_id
    error = await refused(keep(alice, **{"portfolio_id": portfolio_id, **stated}))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert await listed(alice) == []


@pytest.mark.parametrize("total", [0.99, 1.01, 1.0])
async def test_rounded_weights_may_miss_1_by_a_percent(alice, total):
    weights = {"AAPL": total - 0.3, "XOM": 0.1, "JPM": 0.2}
    kept = await keep(alice, (await make(alice)).portfolio_id, target_weights=weights)
    assert dict(kept.target_weights) == weights


async def test_a_sum_that_is_wrong_is_told(alice):
    error = await refused(keep(alice, (await make(alice)).portfolio_id, target_weights={"AAPL": 0.6, "XOM": 0.3}))
    assert "'0.9'" in error.fields["target_weights"]


async def test_stale_statements_are_refused(alice):
    kept = await keep(alice, (await make(alice)).portfolio_id)
    put = PutScenarioRequest(scenario_id=kept.scenario_id, name="Oil", target_weights={"XOM": 1}, revision=1)
    call = alice.scenarios.PutScenario(put)
    assert dict(await call.initial_metadata())["etag"] == '"2"'
    put.name = "Gas"
    for attempt in (
        alice.scenarios.PutScenario(put),
        alice.scenarios.DeleteScenario(DeleteScenarioRequest(scenario_id=kept.scenario_id, revision=1)),
        alice.scenarios.DeleteScenario(
            DeleteScenarioRequest(scenario_id=kept.scenario_id), metadata=[("if-match", '"1"')]
        ),
    ):
        error = await refused(attempt)
        assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
        assert error.info.metadata["current"] == "2"
    assert (await find(alice, kept.scenario_id)).name == "Oil"


async def test_of_parallel_statements_at_one_revision_one_lands(alice):
    kept = await keep(alice, (await make(alice)).portfolio_id)
    puts = [
        PutScenarioRequest(scenario_id=kept.scenario_id, name=f"n{n}", target_weights={"XOM": 1}, revision=1)
        for n in range(10)
    ]
    outcomes = await asyncio.gather(*map(alice.scenarios.PutScenario, puts), return_exceptions=True)
    landed = [outcome for outcome in outcomes if isinstance(outcome, Scenario)]
    assert [(one.revision, one) for one in landed] == [(2, await find(alice, kept.scenario_id))]
    assert {error.code() for error in outcomes if not isinstance(error, Scenario)} == {grpc.StatusCode.ABORTED}


async def test_names_are_unique_of_a_user(alice, mallory):
    first, second = (await make(alice, "A")).portfolio_id, (await make(alice, "B")).portfolio_id
    await keep(alice, first)
    other = await keep(alice, second, "Oil")
    await keep(mallory, (await make(mallory)).portfolio_id)
    put = PutScenarioRequest(scenario_id=other.scenario_id, name="Less tech", target_weights=WEIGHTS)
    for call in (keep(alice, second), alice.scenarios.PutScenario(put)):
        error = await refused(call)
        assert (error.code, error.info.metadata["name"]) == (grpc.StatusCode.ALREADY_EXISTS, "Less tech")
    assert (await find(alice, other.scenario_id)).name == "Oil"


async def test_scenarios_page_by_name_and_portfolio(alice):
    first, second = (await make(alice, "A")).portfolio_id, (await make(alice, "B")).portfolio_id
    names = ["Zulu", "alpha", "émile", "日本", "b" * 100]
    for place, name in enumerate(names):
        await keep(alice, (first, second)[place % 2], name)
    assert [one.name for one in await listed(alice, page_size=2)] == sorted(names)
    assert [one.name for one in await listed(alice, page_size=1, portfolio_id=second)] == sorted(names[1::2])
    for token in ("zzz", "eyJhIjoiYiJ9"):
        error = await refused(alice.scenarios.ListScenarios(ListScenariosRequest(page_token=token)))
        assert list(error.fields) == ["page_token"]


async def test_a_repeated_create_keeps_one(alice):
    portfolio_id = (await make(alice)).portfolio_id
    first = await keep(alice, portfolio_id, request_id="k")
    assert await keep(alice, portfolio_id, request_id="k") == first
    assert await listed(alice) == [first]


async def test_scenarios_are_in_the_change_log_and_go_with_their_portfolio(alice):
    portfolio_id = (await make(alice)).portfolio_id
    kept = await keep(alice, portfolio_id, target_weights={"AAPL": 0.1, "XOM": 0.9}, reason="a thought")
    put = PutScenarioRequest(scenario_id=kept.scenario_id, name=kept.name, target_weights={"XOM": 1}, reason="another")
    await alice.scenarios.PutScenario(put)
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id, reason="enough"))
    assert await listed(alice) == []
    request = ListChangesRequest(portfolio_id=portfolio_id, subjects=[Change.SCENARIO])
    changes = list((await alice.changes.ListChanges(request)).changes)[::-1]
    told = [(Change.Action.Name(c.action), c.subject_name, c.subject_id, c.reason) for c in changes]
    assert told == [
        ("CREATED", "Less tech", kept.scenario_id, "a thought"),
        ("UPDATED", "Less tech", kept.scenario_id, "another"),
        ("DELETED", "Less tech", kept.scenario_id, "enough"),
    ]
    (field,) = changes[1].fields
    assert (field.field, json.loads(field.new_value)) == ("target_weights", {"XOM": 1})
    assert json.loads(field.old_value) == {"AAPL": 0.1, "XOM": 0.9}


async def test_a_user_has_at_most_500(alice, settings):
    portfolio_id = (await make(alice)).portfolio_id
    me = await alice.identity.GetMe(GetMeRequest())
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": "portfolio"})
    await connection.execute("SELECT set_config('plimsoll.user_id', $1, false)", me.user_id)
    await connection.execute(
        """INSERT INTO scenarios (owner_id, portfolio_id, name, description, target_weights)
        SELECT $1, $2, 'n' || n, '', '{"XOM": 1}' FROM generate_series(1, $3) AS n""",
        me.user_id,
        portfolio_id,
        MOST_SCENARIOS - 1,
    )
    await connection.close()
    await keep(alice, portfolio_id)
    error = await refused(keep(alice, portfolio_id, "one more"))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LIMIT_REACHED")


async def test_anothers_scenario_is_as_good_as_none(alice, mallory, settings):
    portfolio_id = (await make(alice)).portfolio_id
    await enter(alice, portfolio_id)
    kept = await keep(alice, portfolio_id)

    def attempts(portfolio_id: str, scenario_id: str):
        yield find(mallory, scenario_id)
        yield mallory.scenarios.PutScenario(
            PutScenarioRequest(scenario_id=scenario_id, name="x", target_weights=WEIGHTS)
        )
        yield mallory.scenarios.DeleteScenario(DeleteScenarioRequest(scenario_id=scenario_id))
        yield keep(mallory, portfolio_id)
        yield listed(mallory, portfolio_id=portfolio_id)

    foreign = [await refused(call) for call in attempts(portfolio_id, kept.scenario_id)]
    absent = [await refused(call) for call in attempts(NO_SUCH, NO_SUCH)]
    assert {error.code for error in [*foreign, *absent]} == {grpc.StatusCode.NOT_FOUND}
    hidden = [error.message.replace(portfolio_id, "").replace(kept.scenario_id, "") for error in foreign]
    assert hidden == [error.message.replace(NO_SUCH, "") for error in absent]
    assert (await listed(mallory), await listed(alice)) == ([], [kept])
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": "portfolio"})
    await connection.execute("SELECT set_config('plimsoll.user_id', $1, false)", NO_SUCH)
    assert await connection.fetchval("SELECT count(*) FROM scenarios") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE scenarios SET owner_id = $1", NO_SUCH)
    await connection.close()
