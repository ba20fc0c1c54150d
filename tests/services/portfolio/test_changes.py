"""The change log: what the database writes of every change, and that nobody else can write there."""

import asyncio
from collections.abc import Callable

import asyncpg
import grpc
import pytest

from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.portfolio.v1.cash_movement_pb2 import CashMovement
from plimsoll.portfolio.v1.cash_service_pb2 import (
    CreateCashMovementRequest,
    DeleteCashBalanceRequest,
    DeleteCashMovementRequest,
    PutCashBalancesRequest,
)
from plimsoll.portfolio.v1.change_pb2 import Change
from plimsoll.portfolio.v1.change_service_pb2 import ListChangesRequest
from plimsoll.portfolio.v1.label_service_pb2 import (
    CreateTagRequest,
    DeleteTagRequest,
    ListTagsRequest,
    UpdateTagRequest,
)
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    CreatePortfolioRequest,
    DeletePortfolioRequest,
    UpdatePortfolioRequest,
)
from plimsoll.portfolio.v1.position_service_pb2 import (
    CreatePositionRequest,
    DeletePositionRequest,
    SetPositionTagsRequest,
    UpdatePositionRequest,
)
from tests.services.portfolio.books import NO_SUCH, enter, enter_all, make, new, update
from tests.services.portfolio.conftest import Client, refused


async def log(client: Client, portfolio_id: str = "", **wanted) -> list[Change]:
    """The log, the oldest first."""
    found, token = [], ""
    while True:
        request = ListChangesRequest(portfolio_id=portfolio_id, page_token=token, **wanted)
        page = await client.changes.ListChanges(request)
        found += page.changes
        if not (token := page.next_page_token):
            return found[::-1]


def told(change: Change) -> tuple[str, str, str, dict[str, tuple[str | None, str | None]]]:
    """A change as subject, action, name, and its fields before and after."""
    fields = {
        f.field: (
            f.old_value if f.HasField("old_value") else None,
            f.new_value if f.HasField("new_value") else None,
        )
        for f in change.fields
    }
    kind, action = Change.Subject.Name(change.subject), Change.Action.Name(change.action)
    return kind, action, change.subject_name, fields


async def test_every_change_of_a_position_is_told_with_old_and_new_value(alice):
    portfolio_id = (await make(alice)).portfolio_id
    me = await alice.identity.GetMe(GetMeRequest())
    made = await enter(alice, portfolio_id, new(quantity=1410.9007, tags=["core"]), reason="bought on Monday")
    position = made.position_id
    await update(alice, position, quantity=20, entry_price=99.5, reason="typed wrong")
    await update(alice, position, exit_date="2022-02-01", exit_price=120)
    await alice.positions.SetPositionTags(SetPositionTagsRequest(position_id=position, tags=["a", "b"]))
    await alice.positions.DeletePosition(DeletePositionRequest(position_id=position, reason="never mine"))
    changes = await log(alice, portfolio_id, subjects=[Change.POSITION])
    assert [told(change)[:3] for change in changes] == [
        ("POSITION", "CREATED", "AAPL"),
        ("POSITION", "UPDATED", "AAPL"),
        ("POSITION", "UPDATED", "AAPL"),
        ("POSITION", "UPDATED", "AAPL"),
        ("POSITION", "DELETED", "AAPL"),
    ]
    created, *updated, deleted = (told(change)[3] for change in changes)
    assert created["quantity"] == (None, "1410.9007")
    assert created["tags"] == (None, '["core"]')
    assert "strategy" not in created, "there was none"
    assert updated == [
        {"quantity": ("1410.9007", "20"), "entry_price": ("100", "99.5")},
        {"exit_date": (None, "2022-02-01"), "exit_price": (None, "120")},
        {"tags": ('["core"]', '["a", "b"]')},
    ]
    assert (deleted["quantity"], deleted["exit_price"]) == (("20", None), ("120", None))
    assert {change.subject_id for change in changes} == {position}
    assert {change.actor_id for change in changes} == {me.user_id}
    assert [change.reason for change in changes] == ["bought on Monday", "typed wrong", "", "", "never mine"]
    assert [change.portfolio_revision for change in changes] == [2, 3, 4, 5, 6]
    assert {change.portfolio_id for change in changes} == {portfolio_id}
    assert all(change.change_time.seconds > 0 for change in changes)


