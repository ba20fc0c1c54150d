"""Cash through the service as it is wired: balances by currency, and movements that take part in every other day."""

import grpc
import pytest

from plimsoll.portfolio.v1.cash_movement_pb2 import CashMovement
from plimsoll.portfolio.v1.cash_service_pb2 import (
    CashBalances,
    CreateCashMovementRequest,
    DeleteCashBalanceRequest,
    DeleteCashMovementRequest,
    GetCashBalancesRequest,
    ListCashMovementsRequest,
    PutCashBalancesRequest,
)
from plimsoll.portfolio.v1.data_service_pb2 import GetCompletePortfolioRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import GetBookRequest
from tests.services.portfolio.books import NO_SUCH, enter, make, new, read
from tests.services.portfolio.conftest import Client, as_service, refused

DAY = "2022-06-30"


async def put(client: Client, portfolio_id: str, balances: dict[str, float], day: str = DAY, **more) -> CashBalances:
    request = PutCashBalancesRequest(portfolio_id=portfolio_id, balances=balances, balance_date=day, **more)
    return await client.cash.PutCashBalances(request)


async def get(client: Client, portfolio_id: str, **more) -> dict[str, float]:
    answer = await client.cash.GetCashBalances(GetCashBalancesRequest(portfolio_id=portfolio_id, **more))
    return {balance.currency: balance.amount for balance in answer.balances}


async def move(client: Client, portfolio_id: str, kind: str, amount: float, day: str, **more) -> CashMovement:
    request = CreateCashMovementRequest(
        portfolio_id=portfolio_id,
        kind=CashMovement.Kind.Value(kind),
        amount=amount,
        movement_date=day,
        **{"currency": "USD", **more},
    )
    return await client.cash.CreateCashMovement(request)


async def moved(client: Client, portfolio_id: str, **wanted) -> list[CashMovement]:
    found, token = [], ""
    while True:
        request = ListCashMovementsRequest(portfolio_id=portfolio_id, page_token=token, **wanted)
        page = await client.cash.ListCashMovements(request)
        found += page.movements
        if not (token := page.next_page_token):
            return found


async def test_balances_are_stated_by_currency_and_signed(alice):
    portfolio_id = (await make(alice)).portfolio_id
    assert await get(alice, portfolio_id) == {}
    answer = await put(alice, portfolio_id, {"USD": -5078.62, "EUR": 10})
    assert [(b.currency, b.amount, b.balance_date) for b in answer.balances] == [
        ("EUR", 10, DAY),
        ("USD", -5078.62, DAY),
    ]
    assert answer.portfolio_revision == 2
    later = await put(alice, portfolio_id, {"EUR": 0}, "2022-07-01")
    assert [(b.currency, b.amount, b.balance_date) for b in later.balances] == [
        ("EUR", 0, "2022-07-01"),
        ("USD", -5078.62, DAY),
    ]
    assert await get(alice, portfolio_id, portfolio_revision=2) == {"EUR": 10, "USD": -5078.62}
    assert (await put(alice, portfolio_id, {"EUR": 0}, "2022-07-01")).portfolio_revision == 3, "nothing is different"
    await alice.cash.DeleteCashBalance(DeleteCashBalanceRequest(portfolio_id=portfolio_id, currency="EUR"))
    assert await get(alice, portfolio_id) == {"USD": -5078.62}
    gone = await refused(
        alice.cash.DeleteCashBalance(DeleteCashBalanceRequest(portfolio_id=portfolio_id, currency="EUR"))
    )
    assert gone.code == grpc.StatusCode.NOT_FOUND


