"""Settings become providers: what is set up, in which order, and what is refused at start."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.errors import CannotStart
from chassis.settings import SettingsError, read
from services.marketdata.clients.vendors import yahoo
from services.marketdata.clients.vendors.assembly import Assembled, assemble
from services.marketdata.domain.fetched import Reason
from services.marketdata.provider_settings import PROVIDERS, ProviderSettings
from tests.services.marketdata.vendors import files, fmp_stub, fred_stub, market, massive_stub
from tests.services.marketdata.vendors.clocks import FakeClock
from tests.services.marketdata.vendors.market import FIRST, LAST
from tests.services.marketdata.vendors.stub import Stub

KEYS = {"PLIMSOLL_MASSIVE_API_KEY": massive_stub.KEY, "PLIMSOLL_FMP_API_KEY": fmp_stub.KEY}


def settings(**environ: str) -> ProviderSettings:
    return read(ProviderSettings, {f"PLIMSOLL_{name.upper()}": value for name, value in environ.items()})


def assembled(given: ProviderSettings) -> Assembled:
    return assemble(given, market.Weekdays(), FakeClock())


def test_without_settings_there_is_what_needs_no_key():
    sources = assembled(settings()).sources
    assert (sources.bars.order, sources.listings.order, sources.yields.order) == (["bundled"], ["bundled"], ["fred"])
    assert (sources.quotes.order, sources.option_chains.order, sources.fx_rates.order) == ([], [], ["fred"])
    assert set(sources.catalogues) == {"bundled"}


def test_what_is_set_up_is_asked_in_one_order(tmp_path: Path):
    sources = assembled(settings(massive_api_key="k", fmp_api_key="k", csv_path=str(tmp_path))).sources
    assert sources.bars.order == ["massive", "fmp", "csv", "bundled"]
    assert sources.bars.in_order.name == "massive,fmp,csv,bundled"
    assert sources.corporate_actions.order == ["massive", "fmp", "csv"]
    assert sources.quotes.order == ["massive", "fmp"]
    assert sources.option_chains.order == ["massive"]
    assert sources.yields.order == ["fred", "csv"]
    assert sources.fx_rates.order == ["massive", "fmp", "fred"]
    assert set(sources.catalogues) == {"csv", "bundled"}


def test_an_order_is_that_of_the_settings_and_the_others_can_be_named():
    given = settings(massive_api_key="k", fmp_api_key="k", bar_providers="bundled, massive", yield_providers="fred")
    sources = assembled(given).sources
    assert sources.bars.order == ["bundled", "massive"]
    assert set(sources.bars.by_name) == {"massive", "fmp", "bundled"}
    assert sources.bars.by_name["fmp"].name == "fmp"


def test_made_up_prices_are_refused_unless_allowed_and_then_only_by_name():
    with pytest.raises(SettingsError, match="PLIMSOLL_BAR_PROVIDERS names synthetic, which needs PLIMSOLL_SYNTHETIC"):
        settings(bar_providers="synthetic")
    assert "synthetic" not in assembled(settings()).sources.bars.by_name
    allowed = assembled(settings(synthetic_allowed="true")).sources
    assert "synthetic" in allowed.bars.by_name
    assert "synthetic" not in allowed.bars.order
    assert assembled(settings(synthetic_allowed="true", bar_providers="synthetic")).sources.bars.order == ["synthetic"]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"bar_providers": "massive"}, "PLIMSOLL_BAR_PROVIDERS names massive, which needs PLIMSOLL_MASSIVE_API_KEY"),
        ({"quote_providers": "fmp"}, "PLIMSOLL_QUOTE_PROVIDERS names fmp, which needs PLIMSOLL_FMP_API_KEY"),
        ({"bar_providers": "csv"}, "PLIMSOLL_BAR_PROVIDERS names csv, which needs PLIMSOLL_CSV_PATH"),
        ({"yield_providers": "fred", "fred_enabled": "false"}, "needs PLIMSOLL_FRED_ENABLED=true"),
        ({"listing_providers": "yfinance"}, "needs PLIMSOLL_YFINANCE_ENABLED=true"),
        ({"bar_providers": "bloomberg"}, "'bloomberg' is no provider; there is massive, fmp"),
        ({"bar_providers": "bundled,bundled"}, "names a provider twice: bundled, bundled"),
        ({"bar_providers": "massive;fmp"}, "PLIMSOLL_BAR_PROVIDERS"),
        ({"massive_base_url": "ftp://example"}, "PLIMSOLL_MASSIVE_BASE_URL"),
        ({"massive_base_url": "https://me:secret@example"}, "PLIMSOLL_MASSIVE_BASE_URL"),
        ({"fmp_base_url": "https://example/stable?x=1"}, "PLIMSOLL_FMP_BASE_URL"),
        ({"massive_calls_per_minute": "0"}, "PLIMSOLL_MASSIVE_CALLS_PER_MINUTE"),
        ({"fetch_seconds": "0"}, "PLIMSOLL_FETCH_SECONDS"),
        ({"csv_price_basis": "adjusted"}, "PLIMSOLL_CSV_PRICE_BASIS"),
        ({"massive_base_url": "https://example:99999"}, "PLIMSOLL_MASSIVE_BASE_URL: .* a port that can be none"),
        ({"fred_graph_url": "https://example:x"}, "PLIMSOLL_FRED_GRAPH_URL: .* a port that can be none"),
        ({"call_seconds": "30"}, "PLIMSOLL_CALL_SECONDS: 30.0 is more than PLIMSOLL_FETCH_SECONDS"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(environ: dict[str, str], said: str):
    with pytest.raises(SettingsError, match=said):
        settings(**environ)


def test_a_provider_is_not_asked_for_what_it_does_not_offer():
    message = "PLIMSOLL_QUOTE_PROVIDERS names bundled; quotes are offered by nobody that is set up"
    with pytest.raises(CannotStart, match=message):
        assembled(settings(quote_providers="bundled"))
    with pytest.raises(CannotStart, match="yields are offered by fred"):
        assembled(settings(yield_providers="bundled"))


@pytest.mark.skipif(yahoo.is_installed(), reason="the extra yfinance is installed here")
def test_an_extra_that_is_not_installed_is_named_at_start():
    with pytest.raises(CannotStart, match="yfinance is not installed"):
        assembled(settings(yfinance_enabled="true"))


def test_keys_are_not_shown():
    given = settings(massive_api_key="m-key", fmp_api_key="f-key", fred_api_key="r-key")
    assert not any(key in repr(given) + str(given) for key in ("m-key", "f-key", "r-key"))
    with pytest.raises(SettingsError) as caught:
        settings(massive_api_key="m-key", bar_providers="nobody")
    assert "m-key" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "zwölf", "a\nb", "a\x00"])
def test_a_key_that_no_header_can_carry_is_refused_at_start_and_not_shown(key: str):
    with pytest.raises(SettingsError, match="PLIMSOLL_FMP_API_KEY has a character that no key has") as caught:
        settings(fmp_api_key=key)
    assert key not in str(caught.value)


def test_every_provider_is_made_by_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = settings(massive_api_key="k", fmp_api_key="k", csv_path=str(tmp_path), synthetic_allowed="true")
    sources = assembled(given).sources
    offers = (sources.listings, sources.bars, sources.corporate_actions, sources.quotes, sources.option_chains)
    names = {name for offer in (*offers, sources.yields, sources.fx_rates) for name in offer.by_name}
    assert names == set(PROVIDERS) - {"yfinance"}


async def test_everything_put_together_answers_from_the_first_that_can(started, tmp_path: Path, caplog):
    caplog.set_level(logging.DEBUG)
    massive: Stub = await started(massive_stub.MassiveStub(page_size=100))
    fmp: Stub = await started(fmp_stub.FmpStub())
    fred: Stub = await started(fred_stub.FredStub())
    massive.fail("/KO/", massive_stub.NOT_ENTITLED)
    together = assembled(
        settings(
            massive_api_key=massive_stub.KEY,
            massive_base_url=massive.url,
            fmp_api_key=fmp_stub.KEY,
            fmp_base_url=f"{fmp.url}/stable",
            fred_api_key=fred_stub.KEY,
            fred_base_url=fred.url,
            csv_path=str(files.write(tmp_path)),
        )
    )
    sources = together.sources
    bars = await sources.bars.in_order.fetch_bars(["AAPL", "KO", "MSFT", "NOPE"], FIRST, LAST)
    assert dict(bars.sources) == {"AAPL": "massive", "KO": "fmp", "MSFT": "bundled"}
    assert bars.failed == {"NOPE": Reason.NO_HISTORY}
    assert dict((await sources.yields.in_order.fetch_yields(["10Y"], FIRST, LAST)).sources) == {"10Y": "fred"}
    for close in together.close:
        await close()
    assert not any(key in caplog.text for key in (massive_stub.KEY, fmp_stub.KEY, fred_stub.KEY))


async def test_without_a_key_fred_s_downloads_are_asked(started):
    fred: Stub = await started(fred_stub.FredStub())
    together = assembled(settings(fred_graph_url=fred.url, fred_base_url="http://127.0.0.1:1"))
    answer = await together.sources.yields.in_order.fetch_yields(["10Y"], FIRST, LAST)
    assert set(answer.found) == {"10Y"}
    for close in together.close:
        await close()


def test_nothing_heavy_is_loaded_before_the_first_call():
    program = (
        "import sys; from services.marketdata.clients.vendors import assembly; "
        "print(*{'httpx', 'pandas', 'yfinance', 'scipy'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
