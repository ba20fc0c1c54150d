"""What is in another currency than the book: its value and its past by hand, as laws, and over the wire."""

import dataclasses
from contextlib import AsyncExitStack
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.settings import Secret
from services.risk.domain.assessed import assess
from services.risk.domain.book import CashMovement
from services.risk.domain.exposures import EXPOSURES, ExposureParameters
from services.risk.domain.inputs import Inputs
from services.risk.domain.joined_book import join
from services.risk.domain.result_id import market_digest
from services.risk.domain.valuation import realized_pnl
from services.risk.settings import Settings
from tests.services.risk import servers
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, AS_OF, SOLD, XOM, Row, book, book_message, mark, market, rates_of
from tests.services.risk.conftest import running
from tests.services.risk.pasts import DAYS, on, past, traded
from tests.services.risk.test_snapshots import CLOSES, column, taken

ENTRY = date(2022, 1, 3)
SAP = Row("SAP", 8, 10, 90.0, currency="EUR")
EURO = rates_of([ENTRY, AS_OF], EUR=[1.13, 1.06])
MARKS = [mark(1, 126.04), mark(8, 95.0, currency="EUR")]


def assessed(held, marks=MARKS, rates=EURO, **fields):
    return assess(Inputs(book(held, **fields), market(*marks, rates=rates)))


def test_a_position_is_worth_what_it_is_at_the_rate_of_the_session_and_cost_what_it_did_at_that_of_its_entry():
    found = assessed((AAPL, SAP), cash=[("USD", 100.0), ("EUR", -50.0)])
    assert found.valued.reasons == ("", "")
    assert found.valued.market_value.tolist() == pytest.approx([12_604.0, 10 * 95.0 * 1.06])
    assert found.valued.exposure.tolist() == found.valued.market_value.tolist()
    assert found.valued.pnl.tolist() == pytest.approx([604.0, 10 * (95.0 * 1.06 - 90.0 * 1.13)])
    assert found.valued.currency_pnl.tolist() == pytest.approx([0.0, 10 * 95.0 * (1.06 - 1.13)])
    assert found.cash == pytest.approx(100.0 - 53.0)
    assert found.net_asset_value == pytest.approx(12_604.0 + 1_007.0 + 47.0)


def test_without_the_rate_of_the_entry_there_is_a_value_and_no_profit():
    found = assessed((AAPL, SAP), rates=rates_of([AS_OF], EUR=[1.06]))
    assert found.valued.reasons == ("", "")
    assert np.isnan(found.valued.pnl).tolist() == [False, True]
    assert found.warnings == ("positions without profit and loss, as no rate of exchange of their entry is known: 1",)


def test_without_the_rate_of_the_session_there_is_no_value():
    found = assessed((AAPL, SAP), rates=rates_of([ENTRY, AS_OF], EUR=[1.13, None]), cash=[("EUR", 1.0)])
    assert (found.valued.reasons, found.cash_reason) == (("", "no_fx_rate"), "no_fx_rate")


def test_a_closed_position_made_what_it_did_at_the_rates_of_its_two_days():
    closed = dataclasses.replace(SOLD, currency="EUR")
    made = realized_pnl(book(closed=(SOLD, closed)), market(rates=EURO))
    assert made.total.tolist() == pytest.approx([1_000.0, 200 * (60 * 1.06 - 55 * 1.13)])
    assert made.local.tolist() == pytest.approx([1_000.0, 200 * 5.0 * 1.13])


def test_an_old_rate_is_named():
    found = assessed((SAP,), rates=rates_of([ENTRY, AS_OF], EUR=[1.13, 1.06], ages=[[0, 4]]))
    assert found.warnings == ("rates of exchange are older than 3 sessions: EUR",)


def test_exposures_by_currency_are_in_base_currency():
    asked = ask("", book((AAPL, SAP)), market(*MARKS, rates=EURO), EXPOSURES, ExposureParameters("currency"))
    assert {group.name: group.net_exposure for group in asked.summary.groups} == pytest.approx(
        {"USD": 12_604.0, "EUR": 1_007.0}
    )


def test_lots_of_one_day_alone_are_joined_in_another_currency():
    later = dataclasses.replace(SAP, entry_price=100.0, entry_date=AS_OF)
    parts = [book((AAPL, SAP), portfolio_id="a"), book((AAPL, later), portfolio_id="b")]
    joined = join(parts)
    assert len(joined.held) == 3  # one of the dollar stock, two of the other
    pnl = assess(Inputs(joined, market(*MARKS, rates=EURO))).valued.pnl.sum()
    apart = [assess(Inputs(part, market(*MARKS, rates=EURO))).valued.pnl.sum() for part in parts]
    assert pnl == pytest.approx(sum(apart))


