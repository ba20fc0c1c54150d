"""Marks on a real PostgreSQL: closes, quotes, models, and what tells the volatility. The oracle is QuantLib."""

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 - as its documentation names it

from chassis.errors import InvalidFields
from services.marketdata.application.marks import Marks
from services.marketdata.domain.marks import Mark, MarkSource
from services.marketdata.domain.prices import PriceBasis
from tests.services.marketdata.recorded import ADJUSTED, RAW, Recorded, at_close, sessions_until

DAY = date(2022, 12, 28)
EXPIRY = date(2023, 3, 17)
RATE = 0.04


async def marks(market: Recorded, *symbols: str, day: date = DAY, version: int = 0, viewer: str = "") -> list[Mark]:
    ids = [market.ids[symbol] for symbol in symbols]
    return await Marks(market.database, RATE).read(viewer, ids, day, version or market.version_now)


async def mark(market: Recorded, symbol: str, **of: object) -> Mark:
    (found,) = await marks(market, symbol, **of)
    return found


def walk(last: float, count: int, daily: float = 0.01, until: date = DAY) -> dict[date, float]:
    """Closes up to a day whose log returns go up and down by as much, so that their deviation is known."""
    days = sessions_until(until, count)
    return {day: last * math.exp(daily * (number % 2)) for number, day in enumerate(days[::-1])}


def wobble(daily: float, returns: int = 90) -> float:
    """The volatility of such closes."""
    signs = [daily if number % 2 else -daily for number in range(returns)]
    return float(np.std(signs, ddof=1) * math.sqrt(252))


def american(spot: float, strike: float, right: str, volatility: float, rate: float, dividend_yield: float, days: int):
    """The American price by QuantLib's finite differences."""
    today = ql.Date(28, 12, 2022)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    curve = {
        value: ql.YieldTermStructureHandle(ql.FlatForward(today, value, count)) for value in (rate, dividend_yield)
    }
    surface = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), volatility, count))
    spot_handle = ql.QuoteHandle(ql.SimpleQuote(spot))
    model = ql.BlackScholesMertonProcess(spot_handle, curve[dividend_yield], curve[rate], surface)
    side = ql.Option.Call if right == "C" else ql.Option.Put
    option = ql.VanillaOption(ql.PlainVanillaPayoff(side, strike), ql.AmericanExercise(today, today + days))
    option.setPricingEngine(ql.FdBlackScholesVanillaEngine(model, 400, 400))
    return option.NPV()


# --- closes and quotes ---


async def test_a_close_goes_before_a_quote_and_an_older_one_too(market: Recorded):
    await market.instrument("A")
    await market.closes("A", {date(2022, 12, 22): 10.0})
    await market.quote("A", at_close(DAY), 11.0)
    found = await mark(market, "A")
    assert (found.price, found.source, found.price_date) == (10.0, MarkSource.CLOSE, date(2022, 12, 22))
    assert (found.age_sessions, found.price_basis) == (3, RAW)


async def test_a_quote_is_a_mark_where_no_close_exists_if_it_was_recorded_in_time(market: Recorded):
    await market.instrument("A")
    await market.version()
    await market.quote("A", datetime(2022, 12, 27, 15, 30, tzinfo=UTC), 11.0)
    await market.quote("A", datetime(2022, 12, 29, 15, 30, tzinfo=UTC), 12.0)
    found = await mark(market, "A")
    assert (found.price, found.source, found.price_date) == (11.0, MarkSource.QUOTE, date(2022, 12, 27))
    assert (found.age_sessions, found.data_version) == (1, 2)
    assert (await mark(market, "A", version=1)).reason == "no_price"
    assert (await mark(market, "A", day=date(2022, 12, 23))).reason == "no_price"


async def test_a_quote_of_a_weekend_belongs_to_the_session_before(market: Recorded):
    await market.instrument("BTCUSD", "CRYPTO")
    await market.quote("BTCUSD", datetime(2022, 12, 25, 12, tzinfo=UTC), 16800.0)
    found = await mark(market, "BTCUSD", day=date(2022, 12, 27))
    assert (found.price_date, found.age_sessions) == (date(2022, 12, 23), 1)


