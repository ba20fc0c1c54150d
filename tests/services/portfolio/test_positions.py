"""Positions through the service as it is wired: entered, changed, closed, taken back."""

import asyncio
import random

import grpc
import pytest

from plimsoll.portfolio.v1.portfolio_service_pb2 import GetBookRequest
from plimsoll.portfolio.v1.position_pb2 import OptionTerms, Position
from plimsoll.portfolio.v1.position_service_pb2 import (
    BatchCreatePositionsRequest,
    CreatePositionRequest,
    DeletePositionRequest,
    GetPositionRequest,
    SetPositionTagsRequest,
    UpdatePositionRequest,
)
from tests.services.portfolio.books import NO_SUCH, enter, enter_all, listed, make, new, read, update
from tests.services.portfolio.conftest import as_service, refused

CALL = "AAPL230120C00150000"


async def test_a_position_is_entered_as_stated(alice):
    portfolio = await make(alice)
    stated = new("aapl", 10.125, tags=["core", " core ", "tech"], strategy="x")
    made = await enter(alice, portfolio.portfolio_id, stated)
    assert (made.symbol, made.quantity, made.entry_price, made.entry_date) == ("AAPL", 10.125, 100, "2022-01-03")
    assert (made.position_type, made.currency, made.multiplier) == (Position.LONG, "USD", 1)
    assert (list(made.tags), made.strategy, made.portfolio_id) == (["core", "tech"], "x", portfolio.portfolio_id)
    assert (made.revision, made.HasField("realized_pnl"), made.exit_date) == (2, False, "")
    assert await alice.positions.GetPosition(GetPositionRequest(position_id=made.position_id)) == made
    after = await read(alice, portfolio.portfolio_id)
    assert (after.revision, after.position_count) == (2, 1)


@pytest.mark.parametrize("symbol", [CALL, "AAPL  230120C00150000", f"O:{CALL}", CALL.lower()])
async def test_an_option_is_a_contract_with_multiplier_and_style(alice, symbol):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id, new(symbol, -2, entry_price=3.5, entry_date="2022-12-01"))
    assert (made.symbol, made.position_type, made.multiplier) == (CALL, Position.SC, 100)
    terms = made.option
    assert (terms.underlying_symbol, terms.right, terms.strike, terms.style) == ("AAPL", "C", 150, OptionTerms.AMERICAN)
    assert terms.expiry_date == "2023-01-20"
    assert (await listed(alice, portfolio_id=portfolio.portfolio_id))[0] == made


@pytest.mark.parametrize(
    ("symbol", "amount", "price", "quantity"),
    [("AAPL", 1000, 120, 8.333333333333), ("AAPL", -500, 125, -4), (CALL, 700, 3.5, 2), ("AAPL", 0.1, 0.3, 1 / 3)],
)
async def test_a_position_by_money_has_the_quantity_that_it_buys(alice, symbol, amount, price, quantity):
    portfolio = await make(alice)
    stated = new(symbol, None, amount=amount, entry_price=price, entry_date="2022-12-01")
    assert (await enter(alice, portfolio.portfolio_id, stated)).quantity == pytest.approx(quantity, abs=1e-12)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"symbol": "NOSUCH"}, "position.symbol"),
        ({"symbol": "SPX"}, "position.symbol"),
        ({"symbol": "CUR:USD"}, "position.symbol"),
        ({"symbol": "!"}, "position.symbol"),
        ({"symbol": "A\0B"}, "position.symbol"),
        ({"quantity": 0}, "position.quantity"),
        ({"quantity": 1e-13}, "position.quantity"),
        ({"quantity": 1e16}, "position.quantity"),
        ({"quantity": float("nan")}, "position.quantity"),
        ({"quantity": None}, "position.size"),
        ({"quantity": None, "amount": float("inf")}, "position.amount"),
        ({"quantity": None, "amount": 5, "entry_price": 0}, "position.amount"),
        ({"entry_price": -1}, "position.entry_price"),
        ({"entry_price": None}, "position.entry_price"),
        ({"entry_date": "2022-01-01"}, "position.entry_date"),
        ({"entry_date": "2022-02-30"}, "position.entry_date"),
        ({"entry_date": "2999-01-04"}, "position.entry_date"),
        ({"entry_date": ""}, "position.entry_date"),
        ({"exit_date": "2022-01-10"}, "position.exit_price"),
        ({"exit_price": 5}, "position.exit_date"),
        ({"exit_date": "2021-12-31", "exit_price": 5}, "position.exit_date"),
        ({"exit_date": "2022-01-08", "exit_price": 5}, "position.exit_date"),
        ({"tags": ["a;b"]}, "position.tags[0]"),
        ({"tags": [" "]}, "position.tags[0]"),
        ({"tags": ["x" * 51]}, "position.tags[0]"),
        ({"tags": [f"t{n}" for n in range(21)]}, "position.tags"),
        ({"symbol": CALL, "quantity": 1.5, "entry_date": "2022-12-01"}, "position.quantity"),
        ({"symbol": "AAPL220121C00150000", "entry_date": "2022-12-01"}, "position.entry_date"),
    ],
)
async def test_what_cannot_be_a_position_is_refused_by_field(alice, fields, field):
    portfolio = await make(alice)
    position = new(**{"quantity": 10, **fields})
    error = await refused(
        alice.positions.CreatePosition(CreatePositionRequest(portfolio_id=portfolio.portfolio_id, position=position))
    )
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert (await read(alice, portfolio.portfolio_id)).revision == 1