async def test_portfolios_and_cash_are_told_too(alice):
    portfolio_id = (await make(alice, benchmark="SPX")).portfolio_id
    await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=portfolio_id, name="Income"))
    put = PutCashBalancesRequest(portfolio_id=portfolio_id, balances={"USD": 5}, balance_date="2022-01-03")
    await alice.cash.PutCashBalances(put)
    put.balances["USD"] = -7.25
    await alice.cash.PutCashBalances(put)
    await alice.cash.DeleteCashBalance(DeleteCashBalanceRequest(portfolio_id=portfolio_id, currency="USD"))
    movement = CreateCashMovementRequest(
        portfolio_id=portfolio_id, kind=CashMovement.FEE, currency="USD", amount=-3, movement_date="2022-01-03"
    )
    made = await alice.cash.CreateCashMovement(movement)
    await alice.cash.DeleteCashMovement(
        DeleteCashMovementRequest(portfolio_id=portfolio_id, movement_id=made.movement_id)
    )
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id))
    changes = [told(change) for change in await log(alice, portfolio_id)]
    day = "2022-01-03"
    assert changes == [
        ("PORTFOLIO", "CREATED", "Growth", {"name": (None, "Growth"), "benchmark": (None, "SPX")}),
        ("PORTFOLIO", "UPDATED", "Income", {"name": ("Growth", "Income")}),
        ("CASH_BALANCE", "CREATED", "USD", {"amount": (None, "5"), "balance_date": (None, day)}),
        ("CASH_BALANCE", "UPDATED", "USD", {"amount": ("5", "-7.25")}),
        ("CASH_BALANCE", "DELETED", "USD", {"amount": ("-7.25", None), "balance_date": (day, None)}),
        (
            "CASH_MOVEMENT",
            "CREATED",
            "USD",
            {"kind": (None, "FEE"), "currency": (None, "USD"), "amount": (None, "-3"), "movement_date": (None, day)},
        ),
        (
            "CASH_MOVEMENT",
            "DELETED",
            "USD",
            {"kind": ("FEE", None), "currency": ("USD", None), "amount": ("-3", None), "movement_date": (day, None)},
        ),
        ("PORTFOLIO", "DELETED", "Income", {"name": ("Income", None), "base_currency": ("USD", None)}),
    ]


async def test_a_portfolio_is_made_changed_and_deleted_for_a_reason(alice):
    made = await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Growth", reason="a start"))
    portfolio_id = made.portfolio_id
    update = UpdatePortfolioRequest(portfolio_id=portfolio_id, name="Income", reason="a change of mind")
    await alice.portfolios.UpdatePortfolio(update)
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id, reason="an end"))
    assert [change.reason for change in await log(alice, portfolio_id)] == ["a start", "a change of mind", "an end"]


async def test_a_new_name_of_a_tag_is_told_of_the_tag_and_of_each_position(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await enter_all(alice, portfolio_id, new(tags=["a"]), new("XOM", tags=["a", "b"]))
    made = await alice.labels.CreateTag(CreateTagRequest(name="unused", reason="for later"))
    label = next(label for label in (await alice.labels.ListTags(ListTagsRequest())).labels if label.name == "a")
    await alice.labels.UpdateTag(UpdateTagRequest(tag_id=label.label_id, name="z", reason="clearer"))
    await alice.labels.DeleteTag(DeleteTagRequest(tag_id=made.label_id))
    tags = await log(alice, subjects=[Change.TAG])
    assert [told(change)[1:] for change in tags] == [
        ("CREATED", "a", {"name": (None, "a")}),
        ("CREATED", "b", {"name": (None, "b")}),
        ("CREATED", "unused", {"name": (None, "unused")}),
        ("UPDATED", "z", {"name": ("a", "z")}),
        ("DELETED", "unused", {"name": ("unused", None)}),
    ]
    assert {(change.portfolio_id, change.portfolio_revision) for change in tags} == {("", 0)}
    renamed = [c for c in await log(alice, portfolio_id) if told(c)[1] == "UPDATED"]
    assert sorted((c.subject_name, told(c)[3]["tags"]) for c in renamed) == [
        ("AAPL", ('["a"]', '["z"]')),
        ("XOM", ('["a", "b"]', '["z", "b"]')),
    ]
    assert {c.reason for c in renamed} == {"clearer"}


async def test_what_changes_nothing_is_not_told(alice):
    portfolio_id = (await make(alice)).portfolio_id
    made = await enter(alice, portfolio_id, new(tags=["a"]), request_id="k")
    before = await log(alice)
    await enter(alice, portfolio_id, new(tags=["a"]), request_id="k")
    await update(alice, made.position_id, quantity=10)
    await refused(alice.positions.UpdatePosition(UpdatePositionRequest(position_id=made.position_id, exit_price=1)))
    await refused(
        alice.positions.CreatePosition(CreatePositionRequest(portfolio_id=portfolio_id, position=new("NOSUCH")))
    )
    assert await log(alice) == before


async def test_the_log_of_a_portfolio_outlives_it_and_stays_its_owners(alice, mallory):
    portfolio_id = (await make(alice)).portfolio_id
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id))
    assert [told(change)[1] for change in await log(alice, portfolio_id)] == ["CREATED", "DELETED"]
    assert await log(alice, portfolio_id, subjects=[Change.SCENARIO]) == [], "known, and nothing of the kind"
    foreign = await refused(mallory.changes.ListChanges(ListChangesRequest(portfolio_id=portfolio_id)))
    absent = await refused(mallory.changes.ListChanges(ListChangesRequest(portfolio_id=NO_SUCH)))
    assert (foreign.code, absent.code) == (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.NOT_FOUND)
    assert foreign.message.replace(portfolio_id, "") == absent.message.replace(NO_SUCH, "")
    assert {change.subject_name for change in await log(mallory)} == {"My portfolio"}


