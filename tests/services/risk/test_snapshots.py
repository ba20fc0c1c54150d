"""Snapshots of the past of books whose every number was worked out by hand."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmath.american import american
from riskmath.exchange import no_rates
from services.risk.domain.book_history import book_returns, snapshots
from services.risk.domain.past_cash import past_cash
from services.risk.domain.snapshot import digest_of, warnings_of
from tests.services.risk.books import AAPL, AS_OF, CALL, SOLD, XOM, mark, no_mark, option_mark
from tests.services.risk.pasts import DAYS, marks_on, on, past, priced, traded

CLOSES = [[100.0, 50.0], [102.0, 49.0], [101.0, 48.0], [105.0, 52.0], [107.0, 51.0]]


def taken(book, market, newest=AS_OF):
    return snapshots(book, market, newest)


def column(found, name):
    return [getattr(snapshot, name) for snapshot in found]


def test_a_long_book_without_cash_gets_its_positions_paid_in():
    # 100 at 100 bought before; 20 of the other at 48.5 on the third day
    held = traded((on(AAPL, DAYS[0], entry_price=100.0), on(XOM, DAYS[2], quantity=20.0, entry_price=48.5)))
    found = taken(held, past(CLOSES))
    assert column(found, "snapshot_date") == list(DAYS[1:])
    assert column(found, "performance_basis") == ["contribution_at_entry"] * 4
    assert column(found, "total_value") == [10_200.0, 10_100.0 + 960.0, 10_500.0 + 1_040.0, 10_700.0 + 1_020.0]
    assert column(found, "contributions") == [10_000.0, 10_970.0, 10_970.0, 10_970.0]
    assert column(found, "daily_pnl") == [200.0, -100.0 - 10.0, 400.0 + 80.0, 200.0 - 20.0]
    expected = [10_200 / 10_000 - 1, 11_060 / (10_200 + 970) - 1, 11_540 / 11_060 - 1, 11_720 / 11_540 - 1]
    assert column(found, "daily_return") == pytest.approx(expected)
    assert column(found, "cumulative_pnl") == [200.0, 90.0, 570.0, 750.0]
    assert column(found, "position_count") == [1, 2, 2, 2]
    assert column(found, "backfilled") == [True, True, True, False]
    assert column(found, "price_basis") == ["raw"] * 4


def test_long_and_short_are_paid_from_the_stated_cash():
    # 5,000 at the end; the short of 50 at 50 on the second day brought 2,500 in, so it was 2,500 before
    held = traded((on(AAPL, DAYS[0], entry_price=100.0), on(XOM, DAYS[1], entry_price=50.0)), cash=[("USD", 5_000.0)])
    found = taken(held, past(CLOSES))
    assert column(found, "performance_basis") == ["funded_from_cash"] * 4
    assert column(found, "cash_value") == [5_000.0] * 4
    values = [10_200 - 2_450 + 5_000, 10_100 - 2_400 + 5_000, 10_500 - 2_600 + 5_000, 10_700 - 2_550 + 5_000]
    assert column(found, "total_value") == values
    assert column(found, "daily_return") == pytest.approx(
        [later / before - 1 for before, later in zip([12_500, *values], values, strict=False)]
    )
    last = found[-1]
    assert (last.long_value, last.short_value, last.market_value) == (10_700.0, -2_550.0, 8_150.0)
    assert (last.long_exposure, last.short_exposure) == (10_700.0, -2_550.0)
    assert (last.gross_exposure, last.net_exposure) == (13_250.0, 8_150.0)
    assert (last.portfolio_delta, last.portfolio_gamma, last.portfolio_vega) == (50.0, 0.0, 0.0)
    assert (last.long_count, last.short_count, last.option_count) == (1, 1, 0)


def test_a_closed_position_is_realised_and_its_price_goes_into_the_cash():
    sold = on(SOLD, DAYS[1], instrument_id=2, quantity=200.0, entry_price=49.5, exit_price=51.0)
    held = traded((on(AAPL, DAYS[0], entry_price=100.0),), ((sold, DAYS[3]),), cash=[("USD", 1_000.0)])
    found = taken(held, past(CLOSES))
    assert column(found, "cash_value") == [1_000.0 - 200 * 51.0] * 2 + [1_000.0] * 2
    assert column(found, "realized_pnl") == [0.0, 0.0, 300.0, 300.0]
    assert column(found, "unrealized_pnl") == [200.0 - 100.0, 100.0 - 300.0, 500.0, 700.0]
    start = 1_000.0 - 200 * 51.0 + 200 * 49.5 + 10_000.0  # everything undone but the first purchase, at its price
    assert found[-1].total_value - start == found[-1].realized_pnl + found[-1].unrealized_pnl


def test_what_is_sold_is_paid_out_at_the_end_of_its_day():
    sold = on(SOLD, DAYS[1], instrument_id=2, quantity=200.0, entry_price=49.5, exit_price=51.0)
    found = taken(traded((on(AAPL, DAYS[0], entry_price=100.0),), ((sold, DAYS[3]),)), past(CLOSES))
    assert column(found, "withdrawals") == [0.0, 0.0, 10_200.0, 10_200.0]
    before, value = 10_100.0 + 9_600.0, 10_500.0
    assert found[2].daily_return == pytest.approx((value + 10_200.0) / before - 1.0)
    assert found[3].daily_return == pytest.approx(10_700.0 / 10_500.0 - 1.0)


def test_deposits_are_no_performance():
    held = traded(
        (on(AAPL, DAYS[0], entry_price=100.0),),
        movements=[("DEPOSIT", 4_000.0, DAYS[2]), ("DIVIDEND", 50.0, DAYS[3]), ("WITHDRAWAL", -1_000.0, DAYS[4])],
        cash=[("USD", 5_050.0)],
    )
    found = taken(held, past(CLOSES))
    assert column(found, "cash_value") == [2_000.0, 6_000.0, 6_050.0, 5_050.0]
    expected = [12_200 / 12_000, 16_100 / 16_200, 16_550 / 16_100, (15_750 + 1_000) / 16_550]
    assert column(found, "daily_return") == pytest.approx([ratio - 1.0 for ratio in expected])


def test_a_short_book_without_cash_has_no_value_and_no_performance():
    found = taken(traded((on(AAPL, DAYS[0]), on(XOM, DAYS[2])), cash_reason="cash_unknown"), past(CLOSES))
    assert column(found, "total_value_reason") == ["", "cash_unknown", "cash_unknown", "cash_unknown"]
    assert column(found, "performance_basis") == [""] * 4
    assert column(found, "daily_return") == [None] * 4
    assert column(found, "daily_pnl")[1:] != [None] * 3


def test_a_split_in_between_changes_nothing():
    # two for one before the fourth day: 101 quoted before is 50.5 of today's shares; what was closed by then is in old
    closes = np.array(CLOSES) * [0.5, 1.0]
    sold = on(SOLD, DAYS[0], instrument_id=1, quantity=10.0, entry_price=100.0, exit_price=101.5)
    held = traded((on(AAPL, DAYS[0], quantity=200.0, entry_price=50.0),), ((sold, DAYS[2]),))
    found = taken(held, past(closes, raw=priced(_quoted_with_split())))
    assert column(found, "total_value") == [10_200.0 + 1_020.0, 10_100.0, 10_500.0, 10_700.0]


def _quoted_with_split():
    quoted = np.array(CLOSES)
    quoted[3:, 0] /= 2.0
    return quoted


def test_a_missing_price_is_the_one_before_and_too_old_after_three_sessions():
    closes = np.array(CLOSES)
    closes[1:, 1] = np.nan
    newest = [mark(1, 107.0), mark(2, 50.0, age_sessions=4)]
    found = taken(traded((on(AAPL, DAYS[0]), on(XOM, DAYS[0], quantity=10.0))), past(closes, marks=newest))
    assert column(found, "market_value") == [10_700.0, 10_600.0, 11_000.0, 11_200.0]
    assert column(found, "stale_count") == [0, 0, 0, 1]


def test_what_has_no_price_is_left_out_and_named():
    closes = np.array(CLOSES)
    closes[:, 1] = np.nan
    newest = [mark(1, 107.0), no_mark(2, "no_price")]
    held = traded((on(AAPL, DAYS[0]), on(XOM, DAYS[2], quantity=10.0, entry_price=50.0)))
    found = taken(held, past(closes, marks=newest))
    assert [[(each.symbol, each.reason) for each in snapshot.excluded] for snapshot in found] == [
        [],
        [("XOM", "no_price")],
        [("XOM", "no_price")],
        [("XOM", "no_price")],
    ]
    assert found[1].daily_return is None  # 500 came in, and nothing is there for it
    assert found[2].daily_return == pytest.approx(10_500 / 10_100 - 1)
    assert found[-1].modelled_percent == pytest.approx(100 * 10_700 / 11_200)
    assert any("XOM (no_price)" in warning for warning in warnings_of(found[-1]))


def test_less_than_half_of_the_book_is_no_value():
    closes = np.array(CLOSES)
    closes[:, 1] = np.nan
    held = traded((on(AAPL, DAYS[0], quantity=1.0), on(XOM, DAYS[0], quantity=1_000.0)))
    found = taken(held, past(closes, marks=[mark(1, 107.0), no_mark(2, "no_price")]))
    assert column(found, "total_value_reason") == ["no_market_data"] * 4


def test_foreign_positions_have_no_value_without_a_rate_and_make_no_flow():
    held = traded((on(AAPL, DAYS[0]), on(XOM, DAYS[2], quantity=1.0, currency="EUR")))
    found = taken(held, past(CLOSES, marks=[mark(1, 107.0), mark(2, 51.0, currency="EUR")]))
    assert [each.reason for each in found[-1].excluded] == ["no_fx_rate"]
    assert found[0].contributions == found[-1].contributions


OPTION = on(CALL, DAYS[0], quantity=2.0)


def test_options_have_their_marks_where_there_are_any_and_else_the_model():
    newest = option_mark(4, 6.0, underlying_price=107.0, volatility=0.4, volatility_source="chain")
    before = option_mark(4, 5.5, underlying_price=105.0, volatility=0.35, volatility_source="chain")
    market = past(CLOSES, marks=[mark(1, 107.0), mark(2, 51.0), newest], earlier=(marks_on(DAYS[3], before),))
    found = taken(traded((OPTION,), cash=[("USD", 0.0)]), market)
    assert column(found, "option_valuation_source") == ["model", "model", "mark", "mark"]
    assert column(found, "volatility_date") == [DAYS[3].isoformat()] * 2 + ["", ""]
    assert column(found, "market_value")[2:] == [2 * 100 * 5.5, 2 * 100 * 6.0]
    years = (newest.option.expiry_date - DAYS[1]).days / 365
    terms = {"strike": [130.0], "rate": [0.04], "dividend_yield": [0.0], "right": [1.0]}
    valued = american(spot=[102.0], years_to_expiry=[years], volatility=[0.35], **terms)
    assert found[0].market_value == pytest.approx(200 * valued.price[0])
    assert found[0].net_exposure == pytest.approx(200 * 102.0 * valued.delta[0])
    assert found[0].portfolio_vega == pytest.approx(200 * valued.vega[0])
    assert found[0].portfolio_theta == pytest.approx(200 * valued.theta[0])
    assert any("carried back" in warning for warning in warnings_of(found[0]))


def test_where_marks_have_realised_volatility_so_has_the_model():
    drawn = np.random.default_rng(5).normal(0.0, 0.02, 95)
    walk = 100.0 * np.exp(np.cumsum(drawn))
    history = priced(CLOSES)
    sessions, closes = history.session_dates[-95:], np.column_stack([walk, walk])
    history = dataclasses.replace(history, session_dates=sessions, closes=closes)
    newest = option_mark(4, 1.0, underlying_price=float(walk[-1]))
    market = past(CLOSES, marks=[mark(1, float(walk[-1])), newest], quoted=history, adjusted=history)
    found = taken(traded((OPTION,), cash=[("USD", 0.0)]), market)
    realised = np.std(np.diff(np.log(walk))[: 95 - 1 - 3][-90:], ddof=1) * math.sqrt(252)
    years = (newest.option.expiry_date - DAYS[1]).days / 365
    terms = {"strike": [130.0], "rate": [0.04], "dividend_yield": [0.0], "right": [1.0]}
    valued = american(spot=walk[[-4]], years_to_expiry=[years], volatility=[realised], **terms)
    assert found[0].market_value == pytest.approx(200 * valued.price[0])
    assert found[0].volatility_date == ""


def test_an_option_without_any_mark_that_tells_its_volatility_is_left_out():
    market = past(CLOSES, marks=[mark(1, 107.0), mark(2, 51.0), no_mark(4)])
    found = taken(traded((on(AAPL, DAYS[0]), OPTION)), market)
    assert [each.reason for each in found[0].excluded] == ["no_volatility"]
    assert [each.reason for each in found[-1].excluded] == ["no_volatility"]


def test_an_option_that_expired_is_worth_what_it_paid():
    strike = {"strike": 100.0, "expiry_date": DAYS[3]}
    newest = option_mark(4, 5.0, expired=True, underlying_price=105.0, volatility=math.nan, rate=math.nan, **strike)
    first = option_mark(4, 2.0, underlying_price=100.0, volatility=0.4, volatility_source="chain", **strike)
    market = past(CLOSES, marks=[mark(1, 107.0), mark(2, 51.0), newest], earlier=(marks_on(DAYS[0], first),))
    found = taken(traded((OPTION,), cash=[("USD", 0.0)]), market)
    assert column(found, "market_value")[2:] == [1_000.0, 1_000.0]
    assert column(found, "net_exposure")[2:] == [0.0, 0.0]
    assert found[0].market_value > 0.0
    assert column(found, "option_valuation_source")[0] == "model"


@pytest.mark.parametrize("most", [1, 2, 3, 4, 100])
def test_stretch_by_stretch_they_are_the_same_to_the_last_bit(most):
    walk = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.02, (96, 2)), axis=0))
    walk[-4:-1, 1] = np.nan
    history = dataclasses.replace(priced(CLOSES), closes=walk)
    quoted = dataclasses.replace(history, closes=walk * [2.0, 1.0])
    spot = float(walk[-1, 0])
    expired = {"strike": 90.0, "expiry_date": DAYS[2]}
    newest = [mark(1, spot), mark(2, float(walk[-1, 1])), option_mark(4, 6.0, underlying_price=spot)]
    newest += [option_mark(6, 5.0, expired=True, underlying_price=spot, volatility=math.nan, rate=math.nan, **expired)]
    newest += [option_mark(7, 4.0, underlying_price=spot, volatility_source="chain", is_american=False)]
    first = marks_on(DAYS[0], option_mark(6, 2.0, volatility=0.4, volatility_source="chain", **expired))
    more = [on(CALL, DAYS[number - 6], instrument_id=number, quantity=-1.0) for number in (6, 7)]
    gone = dataclasses.replace(SOLD, instrument_id=7, underlying_id=1, multiplier=100.0)
    sold = on(SOLD, DAYS[0], instrument_id=1, quantity=10.0, entry_price=100.0, exit_price=101.5)
    held = traded(
        (on(AAPL, DAYS[0]), on(XOM, DAYS[2], quantity=10.0), OPTION, *more),
        ((sold, DAYS[2]), (on(gone, DAYS[0]), DAYS[3])),
        cash=[("USD", 1e6)],
    )
    market = past(CLOSES, marks=newest, earlier=(first,), quoted=history, adjusted=history, raw=quoted)
    whole = taken(held, market)
    parts = [taken(held, stretch) for stretch in market.stretches(most)]
    assert tuple(itertools.chain.from_iterable(parts)) == whole
    assert max(map(len, parts)) <= most
    assert column(whole, "option_valuation_source") == ["model", "model", "model", "mark"]
    assert not any(snapshot.excluded for snapshot in whole)


def test_the_same_inputs_are_the_same_snapshots_and_other_prices_are_others():
    held = traded((on(AAPL, DAYS[0]),))
    first, again = taken(held, past(CLOSES)), taken(held, past(CLOSES))
    assert first == again
    later = taken(held, past(CLOSES), DAYS[-1].replace(year=2023))
    assert column(later, "digest") == column(first, "digest")
    other = taken(held, past(_one_price_changed()))
    assert [a == b for a, b in zip(column(first, "digest"), column(other, "digest"), strict=True)] == [
        True,
        False,
        False,
        True,
    ]
    assert digest_of(first[0]) == first[0].digest


def _one_price_changed():
    closes = np.array(CLOSES)
    closes[2, 0] = 101.5
    return closes


def test_an_empty_book_is_worth_its_cash():
    found = taken(traded(cash=[("USD", 700.0)]), past(CLOSES, marks=[mark(1, 1.0)], quoted=None, adjusted=None))
    assert column(found, "total_value") == [700.0] * 4
    assert column(found, "daily_return") == [0.0] * 4


def test_returns_of_snapshots_with_gaps_lose_no_flow():
    returns = book_returns([100.0, 250.0, 60.0], [100.0, 220.0, 220.0], [0.0, 10.0, 200.0])
    assert returns.tolist() == pytest.approx([260 / 220 - 1, 250 / 250 - 1])


quantities = st.floats(-1e4, 1e4).filter(lambda quantity: abs(quantity) > 1e-3)
prices = st.lists(st.lists(st.floats(1.0, 500.0), min_size=2, max_size=2), min_size=5, max_size=5)


@settings(max_examples=60)
@given(prices, quantities, quantities, st.floats(-1e6, 1e6), st.integers(0, 4), st.integers(1, 4))
def test_what_a_funded_book_gains_is_its_profit(closes, first, second, cash, entered, left):
    bought = on(AAPL, DAYS[entered], quantity=first, entry_price=90.0)
    closed = on(SOLD, DAYS[0], instrument_id=2, quantity=second, entry_price=70.0, exit_price=60.0)
    held = traded((bought,), ((closed, DAYS[left]),), cash=[("USD", cash)])
    found = taken(held, past(closes))
    for earlier, later in itertools.pairwise(found):
        gained = later.total_value - earlier.total_value
        told = later.cumulative_pnl - earlier.cumulative_pnl
        assert gained == pytest.approx(told, abs=1e-6 * (1.0 + abs(cash) + later.gross_exposure))
        assert later.daily_pnl == pytest.approx(told, abs=1e-6 * (1.0 + later.gross_exposure + abs(second) * 500))


def test_cash_before_the_trades_is_what_it_was():
    held = traded((on(AAPL, DAYS[2], entry_price=100.0),), cash=[("USD", 1.0)])
    assert past_cash(held, DAYS, no_rates("USD")).balance.tolist() == [10_001.0, 10_001.0, 1.0, 1.0, 1.0]