async def test_a_sold_position_is_closed_and_says_what_was_realised(alice):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id, new(quantity=-10))
    closed = await update(alice, made.position_id, exit_date="2022-06-01", exit_price=90.5)
    assert (closed.exit_date, closed.exit_price, closed.realized_pnl) == ("2022-06-01", 90.5, 95)
    after = await read(alice, portfolio.portfolio_id)
    assert (after.revision, after.position_count) == (3, 0)
    assert await listed(alice, portfolio_id=portfolio.portfolio_id) == []
    assert await listed(alice, portfolio_id=portfolio.portfolio_id, status="closed") == [closed]
    reopened = await update(alice, made.position_id, exit_date="")
    assert reopened.exit_date == ""
    assert not reopened.HasField("exit_price")
    assert not reopened.HasField("realized_pnl")
    assert (await read(alice, portfolio.portfolio_id)).position_count == 1


async def test_a_closed_option_realises_by_contract(alice):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id, new(CALL, 2, entry_price=3.1, entry_date="2022-12-01"))
    closed = await update(alice, made.position_id, exit_date="2022-12-28", exit_price=4.2)
    assert closed.realized_pnl == 220


async def test_only_what_is_sent_changes(alice):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id, new(tags=["core"], strategy="x"))
    changed = await update(alice, made.position_id, quantity=12.5, entry_price=99.25)
    assert (changed.quantity, changed.entry_price, changed.entry_date) == (12.5, 99.25, "2022-01-03")
    assert (list(changed.tags), changed.strategy, changed.position_id) == (["core"], "x", made.position_id)
    tagged = await alice.positions.SetPositionTags(
        SetPositionTagsRequest(position_id=made.position_id, tags=["a", "b", "a"])
    )
    assert (list(tagged.tags), tagged.quantity, tagged.revision) == (["a", "b"], 12.5, 4)
    assert (await update(alice, made.position_id, strategy="")).strategy == ""


async def test_a_change_without_a_difference_makes_no_revision(alice):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id)
    assert await update(alice, made.position_id, quantity=10) == made
    assert (await read(alice, portfolio.portfolio_id)).revision == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": float("inf")}, "quantity"),
        ({"entry_date": "2022-01-01"}, "entry_date"),
        ({"entry_date": ""}, "entry_date"),
        ({"exit_price": 5}, "exit_date"),
        ({"exit_date": "2022-01-10"}, "exit_price"),
        ({"exit_date": "2021-01-11", "exit_price": 5}, "exit_date"),
        ({"exit_date": "2022-01-09", "exit_price": 5}, "exit_date"),
        ({"strategy": "x" * 51}, "strategy"),
    ],
)
async def test_what_a_position_cannot_become_is_refused_by_field(alice, fields, field):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id)
    error = await refused(alice.positions.UpdatePosition(UpdatePositionRequest(position_id=made.position_id, **fields)))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert await listed(alice, portfolio_id=portfolio.portfolio_id) == [made]