def test_rates_are_part_of_what_names_an_answer_and_only_where_there_are_any():
    digests = {market_digest(market(*MARKS, rates=rates)) for rates in (None, EURO, rates_of([AS_OF], EUR=[1.06]))}
    assert len(digests) == 3
    assert market_digest(market(*MARKS, rates=EURO)) == market_digest(
        market(*MARKS, rates=rates_of([ENTRY, AS_OF], EUR=[1.13, 1.06]))
    )


def test_a_book_needs_rates_of_what_is_foreign_alone_and_since_it_came():
    assert book((AAPL,), cash=[("USD", 1.0)]).foreign(AS_OF, AS_OF) is None
    needed = book((AAPL, SAP), cash=[("GBP", 1.0)]).foreign(AS_OF, AS_OF)
    assert (needed.base_currency, needed.currencies) == ("USD", ("EUR", "GBP"))
    assert needed.since < ENTRY
    assert book(cash=[("GBP", 1.0)]).foreign(AS_OF, date(2020, 1, 1)).since < date(2020, 1, 1)


AMOUNTS = st.floats(0.01, 1e4)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), AMOUNTS, AMOUNTS), min_size=1, max_size=5), AMOUNTS, AMOUNTS)
def test_to_value_and_then_convert_is_to_convert_and_then_value(rows, opening, now):
    rates = rates_of([ENTRY, AS_OF], EUR=[opening, now])
    foreign = [Row(f"F{n}", n, quantity, paid, currency="EUR") for n, (quantity, paid, _) in enumerate(rows, 1)]
    marks = [mark(n, price, currency="EUR") for n, (_, _, price) in enumerate(rows, 1)]
    own = [dataclasses.replace(row, currency="USD", entry_price=row.entry_price * opening) for row in foreign]
    at_home = [mark(n, price * now) for n, (_, _, price) in enumerate(rows, 1)]
    there, here = assessed(foreign, marks, rates).valued, assessed(own, at_home, None).valued
    scale = max(abs(quantity) * max(paid, price) for quantity, paid, price in rows) * max(opening, now)
    for name in ("market_value", "exposure", "size", "pnl"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=1e-9, abs=1e-9 * scale), name


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), AMOUNTS, AMOUNTS), min_size=1, max_size=5), AMOUNTS)
def test_rates_that_nobody_needs_change_no_bit(rows, rate):
    held = [Row(f"F{n}", n, quantity, paid) for n, (quantity, paid, _) in enumerate(rows, 1)]
    marks = [mark(n, price) for n, (_, _, price) in enumerate(rows, 1)]
    with_rates = assessed(held, marks, rates_of([ENTRY, AS_OF], EUR=[rate, rate])).valued
    without = assessed(held, marks, None).valued
    for name in ("market_value", "exposure", "size", "pnl", "currency_pnl"):
        assert getattr(with_rates, name).tobytes() == getattr(without, name).tobytes(), name


# --- the past ---

STEPS = rates_of(DAYS, EUR=[1.00, 1.10, 1.20, 1.10, 1.25])


def foreign_past(rates=STEPS, **changes):
    newest = [mark(1, 107.0), mark(2, 51.0, currency="EUR")]
    return past(CLOSES, marks=newest, rates=rates, **changes)


def test_every_session_of_the_past_has_its_own_rate():
    # 100 at 100 bought before; 20 of the other at 48.5 euros on the third day, at 1.20
    bought = on(XOM, DAYS[2], quantity=20.0, entry_price=48.5, currency="EUR")
    found = taken(traded((on(AAPL, DAYS[0], entry_price=100.0), bought)), foreign_past())
    values = [10_200.0, 10_100 + 960 * 1.2, 10_500 + 1_040 * 1.1, 10_700 + 1_020 * 1.25]
    assert column(found, "total_value") == pytest.approx(values)
    assert column(found, "contributions") == pytest.approx([10_000.0, *[10_000 + 970 * 1.2] * 3])
    pnl = [-100.0 + (960 - 970) * 1.2, 400 + 1_040 * 1.1 - 960 * 1.2, 200 + 1_020 * 1.25 - 1_040 * 1.1]
    assert column(found, "daily_pnl")[1:] == pytest.approx(pnl)
    assert column(found, "daily_return")[2:] == pytest.approx([values[2] / values[1] - 1, values[3] / values[2] - 1])
    assert found[-1].unrealized_pnl == pytest.approx(700 + 1_020 * 1.25 - 970 * 1.2)