async def test_a_stale_balance_is_refused(alice):
    portfolio_id = (await make(alice)).portfolio_id
    first = await put(alice, portfolio_id, {"USD": 1, "EUR": 1})
    await put(alice, portfolio_id, {"USD": 2})
    await put(alice, portfolio_id, {"EUR": 5}, revision=first.portfolio_revision)
    for call in (
        put(alice, portfolio_id, {"USD": 3}, revision=first.portfolio_revision),
        put(alice, portfolio_id, {"USD": 3}, revision=77),
        alice.cash.DeleteCashBalance(
            DeleteCashBalanceRequest(portfolio_id=portfolio_id, currency="USD", revision=first.portfolio_revision)
        ),
    ):
        assert (await refused(call)).reason == "STALE_REVISION"
    assert await get(alice, portfolio_id) == {"EUR": 5, "USD": 2}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"balances": {}}, "balances"),
        ({"balances": {"usd": 1.0}}, "balances"),
        ({"balances": {"USD": float("nan")}}, "balances[USD]"),
        ({"balances": {"USD": 1e16}}, "balances[USD]"),
        ({"balance_date": "2999-01-01"}, "balance_date"),
        ({"balance_date": "2022-02-30"}, "balance_date"),
        ({"balance_date": ""}, "balance_date"),
    ],
)
async def test_what_is_no_balance_is_refused_by_field(alice, fields, field):
    portfolio_id = (await make(alice)).portfolio_id
    given = {"balances": {"USD": 1.0}, "balance_date": DAY, **fields}
    error = await refused(alice.cash.PutCashBalances(PutCashBalancesRequest(portfolio_id=portfolio_id, **given)))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [name.partition("[usd]")[0] for name in error.fields] == [field]


async def test_movements_take_part_in_the_cash_of_other_days(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await put(alice, portfolio_id, {"USD": 5000})
    await enter(alice, portfolio_id, new(quantity=10, entry_date="2022-03-01"))
    await move(alice, portfolio_id, "DEPOSIT", 1000, "2022-02-01")
    await move(alice, portfolio_id, "DIVIDEND", 23.5, "2022-07-15", symbol="aapl")
    await move(alice, portfolio_id, "FEE", -7, "2022-07-16")
    await move(alice, portfolio_id, "DEPOSIT", 99, "2022-07-16", currency="EUR")
    days = ("2022-01-31", "2022-02-01", "2022-03-01", DAY, "2022-07-15", "2022-07-17")
    cash = [(await get(alice, portfolio_id, as_of_date=day)) for day in days]
    assert cash == [{"USD": amount} for amount in (5000, 6000, 5000, 5000, 5023.5, 5016.5)]
    assert await get(alice, portfolio_id) == {"USD": 5000}, "as stated"
    request = GetBookRequest(portfolio_id=portfolio_id, as_of_date="2022-07-15")
    book = await as_service(alice).portfolios.GetBook(request)
    assert [(m.kind, m.amount, m.symbol) for m in book.cash_movements] == [
        (CashMovement.DEPOSIT, 1000, ""),
        (CashMovement.DIVIDEND, 23.5, "AAPL"),
    ]
    assert [balance.amount for balance in book.cash] == [5023.5]
    complete = await alice.data.GetCompletePortfolio(GetCompletePortfolioRequest(portfolio_id=portfolio_id))
    assert complete.cash_balance == 5016.5


async def test_movements_alone_make_no_cash(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await move(alice, portfolio_id, "DEPOSIT", 1000, "2022-02-01")
    assert await get(alice, portfolio_id, as_of_date="2022-12-28") == {}


async def test_movements_are_listed_by_day_and_taken_back(alice):
    portfolio_id = (await make(alice)).portfolio_id
    late = await move(alice, portfolio_id, "INTEREST", -3, "2022-05-01", note=" margin ")
    early = await move(alice, portfolio_id, "WITHDRAWAL", -50, "2022-01-02", currency="GBP")
    same = await move(alice, portfolio_id, "INTEREST", 4, "2022-05-01")
    assert (late.note, late.revision, late.portfolio_id) == ("margin", 2, portfolio_id)
    assert await moved(alice, portfolio_id) == [early, late, same]
    assert await moved(alice, portfolio_id, page_size=1) == [early, late, same]
    assert await moved(alice, portfolio_id, currency="GBP") == [early]
    assert await moved(alice, portfolio_id, kinds=[CashMovement.INTEREST]) == [late, same]
    assert await moved(alice, portfolio_id, start_date="2022-01-03") == [late, same]
    assert await moved(alice, portfolio_id, end_date="2022-01-02") == [early]
    await alice.cash.DeleteCashMovement(
        DeleteCashMovementRequest(portfolio_id=portfolio_id, movement_id=late.movement_id)
    )
    assert await moved(alice, portfolio_id) == [early, same]
    assert await moved(alice, portfolio_id, portfolio_revision=4) == [early, late, same]
    assert (await read(alice, portfolio_id)).revision == 5
    again = await refused(
        alice.cash.DeleteCashMovement(
            DeleteCashMovementRequest(portfolio_id=portfolio_id, movement_id=late.movement_id)
        )
    )
    assert again.code == grpc.StatusCode.NOT_FOUND
    assert (await read(alice, portfolio_id)).revision == 5, "a refusal changes nothing"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": 0}, "kind"),
        ({"kind": 9}, "kind"),
        ({"amount": 0}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 5, "kind": CashMovement.WITHDRAWAL}, "amount"),
        ({"amount": 5, "kind": CashMovement.FEE}, "amount"),
        ({"amount": float("inf")}, "amount"),
        ({"currency": "dollar"}, "currency"),
        ({"movement_date": "2999-01-01"}, "movement_date"),
        ({"movement_date": "yesterday"}, "movement_date"),
        ({"note": "x" * 201}, "note"),
    ],
)
async def test_what_is_no_movement_is_refused_by_field(alice, fields, field):
    portfolio_id = (await make(alice)).portfolio_id
    given = {"kind": CashMovement.DEPOSIT, "amount": 5, "currency": "USD", "movement_date": "2022-01-02", **fields}
    request = CreateCashMovementRequest(portfolio_id=portfolio_id, **given)
    error = await refused(alice.cash.CreateCashMovement(request))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "eyJkYXRlIjoiMjAyMi0wMS0wMSIsInJldmlzaW9uIjoieCIsImlkIjoieSJ9",
        "eyJuYW1lIjoieCJ9",
    ],
)
async def test_a_foreign_page_token_is_refused(alice, token):
    portfolio_id = (await make(alice)).portfolio_id
    request = ListCashMovementsRequest(portfolio_id=portfolio_id, page_token=token)
    assert list((await refused(alice.cash.ListCashMovements(request))).fields) == ["page_token"]