async def test_an_update_that_sends_nothing_is_a_mistake(alice):
    made = await enter(alice, (await make(alice)).portfolio_id)
    error = await refused(
        alice.positions.UpdatePosition(UpdatePositionRequest(position_id=made.position_id, reason="typo"))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_a_deleted_position_is_gone_and_earlier_revisions_keep_it(alice):
    portfolio = await make(alice)
    first, second = await enter_all(alice, portfolio.portfolio_id, new("AAPL"), new("XOM"))
    await alice.positions.DeletePosition(DeletePositionRequest(position_id=first.position_id))
    for call in (
        alice.positions.GetPosition(GetPositionRequest(position_id=first.position_id)),
        alice.positions.DeletePosition(DeletePositionRequest(position_id=first.position_id)),
        alice.positions.UpdatePosition(UpdatePositionRequest(position_id=first.position_id, quantity=1)),
    ):
        assert (await refused(call)).code == grpc.StatusCode.NOT_FOUND
    assert await listed(alice, portfolio_id=portfolio.portfolio_id) == [second]
    assert await listed(alice, portfolio_id=portfolio.portfolio_id, portfolio_revision=2) == [first, second]
    after = await read(alice, portfolio.portfolio_id)
    assert (after.revision, after.position_count) == (3, 1)


async def test_every_revision_can_be_read_again(alice):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id)
    changed = await update(alice, made.position_id, quantity=20)
    service = as_service(alice)
    quantities = []
    for revision in (1, 2, 3):
        request = GetBookRequest(portfolio_id=portfolio.portfolio_id, revision=revision, as_of_date="2022-12-28")
        quantities.append([position.quantity for position in (await service.portfolios.GetBook(request)).positions])
    assert quantities == [[], [10], [20]]
    assert changed.revision == 3


async def test_a_stale_revision_is_refused(alice):
    portfolio = await make(alice)
    made, other = await enter_all(alice, portfolio.portfolio_id, new(), new("XOM"))
    await update(alice, other.position_id, quantity=5)
    # Another position changed: this one did not, at either revision.
    changed = await update(alice, made.position_id, quantity=11, revision=made.revision)
    assert (changed.quantity, changed.revision) == (11, 4)
    for call in (
        alice.positions.UpdatePosition(
            UpdatePositionRequest(position_id=made.position_id, quantity=12, revision=made.revision)
        ),
        alice.positions.UpdatePosition(UpdatePositionRequest(position_id=made.position_id, quantity=12, revision=99)),
        alice.positions.SetPositionTags(SetPositionTagsRequest(position_id=made.position_id, tags=["a"], revision=3)),
        alice.positions.DeletePosition(DeletePositionRequest(position_id=made.position_id, revision=3)),
    ):
        error = await refused(call)
        assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
        assert error.info.metadata["current"] == "4"


async def test_the_revision_travels_as_etag_and_if_match(alice):
    made = await enter(alice, (await make(alice)).portfolio_id)
    call = alice.positions.GetPosition(GetPositionRequest(position_id=made.position_id))
    etag = dict(await call.initial_metadata())["etag"]
    assert etag == '"2"'
    request = UpdatePositionRequest(position_id=made.position_id, quantity=11)
    changed = await alice.positions.UpdatePosition(request, metadata=[("if-match", etag)])
    assert changed.revision == 3
    request.quantity = 12
    stale = await refused(alice.positions.UpdatePosition(request, metadata=[("if-match", etag)]))
    assert stale.reason == "STALE_REVISION"
    assert (await alice.positions.UpdatePosition(request, metadata=[("if-match", "*")])).quantity == 12
    for header, revision in (("xyz", 0), ('W/"3"', 0), ('"3"', 2)):
        request.revision = revision
        error = await refused(alice.positions.UpdatePosition(request, metadata=[("if-match", header)]))
        assert list(error.fields) == ["if-match"]


async def test_ten_writers_of_one_portfolio_lose_nothing(alice):
    """Each reads before it writes: an edit lands on what was read, or is refused and done again."""
    portfolio = await make(alice)
    entered = await enter_all(alice, portfolio.portfolio_id, *(new(quantity=1000) for _ in range(3)))
    landed = {position.position_id: 0 for position in entered}
    refusals: list[grpc.StatusCode] = []

    async def write(seed: int) -> None:
        choices = random.Random(seed)
        for _ in range(20):
            position_id = choices.choice(entered).position_id
            found = await alice.positions.GetPosition(GetPositionRequest(position_id=position_id))
            try:
                await update(alice, position_id, quantity=found.quantity + 1, revision=found.revision)
                landed[position_id] += 1
            except grpc.aio.AioRpcError as error:
                refusals.append(error.code())

    await asyncio.gather(*(write(seed) for seed in range(10)))
    assert sum(landed.values()) + len(refusals) == 200
    assert sum(landed.values()) > 0
    assert set(refusals) <= {grpc.StatusCode.ABORTED}
    after = await listed(alice, portfolio_id=portfolio.portfolio_id)
    assert {position.position_id: position.quantity - 1000 for position in after} == landed
    assert (await read(alice, portfolio.portfolio_id)).revision == 2 + sum(landed.values())


