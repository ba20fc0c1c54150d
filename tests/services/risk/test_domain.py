"""The overview as a pure function of a book and its marks, against arithmetic by hand."""

import dataclasses
import math
import statistics
from datetime import date

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from tests.services.risk.answers import ask
from tests.services.risk.books import (
    AAPL,
    CALL,
    COVERED,
    LONG_SHORT,
    MSFT,
    SOLD,
    XOM,
    Row,
    book,
    closes,
    mark,
    market,
    no_mark,
    option_mark,
)

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
CASH = [("USD", 5000.0)]


def overview(held=(), marks=None, **rest):
    return ask(OWNER, book(held, **rest), market(*(closes() if marks is None else marks)))


def test_a_long_short_book_by_hand():
    result = overview(LONG_SHORT, closed=(SOLD, COVERED), cash=CASH)
    summary = result.summary
    # AAPL 100 x 126.04 = 12,604; XOM -50 x 108.38 = -5,419; MSFT 10 x 234.53 = 2,345.30; the call has no mark
    assert summary.total_value == pytest.approx(5000 + 12_604 - 5419 + 2345.30)
    assert summary.cash_balance == 5000.0
    exposures = summary.exposures
    assert exposures.long_exposure == pytest.approx(14_949.30)
    assert exposures.short_exposure == pytest.approx(-5419.0)
    assert exposures.gross_exposure == pytest.approx(20_368.30)
    assert exposures.net_exposure == pytest.approx(9530.30)
    assert exposures.long_percentage == pytest.approx(100 * 14_949.30 / 14_530.30)
    assert exposures.short_percentage == pytest.approx(-100 * 5419 / 14_530.30)
    assert summary.pnl.unrealized_pnl == pytest.approx(604.0 - 419.0 - 154.70)
    assert summary.pnl.realized_pnl == 200 * 5 + -10 * 10
    assert summary.pnl.total_pnl == summary.pnl.unrealized_pnl + summary.pnl.realized_pnl
    count = summary.position_count
    assert (count.total_positions, count.long_count, count.short_count, count.option_count) == (4, 3, 1, 1)
    assert summary.last_updated.isoformat() == "2022-12-28T21:00:00+00:00"


def test_what_was_read_is_named():
    metadata = overview(LONG_SHORT, [mark(1, 126.04, data_version=9), *closes()[1:]]).metadata
    assert metadata.as_of_date == "2022-12-28"
    assert metadata.portfolio_revision == 3
    assert metadata.data_version == 9  # the newest of the marks that were read, not the session's 7
    assert metadata.price_basis == "raw"
    assert len(metadata.result_id) == 64


def test_an_option_without_a_mark_is_listed_with_its_notional():
    coverage = overview(LONG_SHORT, cash=CASH).metadata.coverage
    assert [(left.position_id, left.symbol, left.reason) for left in coverage.excluded] == [
        (CALL.position_id, CALL.symbol, "no_volatility")
    ]
    assert coverage.modelled_gross_exposure == pytest.approx(20_368.30)
    assert coverage.gross_exposure == pytest.approx(20_368.30 + 1 * 100 * 126.04)
    assert coverage.modelled_percent == pytest.approx(100 * 20_368.30 / 32_972.30)


def test_a_share_without_a_price_counts_with_its_cost():
    result = overview((AAPL, XOM), [mark(1, 126.04), no_mark(2, "no_price")], cash=CASH)
    assert result.summary.total_value == pytest.approx(5000 + 12_604)
    assert result.metadata.coverage.gross_exposure == pytest.approx(12_604 + 50 * 100)
    assert [left.reason for left in result.metadata.coverage.excluded] == ["no_price"]


def test_an_option_on_something_without_a_price_counts_with_its_cost():
    result = overview((XOM, CALL), [mark(2, 108.38), no_mark(1, "no_price"), no_mark(4)])
    assert result.metadata.coverage.gross_exposure == pytest.approx(5419 + 1 * 100 * 5)