def test_foreign_cash_moves_with_its_rate_and_a_deposit_counts_at_that_of_its_day():
    made = traded((on(AAPL, DAYS[0], entry_price=100.0),), cash=[("USD", 0.0), ("EUR", 300.0)])
    made = dataclasses.replace(made, movements=(CashMovement("DEPOSIT", "EUR", 200.0, DAYS[2]),))
    found = taken(made, foreign_past())
    assert column(found, "cash_value") == pytest.approx([110.0, 360.0, 330.0, 375.0])
    assert column(found, "contributions") == pytest.approx([0.0, 240.0, 240.0, 240.0])
    before, after = 10_200 + 110.0, 10_100 + 360.0
    assert found[1].daily_return == pytest.approx(after / (before + 240.0) - 1)


def test_what_was_paid_in_a_currency_without_cash_came_from_outside():
    bought = on(XOM, DAYS[2], quantity=20.0, entry_price=48.0, currency="EUR")
    found = taken(traded((on(AAPL, DAYS[0]), bought), cash=[("USD", 50.0)]), foreign_past())
    assert column(found, "cash_value") == [50.0] * 4
    assert column(found, "contributions") == pytest.approx([0.0, *[960 * 1.2] * 3])
    assert found[1].daily_return == pytest.approx((10_150 + 1_152) / (10_250 + 1_152) - 1)


def test_a_closed_foreign_position_realised_at_the_rates_of_its_days():
    closed = dataclasses.replace(on(XOM, DAYS[1]), quantity=20.0, entry_price=49.0, exit_price=52.0, currency="EUR")
    found = taken(traded((on(AAPL, DAYS[0]),), ((closed, DAYS[3]),)), foreign_past())
    assert column(found, "realized_pnl")[-2:] == pytest.approx([20 * (52 * 1.1 - 49 * 1.1)] * 2)
    assert found[2].daily_pnl == pytest.approx(400 + 20 * (52 * 1.1 - 48 * 1.2))


def test_a_day_before_the_rates_is_left_out_and_what_was_paid_then_is_not_guessed():
    bought = on(XOM, DAYS[0], quantity=20.0, entry_price=48.0, currency="EUR")
    nothing = rates_of(DAYS, EUR=[None, None, 1.20, 1.10, 1.25])
    found = taken(traded((on(AAPL, DAYS[0], entry_price=100.0), bought)), foreign_past(nothing))
    assert [[each.reason for each in snapshot.excluded] for snapshot in found] == [["no_fx_rate"], [], [], []]
    assert found[1].daily_return is None
    assert found[2].daily_pnl == pytest.approx(400 + 1_040 * 1.1 - 960 * 1.2)
    assert found[-1].unrealized_pnl == pytest.approx(700.0)  # of what is known to have cost something


# --- over the wire ---


async def test_the_service_reads_rates_in_the_call_that_reads_marks_and_replays_them(database_url):
    held = {"held": (AAPL, SAP), "cash": [("USD", 100.0), ("EUR", 50.0)]}
    portfolio, marketdata = servers.Portfolio(book_message(**held)), servers.MarketData(MARKS, rates=EURO)
    async with AsyncExitStack() as opened:
        settings = Settings(
            listen_address="127.0.0.1:0",
            service_key=servers.SERVICE_KEY,
            database_url=Secret(database_url("risk")),
            drain_seconds=0.0,
            rate_limits="off",
            portfolio_address=await opened.enter_async_context(servers.serving_portfolio(portfolio)),
            marketdata_address=await opened.enter_async_context(servers.serving_marketdata(marketdata)),
        )
        stack = await opened.enter_async_context(running(settings, portfolio, marketdata))
        answer = await stack.overview()
        assert answer.total_value == pytest.approx(12_604.0 + 1_007.0 + 100.0 + 53.0)
        assert answer.cash_balance == pytest.approx(153.0)
        assert marketdata.mark_calls == 1
        assert answer.metadata.data_version == 6  # that of the rates
        marketdata.rates = rates_of([ENTRY, AS_OF], EUR=[1.13, 1.07])
        portfolio.book.revision += 1
        changed = await stack.overview()
        assert changed.metadata.result_id != answer.metadata.result_id