async def test_writers_without_a_revision_all_land(alice):
    portfolio = await make(alice)
    await asyncio.gather(*(enter(alice, portfolio.portfolio_id, new(quantity=n)) for n in range(1, 11)))
    after = await listed(alice, portfolio_id=portfolio.portfolio_id)
    assert sorted(position.quantity for position in after) == list(range(1, 11))
    assert (await read(alice, portfolio.portfolio_id)).revision == 11


async def test_a_batch_lands_as_one_revision_in_its_order(alice):
    portfolio = await make(alice)
    symbols = ["AAPL", "XOM", CALL, "JPM"]
    request = BatchCreatePositionsRequest(
        portfolio_id=portfolio.portfolio_id,
        positions=[new(symbol, entry_date="2022-12-01") for symbol in symbols],
        request_id="once",
    )
    answer = await alice.positions.BatchCreatePositions(request)
    assert [position.symbol for position in answer.positions] == symbols
    assert (answer.portfolio.revision, answer.portfolio.position_count) == (2, 4)
    assert await alice.positions.BatchCreatePositions(request) == answer
    assert await listed(alice, portfolio_id=portfolio.portfolio_id) == list(answer.positions)


async def test_one_bad_row_keeps_the_whole_batch_out_and_is_named_by_its_place(alice):
    portfolio = await make(alice)
    rows = [new(), new("NOSUCH"), new(entry_date="2022-01-01"), new(exit_price=1)]
    request = BatchCreatePositionsRequest(portfolio_id=portfolio.portfolio_id, positions=rows)
    error = await refused(alice.positions.BatchCreatePositions(request))
    fields = ["positions[1].symbol", "positions[2].entry_date", "positions[3].exit_date"]
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, fields)
    assert "'2022-01-01'" in error.fields["positions[2].entry_date"]
    unreadable = [new(), new(entry_date="2022-02-30"), new("!")]
    error = await refused(
        alice.positions.BatchCreatePositions(
            BatchCreatePositionsRequest(portfolio_id=portfolio.portfolio_id, positions=unreadable)
        )
    )
    assert list(error.fields) == ["positions[1].entry_date", "positions[2].symbol"]
    assert (await read(alice, portfolio.portfolio_id)).revision == 1


async def test_ten_thousand_positions_land_together_and_no_more(alice):
    portfolio = await make(alice)
    rows = [new(("AAPL", "XOM", "JPM")[n % 3], n + 1, tags=[f"t{n % 7}"]) for n in range(10_000)]
    request = BatchCreatePositionsRequest(portfolio_id=portfolio.portfolio_id, positions=rows)
    answer = await alice.positions.BatchCreatePositions(request)
    assert (answer.portfolio.position_count, answer.portfolio.revision) == (10_000, 2)
    assert [position.quantity for position in answer.positions] == [row.quantity for row in rows]
    request.positions.append(new())
    assert list((await refused(alice.positions.BatchCreatePositions(request))).fields) == ["positions"]


async def test_a_repeated_create_adds_nothing(alice):
    portfolio = await make(alice)
    first = await enter(alice, portfolio.portfolio_id, request_id="k")
    assert await enter(alice, portfolio.portfolio_id, request_id="k") == first
    assert len(await listed(alice, portfolio_id=portfolio.portfolio_id)) == 1


async def test_anothers_position_is_as_good_as_none(alice, mallory):
    portfolio = await make(alice)
    made = await enter(alice, portfolio.portfolio_id)

    def attempts(portfolio_id: str, position_id: str):
        yield mallory.positions.GetPosition(GetPositionRequest(position_id=position_id))
        yield mallory.positions.UpdatePosition(UpdatePositionRequest(position_id=position_id, quantity=1))
        yield mallory.positions.UpdatePosition(UpdatePositionRequest(position_id=position_id, entry_date="2022-01-04"))
        yield mallory.positions.DeletePosition(DeletePositionRequest(position_id=position_id))
        yield mallory.positions.SetPositionTags(SetPositionTagsRequest(position_id=position_id))
        yield enter(mallory, portfolio_id)
        yield enter_all(mallory, portfolio_id, new())
        yield listed(mallory, portfolio_id=portfolio_id)

    foreign = [await refused(call) for call in attempts(portfolio.portfolio_id, made.position_id)]
    absent = [await refused(call) for call in attempts(NO_SUCH, NO_SUCH)]
    assert {error.code for error in [*foreign, *absent]} == {grpc.StatusCode.NOT_FOUND}
    hidden = [error.message.replace(portfolio.portfolio_id, "").replace(made.position_id, "") for error in foreign]
    assert hidden == [error.message.replace(NO_SUCH, "") for error in absent]
    assert await listed(mallory) == []
    assert await listed(alice) == [made]
