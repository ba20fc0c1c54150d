"""The reads over a real server: what callers send and get, who may, and what is refused."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime

import grpc
import numpy as np
import pytest

from chassis.database import Database
from chassis.settings import SettingsError, read
from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from plimsoll.marketdata.v1 import reference_service_pb2 as reference
from plimsoll.marketdata.v1.instrument_pb2 import Instrument, OptionContract
from plimsoll.marketdata.v1.market_pb2 import CorporateAction
from plimsoll.marketdata.v1.price_pb2 import Mark
from plimsoll.marketdata.v1.reference_pb2 import CashProxy
from services.marketdata.settings import Settings
from tests.services.marketdata.conftest import USER, Callers, refused, serving
from tests.services.marketdata.recorded import RAW as STORED_RAW
from tests.services.marketdata.recorded import Recorded, at_close, sessions_until

LAST, EXPIRY = date(2022, 12, 28), date(2023, 3, 17)
RAW, SPLIT, TOTAL = PriceBasis.RAW, PriceBasis.SPLIT_ADJUSTED, PriceBasis.TOTAL_RETURN_ADJUSTED
INVALID = grpc.StatusCode.INVALID_ARGUMENT


class Market:
    """A market that was written down, and the service on it."""

    def __init__(self, recorded: Recorded, callers: Callers) -> None:
        self.ids = recorded.ids
        self.recorded = recorded
        self.user, self.other, self.admin = callers.user, callers.other, callers.admin
        self.service, self.service_for_user = callers.service, callers.service_for_user


@pytest.fixture
async def market(database_url: Callable[[str], str]) -> AsyncIterator[Market]:
    """A stock split ten for one on 2022-12-21, a call on it, and what else there is to read."""
    url = database_url("marketdata")
    database = Database(url, "marketdata")
    recorded = Recorded(database)
    await recorded.calendar()
    await recorded.version()
    await recorded.instrument("A")
    days = sessions_until(LAST, 100)
    closes = {day: (1000.0 if day < date(2022, 12, 21) else 100.0) + place % 2 for place, day in enumerate(days)}
    await recorded.closes("A", closes)
    await recorded.split("A", date(2022, 12, 21), 10.0)
    await recorded.dividend("A", date(2022, 12, 23), 0.5)
    await recorded.asked_for_actions("A")
    await recorded.option("A230317C00105000", "A", EXPIRY, "C", 105.0, "AMERICAN")
    await recorded.option_quote("A230317C00105000", date(2022, 12, 27), bid=4.0, ask=4.2, iv=0.3)
    await recorded.quote("A", datetime(2022, 12, 29, 15, 30, tzinfo=UTC), 102.5, bid=102.0, ask=103.0)
    await recorded.yields(date(2022, 12, 28), y3M=0.0446, y10Y=0.0388)
    await recorded.fx("EUR", "USD", LAST, 1.0611)
    await recorded.instrument("SPX", "INDEX")
    await recorded.closes("SPX", {day: 3800.0 + place for place, day in enumerate(days)}, STORED_RAW)
    await recorded.instrument("VINEYARD", "PRIVATE", owner=USER)
    await recorded.closes("VINEYARD", {LAST: 7.0}, owner=USER)
    await recorded.seal(LAST)
    async with serving(url) as callers:
        yield Market(recorded, callers)
    await database.close()


async def test_a_history_pages_on_one_basis(market: Market):
    request = pb.ListBarsRequest(symbol="a", price_basis=SPLIT, start_date="2022-12-19", page_size=4)
    first = await market.user.ListBars(request)
    request.page_token = first.next_page_token
    second = await market.user.ListBars(request)
    assert (first.price_basis, second.price_basis, second.next_page_token) == (SPLIT, SPLIT, "")
    raw = await market.user.ListBars(pb.ListBarsRequest(symbol="A", price_basis=RAW, start_date="2022-12-19"))
    split = [bar.close / 10 if bar.session_date < "2022-12-21" else bar.close for bar in raw.bars]
    assert [bar.close for bar in [*first.bars, *second.bars]] == pytest.approx(split)
    assert raw.bars[0].close > 900


async def test_corporate_actions_and_whether_they_are_all(market: Market):
    found = await market.user.ListCorporateActions(pb.ListCorporateActionsRequest(symbol="A"))
    assert [(one.ex_date, one.kind, one.value) for one in found.actions] == [
        ("2022-12-21", CorporateAction.SPLIT, 10.0),
        ("2022-12-23", CorporateAction.DIVIDEND, 0.5),
    ]
    assert (found.symbol, found.coverage) == ("A", "complete")
    nobody_asked = await market.user.ListCorporateActions(pb.ListCorporateActionsRequest(symbol="SPX"))
    assert (list(nobody_asked.actions), nobody_asked.coverage) == ([], "unknown")


async def test_short_lists_have_pages_as_well(market: Market):
    actions = pb.ListCorporateActionsRequest(symbol="A", page_size=1)
    first = await market.user.ListCorporateActions(actions)
    actions.page_token = first.next_page_token
    second = await market.user.ListCorporateActions(actions)
    assert [one.kind for one in [*first.actions, *second.actions]] == [CorporateAction.SPLIT, CorporateAction.DIVIDEND]
    assert second.next_page_token == ""
    factors = reference.ListFactorDefinitionsRequest(page_size=5)
    first = await market.user.ListFactorDefinitions(factors)
    factors.page_token = first.next_page_token
    second = await market.user.ListFactorDefinitions(factors)
    assert [one.display_order for one in [*first.factors, *second.factors]] == list(range(1, 9))
    assert (await market.user.ListFxRates(pb.ListFxRatesRequest(page_size=1))).next_page_token == ""
    broken = await refused(market.user.ListFxRates(pb.ListFxRatesRequest(page_token="garbage")))
    assert list(broken.fields) == ["page_token"]


async def test_a_matrix_is_for_returns_unless_asked_otherwise(market: Market):
    asked = pb.GetPriceMatrixRequest(instrument_ids=[market.ids["A"]], as_of_date=str(LAST), sessions=6)
    total = await market.user.GetPriceMatrix(asked)
    again = await market.user.GetPriceMatrix(asked)
    assert total == again
    assert list(total.price_bases) == [TOTAL]
    closes = np.frombuffer(total.closes, "<f8")
    assert np.abs(np.diff(np.log(closes))).max() < 0.02
    asked.price_basis = RAW
    raw = np.frombuffer((await market.user.GetPriceMatrix(asked)).closes, "<f8")
    assert (raw[-1], raw[0] > 900) == (closes[-1], True)


async def test_a_mark_of_an_option_says_what_it_was_made_of(market: Market):
    ids = [market.ids["A230317C00105000"], market.ids["A"]]
    asked = pb.GetMarksRequest(instrument_ids=ids, as_of_date=str(LAST), data_version=1)
    call, stock = (await market.service.GetMarks(asked)).marks
    assert (call.source, stock.source) == (Mark.MODEL, Mark.CLOSE)
    assert call.option == OptionContract(
        underlying_instrument_id=market.ids["A"],
        underlying_symbol="A",
        expiry_date="2023-03-17",
        right="C",
        strike=105.0,
        style=OptionContract.AMERICAN,
    )
    assert (call.volatility_source, call.rate_source, call.dividend_yield_source) == ("quote", "treasury", "dividends")
    assert call.underlying_price == stock.price
    assert 0.0 < call.dividend_yield < 0.01
    assert not stock.HasField("volatility")


async def test_private_instruments_are_seen_on_their_owners_behalf_alone(market: Market):
    ids = [market.ids["VINEYARD"]]
    marks = pb.GetMarksRequest(instrument_ids=ids, as_of_date=str(LAST), data_version=1)
    found = {
        name: (await caller.GetMarks(marks)).marks[0].reason
        for name, caller in (("owner", market.service_for_user), ("nobody", market.service))
    }
    assert found == {"owner": "", "nobody": "unknown_instrument"}
    symbols = pb.ResolveInstrumentsRequest(symbols=["VINEYARD"])
    assert (await market.service_for_user.ResolveInstruments(symbols)).resolutions[0].instrument.private
    assert (await market.service.ResolveInstruments(symbols)).resolutions[0].reason == "unknown_instrument"
    batch = pb.BatchGetInstrumentsRequest(instrument_ids=ids)
    assert len((await market.service_for_user.BatchGetInstruments(batch)).instruments) == 1
    assert len((await market.service.BatchGetInstruments(batch)).instruments) == 0
    matrix = pb.GetPriceMatrixRequest(instrument_ids=ids, as_of_date=str(LAST), sessions=1, price_basis=RAW)
    for caller, close in ((market.user, 7.0), (market.other, np.nan), (market.user, 7.0)):
        closes = np.frombuffer((await caller.GetPriceMatrix(matrix)).closes, "<f8")
        assert closes.tolist() == pytest.approx([close], nan_ok=True)
    for call in (
        market.other.GetInstrument(pb.GetInstrumentRequest(symbol="VINEYARD")),
        market.other.ListBars(pb.ListBarsRequest(symbol="VINEYARD")),
        market.other.ListCorporateActions(pb.ListCorporateActionsRequest(symbol="VINEYARD")),
        market.other.GetOptionChain(pb.GetOptionChainRequest(underlying="VINEYARD")),
    ):
        assert (await refused(call)).code is grpc.StatusCode.NOT_FOUND
    (quote,) = (await market.other.GetQuotes(pb.GetQuotesRequest(symbols=["VINEYARD"]))).quotes
    assert quote.reason == "unknown_instrument"


async def test_quotes_show_bid_ask_and_the_newer_price(market: Market):
    (quote,) = (await market.user.GetQuotes(pb.GetQuotesRequest(symbols=["A"]))).quotes
    assert (quote.last, quote.bid, quote.ask, quote.source) == (102.5, 102.0, 103.0, "test")
    assert quote.quote_time.ToJsonString() == "2022-12-29T15:30:00Z"
    assert quote.previous_close > 99.0


async def test_a_chain_and_none(market: Market):
    found = await market.user.GetOptionChain(pb.GetOptionChainRequest(underlying="a"))
    (quote,) = found.quotes
    assert (found.available, found.underlying, found.as_of_date) == (True, "A", "2022-12-27")
    assert (quote.symbol, quote.right, quote.strike, quote.implied_volatility) == ("A230317C00105000", "C", 105.0, 0.3)
    assert quote.quote_time.ToDatetime(UTC) == at_close(date(2022, 12, 27))
    assert not quote.HasField("open_interest")
    for request in (
        pb.GetOptionChainRequest(underlying="SPX"),
        pb.GetOptionChainRequest(underlying="A", as_of_date="2022-12-28"),
        pb.GetOptionChainRequest(underlying="A", expiry_date="2023-01-20"),
    ):
        none = await market.user.GetOptionChain(request)
        assert (none.available, none.reason, len(none.quotes)) == (False, "no_chain", 0)


async def test_yields_by_day_and_by_range(market: Market):
    curve = await market.user.GetYieldCurve(pb.GetYieldCurveRequest())
    assert [(one.tenor, getattr(one, "yield")) for one in curve.curves[0].yields] == [("3M", 0.0446), ("10Y", 0.0388)]
    assert (curve.available, curve.curves[0].curve_date, curve.data_version) == (True, "2022-12-28", 1)
    ranged = pb.GetYieldCurveRequest(start_date="2022-12-01", as_of_date="2022-12-31", tenors=["10Y"])
    assert [len(one.yields) for one in (await market.user.GetYieldCurve(ranged)).curves] == [1]
    none = await market.user.GetYieldCurve(pb.GetYieldCurveRequest(as_of_date="2022-12-27"))
    assert (none.available, none.reason, none.data_version) == (False, "no_yields", 0)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_date": "2022-12-02", "as_of_date": "2022-12-01"}, "as_of_date"),
        ({"start_date": "1980-01-01", "as_of_date": "2022-12-01"}, "as_of_date"),
        ({"as_of_date": "2022-02-30"}, "as_of_date"),
        ({"tenors": ["ten years"]}, "tenors[0]"),
        ({"known_at_version": 2}, "known_at_version"),
    ],
)
async def test_yields_that_cannot_be_asked_for(market: Market, fields: dict[str, object], field: str):
    answer = await refused(market.user.GetYieldCurve(pb.GetYieldCurveRequest(**fields)))
    assert (answer.code, list(answer.fields)) == (INVALID, [field])


async def test_rates_of_exchange(market: Market):
    (rate,) = (await market.user.ListFxRates(pb.ListFxRatesRequest())).rates
    assert (rate.base_currency, rate.quote_currency, rate.rate, rate.rate_date) == ("EUR", "USD", 1.0611, "2022-12-28")
    assert not (await market.user.ListFxRates(pb.ListFxRatesRequest(as_of_date="2022-12-27"))).rates
    (other_way,) = (await market.user.ListFxRates(pb.ListFxRatesRequest(quote_currency="EUR"))).rates
    assert (other_way.base_currency, other_way.rate) == ("USD", pytest.approx(1 / 1.0611))


async def test_a_search_pages_by_symbol(market: Market):
    request = pb.SearchInstrumentsRequest(page_size=2)
    found = []
    while True:
        page = await market.user.SearchInstruments(request)
        found += [one.symbol for one in page.instruments]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert found == ["A", "SPX", "VINEYARD"]
    options = pb.SearchInstrumentsRequest(query="105", kinds=[Instrument.OPTION])
    assert [one.symbol for one in (await market.other.SearchInstruments(options)).instruments] == ["A230317C00105000"]
    broken = await refused(market.user.SearchInstruments(pb.SearchInstrumentsRequest(page_token="garbage")))
    assert list(broken.fields) == ["page_token"]


def test_the_assumed_rate_is_a_setting():
    environ = {"DATABASE_URL": "postgresql://u:p@h/d", "PLIMSOLL_SERVICE_KEY": "k" * 32}
    assert read(Settings, environ).assumed_rate == 0.04
    assert read(Settings, environ | {"PLIMSOLL_ASSUMED_RATE": "-0.005"}).assumed_rate == -0.005
    with pytest.raises(SettingsError, match="PLIMSOLL_ASSUMED_RATE"):
        read(Settings, environ | {"PLIMSOLL_ASSUMED_RATE": "4"})  # meant as per cent


# --- reference data ---


async def test_factors_are_listed_with_what_stands_for_them(market: Market):
    found = await market.user.ListFactorDefinitions(reference.ListFactorDefinitionsRequest())
    by_name = {factor.name: factor for factor in found.factors}
    assert [factor.display_order for factor in found.factors] == list(range(1, 9))
    assert (by_name["Market Beta"].active_proxy, by_name["Market Beta"].asset_class) == ("SPX", "stocks")
    assert (by_name["Growth"].active, by_name["Growth"].reason) == (False, "no_history")
    assert (by_name["Short Interest"].enabled, by_name["Short Interest"].reason) == (False, "no_proxy")
    assert (found.benchmark, found.version, found.as_of_date) == ("SPX", 1, "2022-12-28")
    bonds = await market.user.ListFactorDefinitions(reference.ListFactorDefinitionsRequest(asset_class="bonds"))
    assert (bonds.benchmark, any(factor.active for factor in bonds.factors)) == ("AGG", False)
    late = reference.ListFactorDefinitionsRequest(as_of_date="2022-12-29")
    assert (await refused(market.user.ListFactorDefinitions(late))).reason == "DATE_OUT_OF_RANGE"


async def test_closes_of_factor_funds(market: Market):
    found = await market.user.GetFactorEtfPrices(pb.GetFactorEtfPricesRequest(lookback_days=200))
    (series,) = found.series
    assert (series.factor, series.symbol, len(series.points)) == ("Market Beta", "SPX", len(found.session_dates))
    assert not series.points[0].HasField("close")
    assert series.points[-1].close == 3899.0
    assert {one.factor: one.reason for one in found.inactive}["Growth"] == "no_history"


async def test_sets_are_read_by_all_and_replaced_by_admins(market: Market):
    before = await market.user.GetCashProxies(reference.GetCashProxiesRequest())
    assert (before.version, {one.currency: one.symbol for one in before.cash_proxies}["USD"]) == (1, "SGOV")
    change = reference.PutCashProxiesRequest(
        cash_proxies=[CashProxy(currency="USD", symbol="bil"), CashProxy(currency="EUR", symbol="XEON")],
        version=1,
        request_id="change-1",
    )
    for caller in (market.user, market.other):
        assert (await refused(caller.PutCashProxies(change))).reason == "PERMISSION_INSUFFICIENT"
    after = await market.admin.PutCashProxies(change)
    assert (after.version, [(one.currency, one.symbol) for one in after.cash_proxies]) == (
        2,
        [("EUR", "XEON"), ("USD", "BIL")],
    )
    assert await market.admin.PutCashProxies(change) == after  # the same request_id
    change.request_id = "change-2"
    stale = await refused(market.admin.PutCashProxies(change))
    assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert stale.metadata == {"given": "1", "current": "2"}
    assert await market.user.GetCashProxies(reference.GetCashProxiesRequest(version=1)) == before
    assert await market.user.GetCashProxies(reference.GetCashProxiesRequest()) == after
    absent = await refused(market.user.GetCashProxies(reference.GetCashProxiesRequest(version=9)))
    assert absent.code is grpc.StatusCode.NOT_FOUND


async def test_a_set_names_every_key_once(market: Market):
    twice = reference.PutCashProxiesRequest(cash_proxies=[CashProxy(currency="USD", symbol=name) for name in "AB"])
    answer = await refused(market.admin.PutCashProxies(twice))
    assert (answer.code, answer.fields) == (
        INVALID,
        {"cash_proxies.currency": "cash_proxies.currency: 'USD' is there more than once"},
    )


@pytest.mark.parametrize("name", ["CashAliases", "ExchangeProxies", "IndustryProxies", "PositionLabels"])
async def test_every_set_can_be_read_replaced_and_read_again(market: Market, name: str):
    get, put = getattr(reference, f"Get{name}Request"), getattr(reference, f"Put{name}Request")
    first = await getattr(market.user, f"Get{name}")(get())
    field = first.DESCRIPTOR.fields[0].name
    kept = list(getattr(first, field))[:2]
    second = await getattr(market.admin, f"Put{name}")(put(**{field: kept}))
    assert (first.version, second.version, list(getattr(second, field))) == (1, 2, kept)
    assert await getattr(market.user, f"Get{name}")(get()) == second