async def test_an_instrument_that_nobody_knows_has_no_mark(market: Recorded):
    (found,) = await Marks(market.database, RATE).read("", [999], DAY, 1)
    assert (found.instrument_id, found.price, found.reason) == (999, None, "unknown_instrument")


@pytest.mark.parametrize(("day", "version", "field"), [(date(2022, 12, 26), 1, "as_of_date"), (DAY, 2, "data_version")])
async def test_a_session_or_version_that_does_not_exist_is_refused(
    market: Recorded, day: date, version: int, field: str
):
    await market.instrument("A")
    with pytest.raises(InvalidFields) as caught:
        await mark(market, "A", day=day, version=version)
    assert [one.field for one in caught.value.violations] == [field]


# --- splits ---


async def test_a_split_is_valued_before_and_after(market: Recorded):
    """The close of the day, in the shares of the day: 10 shares before are 100 after, worth the same."""
    await market.instrument("A")
    await market.closes("A", {date(2022, 12, 21): 1000.0, date(2022, 12, 22): 1010.0, date(2022, 12, 23): 101.0})
    await market.split("A", date(2022, 12, 23), 10.0)
    before, after = [await mark(market, "A", day=date(2022, 12, day)) for day in (22, 23)]
    assert (before.price, before.price_basis) == (1010.0, RAW)
    assert (after.price, after.price_basis) == (101.0, RAW)
    assert 10 * before.price == 100 * after.price


async def test_a_stale_close_from_before_a_split_is_divided_by_it(market: Recorded):
    await market.instrument("A")
    await market.closes("A", {date(2022, 12, 22): 1010.0})
    await market.version()
    await market.split("A", date(2022, 12, 27), 10.0)
    found = await mark(market, "A")
    assert (found.price, found.price_basis, found.age_sessions) == (101.0, PriceBasis.SPLIT_ADJUSTED, 3)
    assert (await mark(market, "A", day=date(2022, 12, 23))).price == 1010.0
    assert (await mark(market, "A", version=1)).price == 1010.0
    await market.version()
    await market.split("A", date(2022, 12, 27), None)
    assert (await mark(market, "A")).price == 1010.0


async def test_an_adjusted_close_has_its_splits_in_it_already(market: Recorded):
    await market.instrument("A")
    await market.closes("A", {date(2022, 12, 22): 101.0}, ADJUSTED)
    await market.split("A", date(2022, 12, 27), 10.0)
    assert (await mark(market, "A")).price == 101.0


# --- options by model ---


@pytest.fixture
async def book(market: Recorded) -> Recorded:
    """A stock at 100 with a year of closes, an index at 4,000, and a put and a call on each."""
    await market.instrument("A")
    await market.instrument("SPX", "INDEX")
    for symbol, last in (("A", 100.0), ("SPX", 4000.0)):
        await market.closes(symbol, walk(last, 120))
        for right in "CP":
            style = "EUROPEAN" if symbol == "SPX" else "AMERICAN"
            await market.option(f"{symbol} {right}", symbol, EXPIRY, right, last * 1.05, style)
    return market


async def test_without_a_quote_an_option_is_modelled_on_realised_volatility(book: Recorded):
    volatility = wobble(0.01)
    for right in "CP":
        found = await mark(book, f"A {right}")
        used = found.priced_with
        assert used is not None
        assert used.volatility == pytest.approx(volatility, rel=1e-12)
        assert (used.volatility_source, used.rate, used.rate_source) == ("realised_90d", RATE, "assumed")
        assert (used.dividend_yield, used.dividend_yield_source) == (0.0, "assumed_zero")
        assert (found.source, found.underlying_price, found.expired) == (MarkSource.MODEL, 100.0, False)
        assert (found.price_date, found.age_sessions, found.price_basis, found.data_version) == (DAY, 0, RAW, 1)
        oracle = american(100.0, 105.0, right, volatility, RATE, 0.0, (EXPIRY - DAY).days)
        assert found.price == pytest.approx(oracle, abs=3e-4 * 105)


