"""What currencies are worth, session by session: by hand, as laws, and over the wire."""

from collections.abc import AsyncIterator, Callable
from datetime import date

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.database import Database
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from services.marketdata.domain.exchange_rates import NO_AGE, OLDEST_RATE, StoredRates, rate_histories
from tests.services.marketdata.conftest import refused, serving
from tests.services.marketdata.recorded import Recorded
from tests.services.marketdata.test_read_handlers import Market

LAST = date(2022, 12, 28)
CALENDAR = np.array([np.datetime64("2022-11-01") + n for n in range(60)], dtype="datetime64[D]")
CALENDAR = CALENDAR[np.is_busday(CALENDAR)]


def stored(**by_pair):
    """Pairs such as `EURUSD` with rates by the number of the session in the calendar."""
    return {
        (pair[:3], pair[3:]): StoredRates(
            CALENDAR[list(rates)], np.array(list(rates.values())), np.full(len(rates), 3, dtype=np.int32)
        )
        for pair, rates in by_pair.items()
    }


def history(currency, base, sessions, **by_pair):
    (found,) = rate_histories((currency,), base, CALENDAR, sessions, stored(**by_pair))
    return found


def test_a_session_has_the_newest_rate_on_or_before_it_with_its_age():
    found = history("EUR", "USD", 4, EURUSD={-6: 1.04, -3: 1.06, -1: 1.05})
    assert found.rates.tolist() == [1.04, 1.06, 1.06, 1.05]
    assert found.ages.tolist() == [2, 0, 1, 0]
    assert (found.rate_date, found.reason, found.data_version) == (CALENDAR[-1].item(), "", 3)


def test_a_rate_that_is_too_old_is_none():
    found = history("EUR", "USD", 2, EURUSD={-2 - OLDEST_RATE: 1.04})
    assert found.ages.tolist() == [OLDEST_RATE, NO_AGE]
    assert np.isnan(found.rates).tolist() == [False, True]
    assert (found.rate_date, found.reason) == (None, "no_fx_rate")
    nothing = history("EUR", "USD", 2)
    assert (nothing.ages.tolist(), nothing.reason, nothing.data_version) == ([NO_AGE] * 2, "no_fx_rate", 0)


def test_the_other_direction_is_turned_over_and_the_newer_of_both_counts():
    assert history("USD", "EUR", 1, EURUSD={-1: 1.25}).rates.tolist() == [0.8]
    both = history("EUR", "USD", 2, EURUSD={-2: 1.25}, USDEUR={-1: 0.5})
    assert (both.rates.tolist(), both.ages.tolist()) == ([1.25, 2.0], [0, 0])


def test_neither_direction_goes_by_way_of_the_dollar_and_is_as_old_as_the_older_leg():
    found = history("EUR", "GBP", 1, EURUSD={-1: 1.2}, GBPUSD={-4: 1.5})
    assert found.rates.tolist() == pytest.approx([0.8])
    assert (found.ages.tolist(), found.rate_date) == ([3], CALENDAR[-4].item())
    own = history("EUR", "GBP", 1, EURUSD={-1: 1.2}, GBPUSD={-1: 1.5}, EURGBP={-3: 0.9})
    assert own.rates.tolist() == [0.9]  # what was told of the pair itself comes before what is worked out
    assert history("EUR", "GBP", 1, EURUSD={-1: 1.2}).reason == "no_fx_rate"


@given(st.lists(st.tuples(st.integers(-40, -1), st.floats(0.01, 100.0)), min_size=1, max_size=20), st.integers(1, 20))
def test_both_directions_are_each_others_inverse_at_every_session(told, sessions):
    rates = dict(sorted(told))
    there, back = history("CHF", "USD", sessions, CHFUSD=rates), history("USD", "CHF", sessions, CHFUSD=rates)
    assert there.ages.tolist() == back.ages.tolist()
    known = there.ages != NO_AGE
    assert (there.rates * back.rates)[known] == pytest.approx(1.0)
    assert np.isnan(there.rates[~known]).all()
    assert ((there.ages[known] >= 0) & (there.ages[known] <= OLDEST_RATE)).all()