@pytest.mark.parametrize("size", [1, 3, 500])
async def test_the_log_pages_without_loss(alice, size):
    portfolio_id = (await make(alice)).portfolio_id
    await enter_all(alice, portfolio_id, *(new(quantity=n) for n in range(1, 6)))
    every = await log(alice, portfolio_id, page_size=size)
    assert len(every) == len({change.change_id for change in every}) == 6
    token = await refused(alice.changes.ListChanges(ListChangesRequest(page_token="eyJjaGFuZ2VfaWQiOiJ4In0")))
    assert list(token.fields) == ["page_token"]


async def test_changes_of_writers_at_once_are_all_told(alice):
    portfolio_id = (await make(alice)).portfolio_id
    made = await enter(alice, portfolio_id, new(quantity=1))
    await asyncio.gather(*(update(alice, made.position_id, quantity=n) for n in range(2, 22)))
    quantities = [told(c)[3]["quantity"] for c in await log(alice, subject_id=made.position_id)]
    assert quantities[0] == (None, "1")
    assert [after for _, after in quantities[:-1]] == [before for before, _ in quantities[1:]], "a chain without a gap"
    assert len(quantities) == 21


@pytest.fixture
async def application(settings, alice: Client) -> asyncpg.Connection:
    """The database as the application's role sees it, with Alice as the user."""
    me = await alice.identity.GetMe(GetMeRequest())
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": "portfolio"})
    await connection.execute("SELECT set_config('plimsoll.user_id', $1, false)", me.user_id)
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM changes",
        "UPDATE changes SET reason = 'another'",
        "INSERT INTO changes (owner_id, subject, subject_id) SELECT owner_id, subject, '1' FROM changes",
        "TRUNCATE changes",
        "ALTER TABLE portfolio_revisions DISABLE TRIGGER USER",
        "DELETE FROM positions",
        "DELETE FROM portfolio_revisions",
        "UPDATE portfolio_revisions SET change = 'x'",
        "UPDATE positions SET quantity = 1",
        "UPDATE cash_movements SET amount = 1",
        "DELETE FROM risk_limits",
        "DELETE FROM factor_proxies",
        "DELETE FROM expected_returns",
        "UPDATE expected_returns SET expected_return = 1",
        "UPDATE scenarios SET portfolio_id = gen_random_uuid()",
    ],
)
async def test_the_applications_role_cannot_touch_what_was_written(alice, application, statement):
    await enter(alice, (await make(alice)).portfolio_id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await application.execute(statement)


async def test_a_version_that_was_closed_is_neither_opened_nor_moved(alice, application):
    portfolio_id = (await make(alice)).portfolio_id
    made = await enter(alice, portfolio_id)
    await update(alice, made.position_id, quantity=2)
    for statement in ("UPDATE positions SET to_revision = 99", "UPDATE positions SET to_revision = NULL"):
        transaction = application.transaction()
        await transaction.start()
        try:
            await application.execute(statement)
        except asyncpg.InsufficientPrivilegeError as refusal:
            assert "row-level security" in str(refusal)  # noqa: PT017 - one statement is refused, the other finds no row
        else:
            ends = await application.fetch("SELECT to_revision FROM positions ORDER BY from_revision")
            assert [row["to_revision"] for row in ends] == [3, 99], "only the open version may be closed"
        await transaction.rollback()


async def test_a_user_can_be_deleted_with_everything(
    alice, application, settings, admin_url: Callable[[str], str]
) -> None:
    portfolio_id = (await make(alice)).portfolio_id
    await enter(alice, portfolio_id, new(tags=["a"]))
    connection = await asyncpg.connect(admin_url(settings.database_url), server_settings={"search_path": "portfolio"})
    await connection.execute("DELETE FROM users WHERE email = 'alice@example.com'")
    tables = ("changes", "positions", "labels", "portfolios")
    left = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
    await connection.close()
    assert left == [0, 0, 0, 0]


WATCHED = """
    SELECT DISTINCT c.relname
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc f ON f.oid = t.tgfoid
    WHERE c.relnamespace = 'portfolio'::regnamespace AND t.tgname IN ('log_row', 'log_terms')
    UNION
    SELECT substr(t.tgname, 5) FROM pg_trigger t
    WHERE t.tgrelid = 'portfolio.portfolio_revisions'::regclass AND t.tgname LIKE 'log\\_%' AND t.tgdeferrable
    """
OF_REVISIONS = """
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = 'portfolio' AND column_name = 'from_revision'
    """


async def test_no_content_of_a_portfolio_changes_unseen(settings, admin_url):
    """Read from the database, so that a new table of a portfolio's content cannot be forgotten."""
    connection = await asyncpg.connect(admin_url(settings.database_url))
    try:
        watched = {row[0] for row in await connection.fetch(WATCHED)}
        content = {row[0] for row in await connection.fetch(OF_REVISIONS)}
    finally:
        await connection.close()
    assert len(content) >= 6
    assert content - watched == set()
    assert {"portfolio_revisions", "labels", "scenarios"} <= watched
