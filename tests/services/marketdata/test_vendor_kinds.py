"""Every kind of data that vendors have, through the service as wired: in turn, with their faults, and read back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path

import pytest

from chassis.settings import Secret
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1 import marketdata_service_pb2 as reads
from tests.services.marketdata.conftest import Callers, serving
from tests.services.marketdata.vendors import files, fmp_stub, fred_stub, massive_stub
from tests.services.marketdata.vendors.market import BARS, FIRST, LAST, YIELDS
from tests.services.marketdata.vendors.stub import Reply, Stub

Serve = Callable[..., Awaitable[Callers]]
PATIENCE = {"fetch_seconds": 20.0, "call_seconds": 5.0, "call_attempts": 1}


@pytest.fixture
async def serve(database_url: Callable[[str], str]) -> AsyncIterator[Serve]:
    """`await serve(massive=stub, fmp=stub, fred=stub, **settings)`: the service with these vendors, until the end."""
    async with AsyncExitStack() as open_until_the_end:

        async def start(**given: object) -> Callers:
            settings: dict[str, object] = dict(PATIENCE)
            for name, stub in given.items():
                if isinstance(stub, Stub):
                    await stub.start()
                    open_until_the_end.push_async_callback(stub.stop)
                    settings |= address(name, stub)
                else:
                    settings[name] = stub
            return await open_until_the_end.enter_async_context(serving(database_url("marketdata"), **settings))

        yield start


def address(name: str, stub: Stub) -> dict[str, object]:
    """Give the settings that set a vendor up."""
    if name == "fred":
        return {"fred_enabled": True, "fred_api_key": Secret(fred_stub.KEY), "fred_base_url": stub.url}
    key, path = (massive_stub.KEY, "") if name == "massive" else (fmp_stub.KEY, "/stable")
    return {f"{name}_api_key": Secret(key), f"{name}_base_url": stub.url + path, f"{name}_calls_per_minute": 10_000}


async def sync(callers: Callers, *symbols: str, provider: str = "") -> pb.SyncSymbolsResponse:
    answer: pb.SyncSymbolsResponse = await callers.service.SyncSymbols(
        pb.SyncSymbolsRequest(symbols=symbols, provider=provider)
    )
    if answer.last_session_date:
        await callers.service.SealSession(pb.SealSessionRequest(session_date=answer.last_session_date))
    return answer


async def quarantined(callers: Callers) -> list[tuple[str, str, str]]:
    rows = (await callers.user.ListQuarantine(pb.ListQuarantineRequest())).rows
    return sorted((row.kind, row.symbol, row.reason) for row in rows)


async def test_the_next_in_the_order_of_the_settings_answers_for_one_that_is_down(serve: Serve):
    massive, fmp = massive_stub.MassiveStub(page_size=100), fmp_stub.FmpStub()
    callers = await serve(massive=massive, fmp=fmp, bar_providers="massive,fmp", listing_providers="fmp,massive")
    massive.fail("/v2/aggs/ticker/KO/", Reply({"error": "boom"}, 500))
    massive.fail("/stocks/v1", massive_stub.NOT_ENTITLED)
    synced = await sync(callers, "AAPL", "KO")
    assert [(one.symbol, one.provider, one.reason) for one in synced.outcomes] == [
        ("AAPL", "massive", ""),
        ("KO", "fmp", ""),
    ]
    bars = (await callers.user.ListBars(reads.ListBarsRequest(symbol="KO"))).bars
    assert [(bar.close, bar.source) for bar in bars] == [(bar.close, "fmp") for bar in BARS["KO"]]
    actions = (await callers.user.ListCorporateActions(reads.ListCorporateActionsRequest(symbol="KO"))).actions
    assert [(one.value, one.source) for one in actions] == [(0.44, "fmp"), (10.0, "fmp")]
    found = await callers.user.GetInstrument(reads.GetInstrumentRequest(symbol="AAPL"))
    assert (found.sector, found.industry) == ("Information Technology", "Consumer Electronics")


async def test_an_order_that_is_turned_round_asks_the_other_first(serve: Serve):
    massive, fmp = massive_stub.MassiveStub(), fmp_stub.FmpStub()
    callers = await serve(massive=massive, fmp=fmp, bar_providers="fmp,massive", listing_providers="fmp")
    assert [one.provider for one in (await sync(callers, "AAPL")).outcomes] == ["fmp"]
    assert not any("/v2/aggs/ticker/AAPL/range" in request.target for request in massive.requests)


async def test_quotes_that_cannot_be_are_kept_apart_and_the_last_good_one_stays(serve: Serve):
    massive = massive_stub.MassiveStub()
    callers = await serve(massive=massive)
    await sync(callers, "AAPL", "KO")
    wanted = reads.GetQuotesRequest(symbols=["AAPL", "KO"])
    before = (await callers.user.GetQuotes(wanted)).quotes
    assert [quote.last for quote in before] == [BARS[symbol][-1].close for symbol in ("AAPL", "KO")]
    wrong = [
        massive_stub.snapshot("AAPL") | {"lastTrade": {"p": 12_604.0, "t": 1672261200 * 10**9}},
        massive_stub.snapshot("KO") | {"lastQuote": {"p": -1.0, "P": 2.0}},
    ]
    massive.fail("/v2/snapshot", Reply({"status": "OK", "tickers": wrong}))
    await sync(callers, "AAPL", "KO")
    assert await quarantined(callers) == [
        ("quote", "AAPL", "jump_without_split"),
        ("quote", "KO", "not_positive"),
    ]
    assert (await callers.user.GetQuotes(wanted)).quotes == before


async def test_corporate_actions_that_cannot_be_are_kept_apart(serve: Serve):
    massive = massive_stub.MassiveStub()
    callers = await serve(massive=massive)
    await sync(callers, "KO")
    wanted = reads.ListCorporateActionsRequest(symbol="KO")
    before = (await callers.user.ListCorporateActions(wanted)).actions
    row = {"ticker": "KO", "execution_date": "2022-12-27", "split_from": 1, "split_to": 4, "id": "E1"}
    rows = [row | {"split_to": 10**9}, row | {"split_from": 0}, row | {"execution_date": "soon"}]
    massive.fail("/stocks/v1/splits", Reply({"status": "OK", "results": rows}))
    await sync(callers, "KO")
    assert [reason for kind, _, reason in await quarantined(callers) if kind == "corporate_action"] == [
        "implausible_split",
        "not_positive",
        "unreadable_date",
    ]
    assert (await callers.user.ListCorporateActions(wanted)).actions == before  # the others are not taken back either


async def test_complaints_of_every_kind_take_no_corporate_action_back(serve: Serve):
    massive = massive_stub.MassiveStub()
    callers = await serve(massive=massive)
    await sync(callers, "KO")
    wanted = reads.ListCorporateActionsRequest(symbol="KO")
    before = (await callers.user.ListCorporateActions(wanted)).actions
    assert len(before) == 2
    for complaint in ({}, {"status": "ERROR", "results": []}, {"message": "try later"}):
        massive.recover()
        massive.fail("/stocks/v1", Reply(complaint))
        await sync(callers, "KO")
        assert (await callers.user.ListCorporateActions(wanted)).actions == before


async def test_contracts_that_cannot_be_are_kept_apart_and_the_chain_outlives_its_vendor(serve: Serve):
    massive = massive_stub.MassiveStub(page_size=2)
    good, other = "AAPL301220C00150000", "AAPL301220P00150000"
    put = massive_stub.option(f"O:{other}", "put", "2030-12-20", 150, 0.4)
    massive.options = [
        massive_stub.option(f"O:{good}", "call", "2030-12-20", 150, 0.3),
        put | {"last_quote": {"bid": 9.0, "ask": 8.0}},
        put | {"implied_volatility": 4000.0},
        put | {"details": {**put["details"], "strike_price": 15_000}},  # type: ignore[dict-item]
    ]
    callers = await serve(massive=massive)
    await sync(callers, "AAPL")
    await sync(callers, good)
    await sync(callers, "AAPL")
    assert [row for row in await quarantined(callers) if row[0] == "option_quote"] == [
        ("option_quote", "AAPL", "contradictory_terms"),
        ("option_quote", other, "bid_above_ask"),
        ("option_quote", other, "implausible_volatility"),
    ]
    wanted = reads.GetOptionChainRequest(underlying="AAPL")
    chain = await callers.user.GetOptionChain(wanted)
    assert [(one.symbol, one.implied_volatility) for one in chain.quotes] == [(good, 0.3)]
    massive.fail("/v3/snapshot", Reply({"status": "OK", "results": [{}], "next_url": f"{massive.url}/v3/snapshot/1"}))
    await sync(callers, "AAPL", good)
    assert await callers.user.GetOptionChain(wanted) == chain


async def test_yields_and_rates_of_exchange_are_judged_and_outlive_their_vendor(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    fred = fred_stub.FredStub()
    fred.extra["DGS10"] = {"2022-12-29": "388", "2022-12-30": "NaN", "2090-01-03": "3.9"}
    fred.extra["DEXUSEU"] = {"2022-12-29": "106.2", "2022-12-30": "0"}
    callers = await serve(fred=fred)
    synced = await callers.service.SyncYields(pb.SyncYieldsRequest())
    assert (synced.provider, synced.reason) == ("fred", "")
    assert await quarantined(callers) == [
        ("fx", "EURUSD", "jump_without_split"),
        ("fx", "EURUSD", "not_positive"),
        ("yield", "", "future_date"),
        ("yield", "", "implausible_yield"),
        ("yield", "", "not_a_number"),
    ]
    before = await callers.user.GetYieldCurve(reads.GetYieldCurveRequest())
    (curve,) = before.curves
    assert curve.curve_date == str(LAST)
    monkeypatch.setitem(YIELDS, "DEXUSEU", dict.fromkeys(YIELDS["DEXUSEU"], "106.3"))
    await callers.service.SyncYields(pb.SyncYieldsRequest())  # all of them wrong: what is known decides
    fred.fail("/", Reply(b"<html>maintenance</html>", 200, "text/html"))
    synced = await callers.service.SyncYields(pb.SyncYieldsRequest())
    assert (synced.provider, synced.reason, synced.stored_count) == ("", "provider_malformed", 0)
    assert await callers.user.GetYieldCurve(reads.GetYieldCurveRequest()) == before
    (rate,) = (await callers.user.ListFxRates(reads.ListFxRatesRequest(base_currency="EUR"))).rates[-1:]
    assert rate.rate == 1.0625


async def test_a_folder_of_files_is_a_provider_like_any_other(serve: Serve, tmp_path: Path):
    folder = files.write(tmp_path)
    (folder / "wrong.csv").write_text("symbol,date,close\nKO,2022-12-29,6357\nKO,2022-12-30,x\nKO,2022-12-16,0\n")
    callers = await serve(csv_path=str(folder), bar_providers="csv,bundled")
    synced = await sync(callers, provider="csv")
    assert {one.symbol: (one.stored_count, one.reason) for one in synced.outcomes} == {
        "AAPL": (len(BARS["AAPL"]) + 3, ""),  # with a split and two dividends
        "BRK.B": (0, "unknown_symbol"),  # no file says what it stands for, and nobody else does
        "KO": (len(BARS["KO"]) + 2, ""),
    }
    assert await quarantined(callers) == [
        ("bar", "KO", "jump_without_split"),
        ("bar", "KO", "not_a_number"),
        ("bar", "KO", "not_positive"),
    ]


async def test_what_is_priced_in_pence_is_not_taken_for_pounds(serve: Serve):
    fmp = fmp_stub.FmpStub()
    profile = {"symbol": "KO", "companyName": "Coke", "exchange": "LSE", "currency": "GBp", "sector": "Energy"}
    fmp.fail("profile?symbol=KO", Reply([profile]))
    fmp.fail("profile?symbol=AAPL", Reply([profile | {"symbol": "AAPL", "currency": None}]))
    callers = await serve(fmp=fmp, listing_providers="fmp", bar_providers="fmp")
    synced = await sync(callers, "KO", "AAPL")
    assert [one.reason for one in synced.outcomes] == ["", "provider_malformed"]
    assert (await callers.user.GetInstrument(reads.GetInstrumentRequest(symbol="KO"))).currency == "GBX"


async def test_made_up_prices_are_refused_where_they_are_not_allowed(serve: Serve):
    callers = await serve()
    with pytest.raises(Exception, match="synthetic") as caught:
        await sync(callers, "SYN00001", provider="synthetic")
    assert "INVALID_ARGUMENT" in str(caught.value)
    assert (await callers.user.EnsureCoverage(pb.EnsureCoverageRequest(symbol="SYN00001"))).reason == "unknown_symbol"


async def test_in_load_tests_they_come_to_who_names_them(serve: Serve):
    callers = await serve(synthetic_allowed=True)
    request = pb.SyncSymbolsRequest(symbols=["SYN00001", "AAPL"], provider="synthetic", start_date=str(FIRST))
    made, real = (await callers.service.SyncSymbols(request)).outcomes
    assert (made.provider, made.reason) == ("synthetic", "")
    assert made.stored_count > (date(2026, 1, 1) - FIRST).days * 5 // 7 - 60
    assert (real.stored_count, real.reason) == (0, "unknown_symbol")