async def test_an_index_option_is_european_and_obeys_parity(book: Recorded):
    call, put = await marks(book, "SPX C", "SPX P")
    years = (EXPIRY - DAY).days / 365
    assert call.price - put.price == pytest.approx(4000 - 4200 * math.exp(-RATE * years), abs=1e-8)
    assert call.contract is not None
    assert call.contract.style == "EUROPEAN"


async def test_twenty_returns_are_enough_and_nineteen_are_not(market: Recorded):
    for symbol, count in (("ENOUGH", 21), ("FEW", 20)):
        await market.instrument(symbol)
        await market.closes(symbol, walk(50.0, count))
        await market.option(f"{symbol} C", symbol, EXPIRY, "C", 50.0, "AMERICAN")
    enough, few = await marks(market, "ENOUGH C", "FEW C")
    assert enough.priced_with is not None
    assert enough.priced_with.volatility == pytest.approx(wobble(0.01, 20))
    assert (few.price, few.reason, few.priced_with) == (None, "no_volatility", None)
    assert few.contract is not None


async def test_an_option_on_what_has_no_price_has_no_mark(market: Recorded):
    await market.instrument("A")
    await market.option("A C", "A", EXPIRY, "C", 50.0, "AMERICAN")
    found = await mark(market, "A C")
    assert (found.price, found.reason) == (None, "no_underlying_price")


async def test_a_mark_does_not_depend_on_which_others_are_asked_for(book: Recorded):
    for number in range(60):
        await book.option(f"A {number}", "A", EXPIRY, "CP"[number % 2], 60.0 + number, "AMERICAN")
    symbols = [f"A {number}" for number in range(60)] + ["SPX C", "SPX P", "A C", "A"]
    together = await marks(book, *symbols)
    alone = [await mark(book, symbol) for symbol in symbols]
    assert together == alone
    assert all(found.price for found in together)


async def test_an_expired_option_is_worth_what_exercising_it_was(book: Recorded):
    last = date(2022, 12, 16)
    await book.option("IN", "A", last, "C", 90.0, "AMERICAN")
    await book.option("OUT", "A", last, "P", 90.0, "AMERICAN")
    spot = walk(100.0, 120)[last]
    inside, outside = await marks(book, "IN", "OUT")
    assert (inside.price, outside.price) == (pytest.approx(spot - 90.0), 0.0)
    assert (inside.expired, inside.age_sessions, inside.price_date) == (True, 0, last)
    assert (inside.source, inside.underlying_price, inside.priced_with) == (MarkSource.CLOSE, spot, None)
    assert (await mark(book, "IN", day=last)).price == inside.price
    assert not (await mark(book, "IN", day=date(2022, 12, 15))).expired


# --- rates and dividends ---


async def test_the_rate_is_interpolated_on_the_treasury_curve(book: Recorded):
    await book.version()
    await book.yields(date(2022, 12, 27), y1M=0.04, y3M=0.043, y10Y=0.0384)
    used = (await mark(book, "A C")).priced_with
    assert used is not None
    years = (EXPIRY - DAY).days / 365
    one, three = 2 * math.log1p(0.04 / 2), 2 * math.log1p(0.043 / 2)
    expected = one + (three - one) * (years - 1 / 12) / (3 / 12 - 1 / 12)
    assert (used.rate, used.rate_source) == (pytest.approx(expected, rel=1e-12), "treasury")
    assert (await mark(book, "A C")).data_version == 2
    before = (await mark(book, "A C", version=1)).priced_with
    assert before is not None
    assert (before.rate, before.rate_source) == (RATE, "assumed")


async def test_a_curve_older_than_a_month_is_none(book: Recorded):
    await book.yields(DAY - timedelta(days=32), y3M=0.043)
    used = (await mark(book, "A C")).priced_with
    assert used is not None
    assert used.rate_source == "assumed"