def test_unknown_cash_leaves_the_value_open_and_nothing_else():
    summary = overview(LONG_SHORT, cash_reason="cash_unknown").summary
    assert (summary.total_value, summary.total_value_reason, summary.cash_balance) == (None, "cash_unknown", None)
    assert (summary.exposures.long_percentage, summary.exposures.short_percentage) == (None, None)
    assert summary.exposures.gross_exposure == pytest.approx(20_368.30)
    assert summary.pnl.unrealized_pnl == pytest.approx(30.30)


def test_a_long_book_without_stated_cash_has_none():
    summary = overview((AAPL,), [mark(1, 126.04)]).summary
    assert (summary.cash_balance, summary.total_value, summary.total_value_reason) == (0.0, 12_604.0, "")


def test_more_debt_than_assets_has_no_percentages():
    summary = overview((AAPL,), [mark(1, 126.04)], cash=[("USD", -20_000.0)]).summary
    assert summary.total_value == pytest.approx(-7396.0)
    assert (summary.exposures.long_percentage, summary.exposures.short_percentage) == (None, None)


def test_a_value_of_exactly_nothing_has_no_percentages():
    summary = overview((AAPL,), [mark(1, 126.0)], cash=[("USD", -12_600.0)]).summary
    assert summary.total_value == 0.0
    assert summary.exposures.long_percentage is None


@pytest.mark.parametrize(("cash", "percentage"), [(CASH, 0.0), ([], None)])
def test_a_book_without_positions_has_no_exposure(cash, percentage):
    result = overview((), [], cash=cash)
    assert result.summary.total_value == sum(amount for _, amount in cash)
    assert result.summary.exposures.gross_exposure == result.summary.exposures.net_exposure == 0.0
    assert result.summary.exposures.long_percentage == percentage
    assert result.metadata.coverage.modelled_percent is None
    assert (result.metadata.price_basis, result.metadata.data_version) == ("", 0)


@pytest.mark.parametrize(("shares", "available"), [(100.0, True), (99.0, False)])
def test_half_of_the_book_is_enough_and_less_is_not(shares, available):
    # a contract on 100 shares, beside 100 (or 99) of those shares
    result = overview((Row("AAPL", 1, shares, 1.0), CALL), [mark(1, 126.04), no_mark(4)])
    assert (result.summary is not None) == available
    assert result.reason == ("" if available else "no_market_data")
    assert result.metadata.coverage.modelled_percent == pytest.approx(100 * shares / (shares + 100))


def test_other_currencies_need_a_rate():
    foreign = Row("SAP", 8, 10, 90.0, currency="EUR")
    closed = Row("BMW", 9, 10, 70.0, exit_price=80.0, currency="EUR")
    result = overview((AAPL, foreign), [mark(1, 126.04), mark(8, 95.0, currency="EUR")], closed=(closed, SOLD))
    assert result.summary.total_value == pytest.approx(12_604)
    assert result.summary.pnl.realized_pnl == 1000.0
    excluded = [(left.symbol, left.reason) for left in result.metadata.coverage.excluded]
    assert excluded == [("SAP", "no_fx_rate"), ("BMW", "no_fx_rate")]
    assert result.metadata.coverage.modelled_percent is None  # what the foreign share is of the whole, nobody knows
    assert any("not known, so that gross exposure omits them: 1" in warning for warning in result.metadata.warnings)


def test_where_sizes_are_unknown_the_number_of_positions_decides():
    foreign = [Row(f"F{number}", number, 1, 1.0, currency="EUR") for number in (8, 9)]
    marks = [mark(1, 126.04), *(mark(row.instrument_id, 1.0, currency="EUR") for row in foreign)]
    assert overview((AAPL, *foreign), marks).reason == "no_market_data"
    assert overview((AAPL, foreign[0]), marks).summary is not None


def test_a_price_in_another_currency_than_the_position_is_not_used():
    result = overview((AAPL, MSFT), [mark(1, 126.04), mark(3, 234.53, currency="EUR")])
    assert result.summary.total_value == 12_604.0
    assert [left.reason for left in result.metadata.coverage.excluded] == ["no_fx_rate"]
    assert result.metadata.coverage.gross_exposure == 12_604.0 + 2500.0