async def test_a_repeated_movement_moves_once(alice):
    portfolio_id = (await make(alice)).portfolio_id
    first = await move(alice, portfolio_id, "DEPOSIT", 5, "2022-01-03", request_id="k")
    assert await move(alice, portfolio_id, "DEPOSIT", 5, "2022-01-03", request_id="k") == first
    assert await moved(alice, portfolio_id) == [first]


async def test_anothers_cash_is_as_good_as_none(alice, mallory):
    portfolio_id = (await make(alice)).portfolio_id
    await put(alice, portfolio_id, {"USD": 1})
    movement = await move(alice, portfolio_id, "DEPOSIT", 5, "2022-01-03")
    hers = (await make(mallory)).portfolio_id

    def attempts(portfolio_id: str, movement_id: str):
        yield get(mallory, portfolio_id)
        yield put(mallory, portfolio_id, {"USD": 2})
        yield mallory.cash.DeleteCashBalance(DeleteCashBalanceRequest(portfolio_id=portfolio_id, currency="USD"))
        yield moved(mallory, portfolio_id)
        yield move(mallory, portfolio_id, "DEPOSIT", 5, "2022-01-03")
        for own in (portfolio_id, hers):
            yield mallory.cash.DeleteCashMovement(DeleteCashMovementRequest(portfolio_id=own, movement_id=movement_id))

    foreign = [await refused(call) for call in attempts(portfolio_id, movement.movement_id)]
    absent = [await refused(call) for call in attempts(NO_SUCH, NO_SUCH)]
    assert {error.code for error in [*foreign, *absent]} == {grpc.StatusCode.NOT_FOUND}
    hidden = [error.message.replace(portfolio_id, "").replace(movement.movement_id, "") for error in foreign]
    assert hidden == [error.message.replace(NO_SUCH, "") for error in absent]
    assert (await get(alice, portfolio_id), await moved(alice, portfolio_id)) == ({"USD": 1}, [movement])
