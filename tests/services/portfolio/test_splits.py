"""What splits make of positions: their shares change, and what they are worth does not."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.portfolio.v1.cash_service_pb2 import PutCashBalancesRequest
from plimsoll.portfolio.v1.data_service_pb2 import GetCompletePortfolioRequest, GetPositionDetailsRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import GetBookRequest
from services.portfolio.domain.book import CashBalance, OptionTerms
from services.portfolio.domain.splits import Split, book_told_on, told_on
from tests.services.portfolio.books import enter, enter_all, make, new
from tests.services.portfolio.conftest import Client, as_service
from tests.services.portfolio.test_book import ONE_DAY, position

Date = datetime.date
EX = Date(2022, 12, 21)
TEN = {1: [Split(EX, 10.0, priced_in=False)]}
CALL = OptionTerms("A", 1, Date(2023, 1, 20), "C", 1050.0)
LATE = Date(2022, 12, 28)


def option(**changes):
    return position("2", symbol="A230120C01050000", instrument_id=9, option=CALL, multiplier=100.0, **changes)


def test_ten_for_one_makes_ten_of_each_share_from_its_day_on():
    held = position("7", entry=Date(2022, 12, 1))
    assert told_on(EX - ONE_DAY, held, TEN) is held
    told = told_on(EX, held, TEN)
    assert (told.quantity, told.entry_price, told.entered) == (70, 10, held)
    assert told_on(EX, position("-7"), TEN).quantity == -70


def test_who_enters_on_the_day_owns_new_shares():
    held = position("7", entry=EX)
    assert told_on(LATE, held, TEN) is held
    assert told_on(LATE, position("7", instrument_id=2), TEN).quantity == 7


def test_splits_follow_one_another_also_the_other_way_round():
    splits = {1: [Split(Date(2022, 6, 1), 3.0, False), Split(EX, 0.5, False)]}
    days = (Date(2022, 5, 31), Date(2022, 6, 1), EX)
    assert [told_on(day, position("8"), splits).quantity for day in days] == [8, 24, 12]
    assert told_on(EX, position("8", entry=Date(2022, 7, 1)), splits).quantity == 4


def test_prices_that_know_the_future_are_in_the_shares_of_the_future():
    priced_in = {1: [Split(EX, 10.0, priced_in=True)]}
    assert told_on(Date(2022, 12, 1), position("7"), priced_in).quantity == 70
    sold = position("7", exit_date=Date(2022, 12, 20), exit_price=Decimal(100))
    assert told_on(LATE, sold, priced_in) is sold, "its exit price is of the day"


def test_an_option_becomes_ten_contracts_at_a_tenth_of_the_strike():
    told = told_on(LATE, option(), TEN)
    assert (told.symbol, told.quantity, told.entry_price) == ("A230120C00105000", 20, 10)
    assert (told.option.strike, told.underlying_instrument_id) == (105.0, 1)
    assert told.entered == option()
    expired = option(entry=Date(2022, 11, 1))
    after_expiry = {1: [Split(Date(2023, 2, 1), 10.0, False)]}
    assert told_on(Date(2023, 3, 1), expired, after_expiry) is expired


def test_what_was_realised_is_in_the_shares_of_the_exit():
    sold = position("10", exit_date=LATE, exit_price=Decimal("10.2"))
    assert told_on(LATE, sold, TEN).realized_pnl == 10 * (102 - 100)
    assert told_on(Date(2023, 6, 1), sold, {1: [*TEN[1], Split(Date(2023, 2, 1), 2.0, False)]}).realized_pnl == 20
    before = position("10", exit_date=EX - ONE_DAY, exit_price=Decimal(102))
    assert told_on(LATE, before, TEN) is before


@pytest.mark.parametrize("day", [Date(2022, 12, 1), EX, Date(2022, 12, 27), LATE, Date(2023, 1, 3)])
def test_cash_knows_how_many_shares_were_sold(day: Date):
    """Ten bought at 100, sold after the split as a hundred at 10.2: 1,020 came in on the 28th, whatever is asked."""
    sold = position("10", exit_date=LATE, exit_price=Decimal("10.2"))
    stated = [CashBalance("USD", Decimal(5000), Date(2022, 12, 30))]
    book = book_told_on(day, ([sold], stated, []), TEN)
    assert book.cash[0].amount == (5000 if day >= LATE else 5000 - 1020)
    assert [p.quantity for p in book.positions] == ([] if day >= LATE else [100 if day >= EX else 10])


@given(
    st.decimals("-1e6", "1e6", places=4).filter(bool),
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([10.0, 2.0, 1.5, 0.1, 0.25])), max_size=4),
    st.integers(0, 320),
)
def test_a_split_changes_no_value(quantity: Decimal, told: list[tuple[int, float]], later: int):
    """The close falls by the ratio, the shares rise by it; cost stays what was paid."""
    held = position(str(quantity))
    splits = {1: [Split(held.entry_date + day * ONE_DAY, ratio, False) for day, ratio in sorted(told)]}
    day, price = held.entry_date + later * ONE_DAY, 100.0
    for split in splits[1]:
        price /= split.ratio if split.ex_date <= day else 1.0
    now = told_on(day, held, splits)
    assert float(now.quantity) * price == pytest.approx(float(quantity) * 100.0)
    assert float(now.quantity * now.entry_price) == pytest.approx(float(quantity) * 100.0)


# --- through the service: GOOGL is split twenty for one on 2022-07-18, and closes at 86.02 ---

CONTRACT, BECOMES = "GOOGL230120C02000000", "GOOGL230120C00100000"


@pytest.fixture
async def portfolio_id(alice: Client) -> str:
    made = await make(alice)
    await enter_all(
        alice,
        made.portfolio_id,
        new("GOOGL", 3, entry_price=2200),
        new("GOOGL", -4, entry_price=110, entry_date="2022-07-18"),
        new(CONTRACT, 2, entry_price=300),
        new("GOOGL", 1, entry_price=2200, exit_date="2022-12-01", exit_price=100),
        new("AAPL", 5),
    )
    balances = PutCashBalancesRequest(portfolio_id=made.portfolio_id, balances={"USD": 9000}, balance_date="2022-12-28")
    await alice.cash.PutCashBalances(balances)
    return made.portfolio_id


async def test_a_portfolio_is_valued_in_the_shares_of_the_day(alice: Client, portfolio_id: str):
    found = await alice.data.GetCompletePortfolio(GetCompletePortfolioRequest(portfolio_id=portfolio_id))
    assert [position.quantity for position in found.positions] == [60, -4, 40, 5]
    assert [position.position.quantity for position in found.positions] == [3, -4, 2, 5], "as it was entered"
    assert [position.contract_symbol for position in found.positions] == ["", "", BECOMES, ""]
    assert found.positions[2].position.symbol == CONTRACT
    assert found.positions[0].market_value == pytest.approx(60 * 86.02)
    assert [position.cost_basis for position in found.positions] == pytest.approx([6600, -440, 60000, 500])
    assert found.positions[0].unrealized_pnl == pytest.approx(60 * 86.02 - 6600)
    request = GetCompletePortfolioRequest(portfolio_id=portfolio_id, as_of_date="2022-07-15")
    before = await alice.data.GetCompletePortfolio(request)
    assert [position.quantity for position in before.positions] == [3, 2, 1, 5]
    assert before.cash_balance == pytest.approx(9000 - 20 * 100 - 4 * 110), "neither trade had been made"


async def test_details_tell_what_was_realised_across_a_split(alice: Client, portfolio_id: str):
    request = GetPositionDetailsRequest(portfolio_id=portfolio_id, include_closed=True)
    closed = (await alice.data.GetPositionDetails(request)).positions[3]
    assert (closed.reason, closed.quantity, closed.position.quantity) == ("closed", 20, 1)
    assert closed.realized_pnl == pytest.approx(20 * 100 - 2200)


async def test_a_book_for_risk_is_in_the_shares_of_its_prices(alice: Client, portfolio_id: str):
    request = GetBookRequest(portfolio_id=portfolio_id, as_of_date="2022-12-28", data_version=7)
    book = await as_service(alice).portfolios.GetBook(request)
    assert [(p.symbol, p.quantity, p.entry_price) for p in book.positions] == [
        ("GOOGL", 60, 110),
        ("GOOGL", -4, 110),
        (BECOMES, 40, 15),
        ("AAPL", 5, 100),
    ]
    option, stock = book.positions[2], book.positions[0]
    assert (option.option.strike, option.option.underlying_instrument_id) == (100, stock.instrument_id)
    assert option.instrument_id >= 1000, "an instrument of its own"
    assert (book.closed_positions[0].quantity, book.cash[0].amount) == (20, 9000)


async def test_what_cannot_be_a_contract_after_a_split_has_no_value(alice: Client):
    made = await make(alice)
    await enter(alice, made.portfolio_id, new("GOOGL230120C00000001", 1, entry_price=1))
    found = await alice.data.GetCompletePortfolio(GetCompletePortfolioRequest(portfolio_id=made.portfolio_id))
    assert (found.positions[0].HasField("market_value"), found.positions[0].reason) == (False, "unknown_instrument")