def test_foreign_cash_leaves_the_value_open():
    summary = overview((AAPL,), [mark(1, 126.04)], cash=[("USD", 10.0), ("EUR", 1.0)]).summary
    assert (summary.total_value, summary.total_value_reason, summary.cash_balance) == (None, "no_fx_rate", None)


def test_a_stale_price_is_used_and_named():
    stale = mark(2, 108.38, age_sessions=4, price_date="2022-12-21")
    result = overview(LONG_SHORT, [closes()[0], stale, *closes()[2:]], cash=CASH)
    assert result.summary.total_value == pytest.approx(14_530.30)
    assert "prices are older than 3 sessions: XOM (2022-12-21)" in result.metadata.warnings


def test_three_sessions_are_not_stale():
    result = overview((AAPL,), [mark(1, 126.04, age_sessions=3, price_date="2022-12-22")])
    assert result.metadata.warnings == ()


def test_many_stale_prices_are_one_sentence():
    rows = [Row(f"S{number}", number, 1, 1.0) for number in range(1, 13)]
    marks = [mark(row.instrument_id, 1.0, age_sessions=9, price_date="2022-12-14") for row in rows]
    (warning,) = overview(rows, marks).metadata.warnings
    assert warning.endswith("S10 (2022-12-14) and 2 more")


def test_adjusted_prices_are_said_once():
    adjusted = [dataclasses.replace(known, price_basis="total_return_adjusted") for known in closes(options=())]
    result = overview((AAPL, XOM, MSFT), adjusted)
    assert result.metadata.price_basis == "total_return_adjusted"
    assert sum("total_return_adjusted" in warning for warning in result.metadata.warnings) == 1
    mixed = overview((AAPL, XOM, MSFT), [adjusted[0], *closes(options=())[1:]])
    assert mixed.metadata.price_basis == "total_return_adjusted"