async def test_the_dividend_yield_is_that_of_the_year_before(book: Recorded):
    await book.dividend("A", date(2022, 3, 15), 0.5)
    await book.dividend("A", date(2022, 9, 15), 0.75)
    await book.dividend("A", date(2021, 9, 15), 9.0)
    await book.asked_for_actions("A")
    found = await mark(book, "A P")
    assert found.priced_with is not None
    assert found.priced_with.dividend_yield == pytest.approx(math.log(1 + 1.25 / 100), rel=1e-12)
    assert found.priced_with.dividend_yield_source == "dividends"
    oracle = american(
        100.0,
        105.0,
        "P",
        found.priced_with.volatility,
        RATE,
        found.priced_with.dividend_yield,
        (EXPIRY - DAY).days,
    )
    assert found.price == pytest.approx(oracle, abs=3e-4 * 105)


async def test_no_dividends_are_zero_only_if_somebody_was_asked(book: Recorded):
    await book.split("A", date(2022, 3, 1), 2.0)
    assert (await mark(book, "A P")).priced_with.dividend_yield_source == "assumed_zero"
    await book.asked_for_actions("A")
    used = (await mark(book, "A P")).priced_with
    assert (used.dividend_yield, used.dividend_yield_source) == (0.0, "dividends")


async def test_adjusted_prices_have_their_dividends_in_them(market: Recorded):
    await market.instrument("A")
    await market.closes("A", walk(100.0, 120), ADJUSTED)
    await market.option("A C", "A", EXPIRY, "C", 105.0, "AMERICAN")
    await market.dividend("A", date(2022, 9, 15), 2.0)
    await market.asked_for_actions("A")
    found = await mark(market, "A C")
    assert (found.priced_with.dividend_yield_source, found.price_basis) == ("assumed_zero", ADJUSTED)


# --- volatility told by quotes ---


async def test_an_option_quoted_that_day_is_marked_at_the_middle_and_tells_its_own_volatility(book: Recorded):
    value = american(100.0, 105.0, "C", 0.3, RATE, 0.0, (EXPIRY - DAY).days)
    await book.option_quote("A C", DAY, bid=value - 0.05, ask=value + 0.05, iv=0.9)
    found = await mark(book, "A C")
    assert (found.price, found.source, found.price_date) == (pytest.approx(value), MarkSource.QUOTE, DAY)
    assert found.priced_with.volatility == pytest.approx(0.3, abs=2e-4)
    assert found.priced_with.volatility_source == "price"


async def test_an_option_traded_that_day_is_marked_at_its_close(book: Recorded):
    await book.closes("A C", {DAY: 4.25})
    await book.option_quote("A C", DAY, bid=1.0, ask=2.0)
    found = await mark(book, "A C")
    assert (found.price, found.source, found.priced_with.volatility_source) == (4.25, MarkSource.CLOSE, "price")
    again = american(100.0, 105.0, "C", found.priced_with.volatility, RATE, 0.0, (EXPIRY - DAY).days)
    assert again == pytest.approx(4.25, abs=3e-4 * 105)


async def test_an_earlier_quote_gives_its_volatility_to_the_model(book: Recorded):
    quoted = date(2022, 12, 22)
    spot = walk(100.0, 120)[quoted]
    value = american(spot, 105.0, "C", 0.3, RATE, 0.0, (EXPIRY - quoted).days)
    await book.option_quote("A C", quoted, bid=value - 0.05, ask=value + 0.05)
    found = await mark(book, "A C")
    assert (found.source, found.priced_with.volatility_source) == (MarkSource.MODEL, "quote")
    assert found.priced_with.volatility == pytest.approx(0.3, abs=2e-4)
    oracle = american(100.0, 105.0, "C", 0.3, RATE, 0.0, (EXPIRY - DAY).days)
    assert found.price == pytest.approx(oracle, abs=1e-2)


async def test_a_stated_volatility_counts_where_no_price_can_be_used(book: Recorded):
    await book.option_quote("A C", date(2022, 12, 27), iv=0.42)
    await book.option_quote("A P", date(2022, 12, 27), bid=0.0, ask=0.01, iv=0.43)  # below what exercise is worth
    call, put = await marks(book, "A C", "A P")
    assert (call.priced_with.volatility, call.priced_with.volatility_source) == (0.42, "quote")
    assert (put.priced_with.volatility, put.priced_with.volatility_source) == (0.43, "quote")