# --- over the wire ---


@pytest.fixture
async def market(database_url: Callable[[str], str]) -> AsyncIterator[Market]:
    """A dollar stock and a euro one; rates to the dollar, one of which was corrected in version 2."""
    url = database_url("marketdata")
    database = Database(url, "marketdata")
    recorded = Recorded(database)
    await recorded.calendar()
    await recorded.version()
    for symbol, currency in (("A", "USD"), ("SAP", "EUR")):
        await recorded.instrument(symbol, currency=currency)
        await recorded.closes(symbol, {LAST: 100.0})
    await recorded.fx("EUR", "USD", date(2022, 12, 23), 1.06)
    await recorded.fx("GBP", "USD", date(2022, 12, 28), 1.2)
    await recorded.seal(LAST)
    await recorded.version()
    await recorded.fx("EUR", "USD", date(2022, 12, 23), 1.05)
    async with serving(url) as callers:
        yield Market(recorded, callers)
    await database.close()


def asked(market: Market, *symbols: str, base: str = "USD", **further) -> pb.GetMarksRequest:
    pinned = {"as_of_date": str(LAST), "data_version": 2} | further
    return pb.GetMarksRequest(instrument_ids=[market.ids[symbol] for symbol in symbols], base_currency=base, **pinned)


async def test_rates_of_the_instruments_and_of_what_is_asked_beside_them_come_with_the_marks(market: Market):
    answer = await market.service.GetMarks(asked(market, "A", "SAP", currencies=["GBP", "USD", "CHF"]))
    assert [mark.currency for mark in answer.marks] == ["USD", "EUR"]
    chf, eur, gbp = answer.rates
    assert (chf.currency, chf.HasField("rate"), chf.reason, chf.data_version) == ("CHF", False, "no_fx_rate", 0)
    assert (eur.currency, eur.rate, eur.rate_date, eur.age_sessions) == ("EUR", 1.05, "2022-12-23", 2)
    assert (gbp.currency, gbp.rate, gbp.age_sessions, gbp.data_version) == ("GBP", 1.2, 0, 1)
    assert answer.rate_session_dates == [str(LAST)]
    assert not (await market.service.GetMarks(asked(market, "SAP", base=""))).rates


async def test_a_version_reads_the_rate_that_was_known_then(market: Market):
    (rate,) = (await market.service.GetMarks(asked(market, "SAP", data_version=1))).rates
    assert (rate.rate, rate.data_version) == (1.06, 1)


async def test_rates_come_without_instruments_and_go_back_to_a_day(market: Market):
    answer = await market.service.GetMarks(asked(market, base="GBP", currencies=["EUR"], rates_start_date="2022-12-22"))
    (eur,) = answer.rates
    assert answer.rate_session_dates == ["2022-12-22", "2022-12-23", "2022-12-27", "2022-12-28"]
    assert np.frombuffer(eur.ages, "<i4").tolist() == [-1, -1, -1, 2]  # a pound has a price on the last day alone
    assert np.frombuffer(eur.rates, "<f8")[-1] == pytest.approx(1.05 / 1.2)
    assert (eur.rate, eur.rate_date) == (np.frombuffer(eur.rates, "<f8")[-1], "2022-12-23")


@pytest.mark.parametrize(
    ("further", "field"),
    [
        ({"rates_start_date": "2022-12-29"}, "rates_start_date"),
        ({"rates_start_date": "1900-01-01"}, "rates_start_date"),
        ({"as_of_date": "2022-12-25"}, "as_of_date"),
        ({"data_version": 99}, "data_version"),
        ({"base": "usd"}, "base_currency"),
        ({"currencies": ["euro"]}, "currencies[0]"),
    ],
)
async def test_what_cannot_be_read_is_named(market: Market, further: dict, field: str):
    answer = await refused(market.service.GetMarks(asked(market, **{"currencies": ["EUR"]} | further)))
    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(answer.fields) == [field]