def test_the_same_book_gives_the_same_overview_to_the_last_bit():
    first, second = (msgspec.msgpack.encode(overview(LONG_SHORT, closed=(SOLD,), cash=CASH)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("book_change", "marks"),
    [
        ({"held": (AAPL, XOM, MSFT, dataclasses.replace(CALL, quantity=2)), "revision": 4}, closes()),
        ({"cash": [("USD", 5000.01)], "revision": 4}, closes()),
        ({}, [mark(1, 126.05), *closes()[1:]]),
        ({}, [mark(1, 126.04, price_date="2022-12-27", age_sessions=1), *closes()[1:]]),
        ({}, [mark(1, 126.04, price_basis="total_return_adjusted"), *closes()[1:]]),
        ({}, [mark(1, 126.04, data_version=6), *closes()[1:]]),
        ({}, [*closes()[:3], no_mark(4, "unknown_instrument")]),
        ({}, [*closes()[:3], option_mark(4, 5.0)]),
        ({}, [mark(1, 126.04, source="quote"), *closes()[1:]]),
    ],
)
def test_another_book_or_mark_has_another_id(book_change, marks):
    known = {"held": LONG_SHORT, "cash": CASH}
    unchanged = ask(OWNER, book(**known), market(*closes())).metadata.result_id
    assert ask(OWNER, book(**(known | book_change)), market(*marks)).metadata.result_id != unchanged


def test_another_owner_or_portfolio_has_another_id():
    ids = {
        ask(owner, book((AAPL,), portfolio_id=portfolio_id), market(mark(1, 126.04))).metadata.result_id
        for owner in ("a", "b")
        for portfolio_id in ("c", "d")
    }
    assert len(ids) == 4


def test_a_new_version_without_a_new_mark_has_the_same_id():
    before = overview(LONG_SHORT)
    session = dataclasses.replace(market().session, data_version=8)
    after = ask(OWNER, book(LONG_SHORT), market(*closes(), session=session))
    assert after == before


def test_an_option_whose_mark_tells_its_volatility_counts_with_its_delta():
    plain, result = (
        overview(LONG_SHORT, cash=CASH),
        overview(LONG_SHORT, [*closes(options=()), option_mark(4, 5.5)], cash=CASH),
    )
    delta = (exposures := result.summary.exposures).long_exposure - plain.summary.exposures.long_exposure
    delta /= 100 * 126.04
    # Black and Scholes: a call without dividends is never exercised early
    years = (date(2023, 1, 20) - date(2022, 12, 28)).days / 365
    d1 = (math.log(126.04 / 130) + (0.04 + 0.4**2 / 2) * years) / (0.4 * math.sqrt(years))
    assert delta == pytest.approx(statistics.NormalDist().cdf(d1), abs=1e-12)
    assert exposures.short_exposure == plain.summary.exposures.short_exposure
    assert result.summary.total_value == pytest.approx(plain.summary.total_value + 100 * 5.5)
    assert result.summary.pnl.unrealized_pnl == pytest.approx(plain.summary.pnl.unrealized_pnl + 100 * (5.5 - 5.0))
    coverage = result.metadata.coverage
    assert (coverage.modelled_percent, coverage.excluded) == (100.0, ())


def test_a_written_put_is_long_and_a_written_call_short():
    written = dataclasses.replace(CALL, quantity=-1)
    call = overview((written,), [mark(1, 126.04), option_mark(4, 5.5)]).summary.exposures
    put = overview((written,), [mark(1, 126.04), option_mark(4, 9.0, is_call=False)]).summary.exposures
    assert (call.long_exposure, put.short_exposure) == (0.0, 0.0)
    assert call.short_exposure < 0.0 < put.long_exposure


def test_exposures_of_an_american_and_a_european_put_differ():
    deltas = {
        american: overview(
            (CALL,), [mark(1, 126.04), option_mark(4, 60.0, is_call=False, is_american=american, strike=186.0)]
        ).summary.exposures.net_exposure
        for american in (True, False)
    }
    assert deltas[True] == pytest.approx(-100 * 126.04)  # best exercised at once
    assert deltas[True] < deltas[False]


def test_a_delta_does_not_depend_on_which_other_options_there_are():
    rows = [dataclasses.replace(CALL, symbol=f"C{number}", instrument_id=number) for number in range(10, 30)]
    marks = {
        row.instrument_id: option_mark(row.instrument_id, 5.0, strike=100.0 + row.instrument_id, is_american=odd)
        for row in rows
        for odd in [bool(row.instrument_id % 2)]
    }
    spot = mark(1, 126.04)
    together = ask(OWNER, book(rows), market(spot, *marks.values())).summary.exposures.long_exposure
    alone = [overview((row,), [spot, marks[row.instrument_id]]).summary.exposures.long_exposure for row in rows]
    assert together == math.fsum(alone)


def test_what_models_assume_is_said():
    second = dataclasses.replace(CALL, symbol="SECOND", instrument_id=9)
    marks = [mark(1, 126.04), option_mark(4, 5.5), option_mark(9, 5.5, volatility_source="chain")]
    assert overview((CALL, second), marks).metadata.warnings == (
        "options valued by a model: 2; their volatility is that of the contracts quoted next to them (1), "
        "that of their underlyings over 90 sessions (1)",
        "no Treasury yields are known: options are valued at an assumed rate of 4 %",
        "dividend yields of underlyings are not known, and taken to be 0, for options: 2",
    )
    known = {"rate_source": "treasury", "dividend_yield_source": "dividends", "volatility_source": "price"}
    quoted = [mark(1, 126.04), option_mark(4, 5.5, {"source": "quote"}, **known)]
    assert overview((CALL,), quoted).metadata.warnings == ()


def test_an_expired_option_counts_with_what_it_was_worth_and_exposes_to_nothing():
    over = {"expired": True, "expiry_date": date(2022, 12, 16), "volatility": math.nan, "rate": math.nan}
    result = overview((CALL,), [mark(1, 126.04), option_mark(4, 7.0, {"source": "close"}, **over)])
    assert (result.summary.total_value, result.summary.exposures.gross_exposure) == (700.0, 0.0)
    assert result.metadata.coverage.excluded == ()
    (warning,) = result.metadata.warnings
    assert warning.startswith("options that have expired count with what they were worth then")
    assert CALL.symbol in warning


@pytest.mark.parametrize("terms", [{"volatility": math.nan}, {"underlying_price": math.nan}])
def test_an_option_that_has_a_price_but_no_volatility_is_left_out(terms):
    result = overview(LONG_SHORT, [*closes(options=()), option_mark(4, 6.5, **terms)], cash=CASH)
    assert result.summary == overview(LONG_SHORT, cash=CASH).summary
    assert [left.reason for left in result.metadata.coverage.excluded] == ["no_delta"]


def test_the_weakest_basis_is_that_of_the_whole():
    bases = ["raw", "split_adjusted", "raw"]
    marks = [
        dataclasses.replace(known, price_basis=basis) for known, basis in zip(closes(options=()), bases, strict=True)
    ]
    assert overview((AAPL, XOM, MSFT), marks).metadata.price_basis == "split_adjusted"


prices = st.floats(0.0, 1e6)
currencies = st.sampled_from(["USD", "USD", "USD", "EUR"])
amounts = st.floats(-1e9, 1e9)


@st.composite
def books_and_marks(draw):
    """Any book: with gaps, options, foreign prices, any cash or none."""
    numbers = range(1, draw(st.integers(0, 8)) + 1)
    rows = [
        Row(
            f"S{number}",
            number,
            draw(st.floats(-1e6, 1e6).filter(bool)),
            draw(prices),
            underlying_id=draw(st.sampled_from([0, 0, numbers[0]])),
            multiplier=draw(st.sampled_from([1.0, 100.0])),
            currency=draw(currencies),
        )
        for number in numbers
    ]
    positive = st.floats(1e-3, 1e5)
    options = {"strike": positive, "underlying_price": positive | st.just(math.nan), "is_american": st.booleans()}
    options |= {"volatility": st.floats(0.01, 5.0) | st.just(math.nan), "is_call": st.booleans()}
    options |= {"expired": st.booleans()}
    marks = [
        draw(
            st.one_of(
                st.builds(mark, st.just(n), prices, currency=currencies),
                st.builds(no_mark, st.just(n)),
                st.builds(option_mark, st.just(n), prices, **options),
            )
        )
        for n in numbers
    ]
    closed = [dataclasses.replace(row, exit_price=draw(prices)) for row in rows if draw(st.booleans())]
    cash = draw(st.lists(st.tuples(currencies, amounts), max_size=3))
    reason = draw(st.sampled_from(["", "cash_unknown"]))
    return book(rows, closed, () if reason else cash, reason), market(*marks)


@given(books_and_marks())
def test_whatever_the_book_every_number_is_finite_and_the_sums_hold(book_and_market):
    held, slice_ = book_and_market
    result = ask(OWNER, held, slice_)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(result)))
    coverage = result.metadata.coverage
    assert 0.0 <= coverage.modelled_gross_exposure <= coverage.gross_exposure
    assert all(left.reason for left in coverage.excluded)
    if result.summary is None:
        assert result.reason == "no_market_data"
        return
    exposures = result.summary.exposures
    assert exposures.gross_exposure >= abs(exposures.net_exposure)
    assert exposures.net_exposure == exposures.long_exposure + exposures.short_exposure
    assert exposures.gross_exposure == pytest.approx(coverage.modelled_gross_exposure, rel=1e-12)
    assert (result.summary.total_value is None) == bool(result.summary.total_value_reason)
    has_weights = result.summary.total_value is not None and result.summary.total_value > 0
    assert (exposures.long_percentage is not None) == has_weights


def numbers_in(content):
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, (list, tuple)):
        return [number for part in content for number in numbers_in(part)]
    return [content] if isinstance(content, (int, float)) else []


def test_an_option_whose_underlying_has_no_price_of_its_own_is_left_out():
    """The option may have a price and a delta all the same; what it is about cannot be said."""
    result = overview((AAPL, CALL, XOM), [mark(1, 126.04, currency="EUR"), mark(2, 100.0), option_mark(4, 5.0)])
    reasons = {left.symbol: left.reason for left in result.metadata.coverage.excluded}
    assert reasons == {"AAPL": "no_fx_rate", CALL.symbol: "no_underlying_price"}
