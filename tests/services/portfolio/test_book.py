"""What a book holds on a day, and the cash that stated balances and trades imply."""

import dataclasses
import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.domain.book import CashBalance, CashMovement, OptionTerms, Position, book_on

Date = datetime.date
ENTRY = Date(2022, 1, 3)
STATED = Date(2022, 6, 30)
ONE_DAY = datetime.timedelta(1)


def position(quantity: str = "10", entry: Date = ENTRY, **changes: object) -> Position:
    plain = Position(
        position_id="p",
        symbol="AAPL",
        instrument_id=1,
        quantity=Decimal(quantity),
        entry_price=Decimal(100),
        entry_date=entry,
        currency="USD",
        multiplier=1.0,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def closed(on: Date, price: str = "120") -> Position:
    return position(exit_date=on, exit_price=Decimal(price))


def usd(amount: str) -> CashBalance:
    return CashBalance("USD", Decimal(amount), STATED)


def cash_on(day: Date, *positions: Position) -> Decimal:
    return book_on(day, positions, [usd("5000")]).cash[0].amount


CALL = OptionTerms("AAPL", 1, Date(2023, 1, 20), "C", 150.0)


def test_types_by_sign_and_right():
    put = dataclasses.replace(CALL, right="P")
    assert [position("1").type_name, position("-1").type_name] == ["LONG", "SHORT"]
    assert [position("1", option=CALL).type_name, position("-1", option=CALL).type_name] == ["LC", "SC"]
    assert [position("1", option=put).type_name, position("-1", option=put).type_name] == ["LP", "SP"]


def test_held_from_the_day_of_entry_until_the_day_of_exit():
    traded = closed(Date(2022, 3, 1))
    held = {
        day: len(book_on(day, [traded], []).positions)
        for day in (Date(2022, 1, 2), Date(2022, 1, 3), Date(2022, 2, 28), Date(2022, 3, 1))
    }
    assert list(held.values()) == [0, 1, 1, 0]
    assert book_on(Date(2022, 3, 1), [traded], []).closed_positions == (traded,)


def test_cash_holds_at_its_date():
    assert cash_on(STATED, position(), closed(Date(2022, 3, 1))) == 5000


def test_before_its_date_trades_are_undone():
    # Bought for 1,000 on 3 January, sold for 1,200 on 1 March; 5,000 is what was left at the end of June.
    traded = closed(Date(2022, 3, 1))
    assert cash_on(Date(2022, 2, 1), traded) == 5000 - 1200
    assert cash_on(Date(2021, 12, 31), traded) == 5000 - 1200 + 1000


def test_after_its_date_trades_are_applied():
    later = position(entry=Date(2022, 7, 1))
    assert cash_on(Date(2022, 7, 1), later) == 4000
    assert cash_on(Date(2022, 8, 1), position("-10", entry=Date(2022, 7, 1))) == 6000


def test_a_trade_on_the_balance_date_is_in_the_balance():
    assert cash_on(STATED, position(entry=STATED)) == 5000
    assert cash_on(STATED - datetime.timedelta(1), position(entry=STATED)) == 6000


def test_contracts_count_with_their_multiplier_and_other_currencies_not_at_all():
    written = position("-2", entry=Date(2022, 7, 1), multiplier=100.0, option=CALL, entry_price=Decimal("3.5"))
    assert cash_on(Date(2022, 7, 1), written) == 5700
    assert cash_on(Date(2022, 7, 1), position(entry=Date(2022, 7, 1), currency="EUR")) == 5000


def test_cash_is_unknown_only_where_something_is_owed():
    day = Date(2022, 7, 1)
    assert book_on(day, [position()], []).cash_reason == ""
    assert book_on(day, [position("-1")], []).cash_reason == "cash_unknown"
    assert book_on(day, [position("-1", option=CALL)], []).cash_reason == "cash_unknown"
    assert book_on(day, [position("-1")], [usd("0")]).cash_reason == ""
    assert book_on(Date(2021, 1, 1), [position("-1")], []).cash_reason == "", "the short was not there yet"


def moved(amount: str, day: Date, currency: str = "USD") -> CashMovement:
    return CashMovement("m", "INTEREST", currency, Decimal(amount), day)


def test_movements_are_undone_before_the_balance_date_and_applied_after_it():
    paid = [moved("100", STATED), moved("7", STATED + ONE_DAY), moved("-30", STATED - ONE_DAY)]
    amounts = [book_on(STATED + n * ONE_DAY, [], [usd("5000")], paid).cash[0].amount for n in (-2, -1, 0, 1, 2)]
    assert amounts == [4930, 4900, 5000, 5007, 5007]


def test_a_book_has_the_movements_up_to_its_day_and_other_currencies_move_nothing():
    paid = [moved("1", STATED, "EUR"), moved("2", STATED + ONE_DAY, "EUR")]
    book = book_on(STATED, [], [usd("5000")], paid)
    assert (book.movements, book.cash[0].amount) == (tuple(paid[:1]), 5000)
    assert book_on(STATED + ONE_DAY, [], [], paid).cash == (), "without a balance they make no cash"


days = st.dates(Date(2022, 1, 1), Date(2022, 12, 31))
trades = st.builds(
    lambda quantity, entry, price, life, out: position(
        str(quantity),
        entry,
        entry_price=price,
        exit_date=entry + datetime.timedelta(life) if out is not None else None,
        exit_price=out,
    ),
    st.integers(-50, 50).filter(bool),
    days,
    st.decimals(0, 1000, places=2, allow_nan=False),
    st.integers(0, 200),
    st.none() | st.decimals(0, 1000, places=2, allow_nan=False),
)


@given(st.lists(trades, max_size=8), days, days)
def test_cash_moves_between_two_days_by_what_was_traded_between_them(book, first, second):
    first, second = min(first, second), max(first, second)
    flow = Decimal(0)
    for trade in book:
        if first < trade.entry_date <= second:
            flow -= trade.quantity * trade.entry_price
        if trade.exit_date and trade.exit_price is not None and first < trade.exit_date <= second:
            flow += trade.quantity * trade.exit_price
    assert cash_on(second, *book) - cash_on(first, *book) == flow


payments = st.builds(
    lambda amount, day, currency: moved(str(amount), day, currency),
    st.decimals(-1000, 1000, places=2, allow_nan=False),
    days,
    st.sampled_from(["USD", "EUR"]),
)


@given(st.lists(trades, max_size=5), st.lists(payments, max_size=8), days, days)
def test_movements_and_trades_move_the_cash_independently(book, paid, first, second):
    first, second = min(first, second), max(first, second)
    both, neither = (
        [book_on(day, book, [usd("5000")], movements).cash[0].amount for day in (first, second)]
        for movements in (paid, [])
    )
    flow = sum(m.amount for m in paid if m.currency == "USD" and first < m.movement_date <= second)
    assert (both[1] - both[0]) - (neither[1] - neither[0]) == flow


@given(st.lists(trades, max_size=5), st.lists(payments, max_size=8), days, days)
def test_a_balance_restated_at_another_day_says_the_same_of_every_day(book, paid, restated, asked):
    rolled = book_on(restated, book, [usd("5000")], paid).cash
    assert book_on(asked, book, rolled, paid).cash == book_on(asked, book, [usd("5000")], paid).cash