async def test_a_quote_older_than_five_sessions_says_nothing(book: Recorded):
    await book.option_quote("A C", date(2022, 12, 20), iv=0.42)
    await book.option_quote("SPX P", date(2022, 12, 19), iv=0.42)
    call, put = await marks(book, "A C", "SPX P")
    assert call.priced_with.volatility_source == "quote"
    assert put.priced_with.volatility_source == "realised_90d"


async def test_the_chain_tells_by_the_nearest_expiry_and_there_the_nearest_strike(book: Recorded):
    near, far = date(2023, 3, 24), date(2023, 6, 16)
    for name, expiry, strike, stated in (
        ("FAR", far, 105.0, 0.9),
        ("NEAR", near, 110.0, 0.31),
        ("NEARER", near, 104.0, 0.32),
        ("NEAREST BUT SILENT", near, 105.0, None),
    ):
        await book.option(name, "A", expiry, "C", strike, "AMERICAN")
        if stated:
            await book.option_quote(name, date(2022, 12, 27), iv=stated)
    found = await mark(book, "A C")
    assert (found.priced_with.volatility, found.priced_with.volatility_source) == (0.32, "chain")
    index = await mark(book, "SPX C")
    assert index.priced_with.volatility_source == "realised_90d"


async def test_an_option_whose_own_quote_tells_a_volatility_needs_no_chain(book: Recorded):
    await book.option_quote("A C", DAY, iv=0.35)
    await book.option_quote("A P", DAY, bid=0.0, ask=0.01)  # no volatility makes it worth so little
    call, put = await marks(book, "A C", "A P")
    assert (call.priced_with.volatility, call.priced_with.volatility_source) == (0.35, "quote")
    assert (put.priced_with.volatility, put.priced_with.volatility_source) == (0.35, "chain")


async def test_against_adjusted_prices_nothing_is_implied(market: Recorded):
    await market.instrument("A")
    await market.closes("A", walk(100.0, 120), ADJUSTED)
    await market.option("A C", "A", EXPIRY, "C", 105.0, "AMERICAN")
    await market.option_quote("A C", DAY, bid=4.0, ask=4.2, iv=0.35)
    found = await mark(market, "A C")
    assert (found.price, found.price_basis) == (pytest.approx(4.1), RAW)
    assert (found.priced_with.volatility, found.priced_with.volatility_source) == (0.35, "quote")


async def test_a_quoted_option_on_what_has_no_price_is_marked_without_a_volatility(market: Recorded):
    await market.instrument("A")
    await market.option("A C", "A", EXPIRY, "C", 105.0, "AMERICAN")
    await market.option_quote("A C", DAY, bid=4.0, ask=4.2)
    found = await mark(market, "A C")
    assert (found.price, found.source, found.priced_with) == (pytest.approx(4.1), MarkSource.QUOTE, None)


async def test_what_was_quoted_later_is_not_known_before(book: Recorded):
    await book.version()
    await book.option_quote("A C", DAY, bid=4.0, ask=4.2)
    assert (await mark(book, "A C", version=1)).source is MarkSource.MODEL
    assert (await mark(book, "A C", version=2)).source is MarkSource.QUOTE


# --- private instruments ---


async def test_a_private_instrument_is_marked_for_its_owner_alone(market: Recorded):
    owner, other = "9f4b0c3e-0000-4000-8000-000000000001", "9f4b0c3e-0000-4000-8000-000000000002"
    await market.instrument("VINEYARD", "PRIVATE", owner=owner)
    await market.closes("VINEYARD", {DAY: 7.0}, owner=owner)
    found = {viewer: await mark(market, "VINEYARD", viewer=viewer) for viewer in (owner, other, "")}
    assert {viewer: (one.price, one.reason) for viewer, one in found.items()} == {
        owner: (7.0, ""),
        other: (None, "unknown_instrument"),
        "": (None, "unknown_instrument"),
    }
