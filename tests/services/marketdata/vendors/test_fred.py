"""What is special about FRED: two interfaces, dots for missing values, pairs the other way round."""

from datetime import date

import pytest

from services.marketdata.domain.fetched import Reason, RowKind
from tests.services.marketdata.vendors import fred_stub, market
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.stub import Reply


async def test_with_a_key_the_api_is_asked(fred):
    provider, stub = fred
    await provider.fetch_yields(["10Y"], FIRST, LAST)
    (request,) = stub.requests
    assert request.path == ["fred", "series", "observations"]
    assert request.query == {
        "series_id": "DGS10",
        "file_type": "json",
        "observation_start": str(FIRST),
        "observation_end": str(LAST),
        "api_key": fred_stub.KEY,
    }


async def test_without_a_key_the_download_is(fred_graph):
    provider, stub = fred_graph
    await provider.fetch_yields(["10Y"], FIRST, LAST)
    (request,) = stub.requests
    assert request.path == ["graph", "fredgraph.csv"]
    assert request.query == {"id": "DGS10", "cosd": str(FIRST), "coed": str(LAST)}


async def test_the_download_of_former_years_is_read_too(fred_graph):
    provider, stub = fred_graph
    stub.day_column = "DATE"
    answer = await provider.fetch_yields(["10Y"], FIRST, LAST)
    assert answer.found["10Y"].yields.tolist() == [0.0384, 0.0388]


@pytest.mark.parametrize(
    "body", [b"observation_date,DGS2\n2022-12-27,1\n", b"when,DGS10\n2022-12-27,1\n", b"DGS10\n1\n"]
)
async def test_a_download_of_something_else_is_malformed(fred_graph, body: bytes):
    provider, stub = fred_graph
    stub.fail("DGS10", Reply(body, content_type="text/csv"))
    assert (await provider.fetch_yields(["10Y"], FIRST, LAST)).failed == {"10Y": Reason.MALFORMED}


@pytest.mark.parametrize("name", ["fred", "fred_graph"])
@pytest.mark.parametrize(
    ("day", "value", "field", "reason"),
    [
        ("2022-12-29", "3,88", "10Y", "not_a_number"),
        ("2022-12-29", "nan", "10Y", "not_a_number"),
        ("2022-12-29", "1e999", "10Y", "not_a_number"),
        ("2022-12-29", "#N/A", "10Y", "not_a_number"),
        ("29/12/2022", "3.88", "date", "unreadable_date"),
    ],
)
async def test_a_value_that_is_none_is_set_aside(fred, fred_graph, name, day, value, field, reason):
    provider, stub = {"fred": fred, "fred_graph": fred_graph}[name]
    stub.extra["DGS10"] = {day: value if name == "fred" else f'"{value}"'}
    answer = await provider.fetch_yields(["10Y"], FIRST, LAST)
    assert answer.found["10Y"].yields.tolist() == [0.0384, 0.0388]
    (rejected,) = answer.rejected
    assert (rejected.kind, rejected.symbol) == (RowKind.YIELD, "")
    assert (rejected.field, rejected.reason) == (field, reason)


async def test_a_day_without_a_value_is_no_observation(fred_graph):
    provider, stub = fred_graph
    stub.extra["DGS10"] = {"2022-12-29": ""}
    answer = await provider.fetch_yields(["10Y"], FIRST, LAST)
    assert answer.found["10Y"].days.tolist() == [date(2022, 12, 27), date(2022, 12, 28)]
    assert list(answer.rejected) == []


@pytest.mark.parametrize(
    ("pair", "rate"),
    [("EURUSD", 1.0625), ("USDEUR", 1 / 1.0625), ("USDJPY", 134.0), ("JPYUSD", 1 / 134.0)],
)
async def test_pairs_are_given_the_way_round_that_was_asked(fred, pair: str, rate: float):
    provider, _ = fred
    series = (await provider.fetch_fx_rates([pair], LAST, LAST)).found[pair]
    assert (series.base_currency, series.quote_currency) == (pair[:3], pair[3:])
    assert series.rates.tolist() == [rate]


async def test_a_rate_of_zero_becomes_no_rate_of_any_kind(fred, monkeypatch: pytest.MonkeyPatch):
    provider, _ = fred
    monkeypatch.setitem(market.YIELDS, "DEXJPUS", {LAST: "0"})
    series = (await provider.fetch_fx_rates(["JPYUSD"], LAST, LAST)).found["JPYUSD"]
    assert series.rates.tolist() == [float("inf")]  # which `check_fx` finds, as it finds the 0


@pytest.mark.parametrize("pair", ["EURGBP", "USDUSD", "USDXXX", "XXXUSD", "USD", "EURUSDX"])
async def test_pairs_that_fred_does_not_have_are_unknown(fred, pair: str):
    provider, stub = fred
    assert (await provider.fetch_fx_rates([pair], FIRST, LAST)).failed == {pair: Reason.UNKNOWN_SYMBOL}
    assert stub.requests == []


async def test_a_key_that_fred_does_not_know_is_refused(fred):
    provider, stub = fred
    message = "Bad Request. The value for variable api_key is not registered."
    stub.fail("DGS10", Reply({"error_code": 400, "error_message": message}, 400))
    assert (await provider.fetch_yields(["10Y"], FIRST, LAST)).failed == {"10Y": Reason.REFUSED}
