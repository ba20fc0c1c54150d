"""A stock that is split ten for one, from the file to the figures: REST and gRPC, before and after."""

import struct
from pathlib import Path
from typing import Any

import httpx
import pytest

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import marketdata_service_pb2 as marketdata
from plimsoll.portfolio.v1 import data_service_pb2 as data
from plimsoll.risk.v1.analytics_service_pb2 import GetOverviewRequest
from plimsoll.risk.v1.overview_pb2 import Overview
from tests.system.conftest import Running, call
from tests.system.test_market_data import ingest, own_stack, token_of  # noqa: F401 - a fixture is used by its name

BEFORE, EX, LAST = "2022-12-20", "2022-12-21", "2022-12-28"
CLOSES = {
    "2022-12-19": 990.0,
    BEFORE: 1000.0,
    EX: 101.0,
    "2022-12-22": 102.0,
    "2022-12-23": 103.0,
    "2022-12-27": 104.0,
    LAST: 105.0,
}
HEADER = "ticker,quantity,entry_price,entry_date,tags\n"
BOOK = f"{HEADER}OWN,7,990,2022-12-19,\nOWN,-2,101,2022-12-21,\nCUR:USD,10000,,2022-12-28,\n"
OPTION = f"{HEADER}OWN230120C01050000,3,20,2022-12-20,\n"


@pytest.fixture
def split(own_stack: Running, tmp_path: Path) -> Running:  # noqa: F811 - pytest passes the fixture by its name
    """A stack that knows one stock, which was split."""
    bars, actions = tmp_path / "bars.csv", tmp_path / "actions.csv"
    rows = "".join(f"OWN,{day},{close},\n" for day, close in CLOSES.items())
    bars.write_text("symbol,date,close,kind\n" + rows.replace(",\n", ",STOCK\n", 1))
    actions.write_text(f"symbol,ex_date,kind,value\nOWN,{EX},split,10\n")
    for kind, file in (("bars", bars), ("actions", actions), ("bars", bars)):
        told = ingest(own_stack.home, "ingest", kind, str(file), *(["--seal", LAST] if kind == "bars" else []))
        assert told.returncode == 0, told.stdout + told.stderr
    return own_stack


def upload(client: httpx.Client, name: str, book: str) -> str:
    answer = client.post(
        "/api/v1/management/portfolios/upload",
        params={"portfolio_name": name, "commit": "true"},
        content=book.encode(),
        headers={"content-type": "text/csv"},
    )
    assert answer.json()["report"]["errors"] == [], answer.text
    return str(answer.json()["portfolio"]["portfolio_id"])


def closes(client: httpx.Client, basis: str) -> list[float]:
    answer = client.get("/api/v1/marketdata/bars/OWN", params={"price_basis": basis}).json()
    return [bar["close"] for bar in answer["bars"]]


async def test_a_split_is_valued_and_returned_right_on_both_sides_of_it(split: Running):
    token = token_of(split)
    bearer = [("authorization", f"Bearer {token}")]
    with split.client(token) as client:
        # What is returned, over REST: as quoted, and in the shares of today.
        assert closes(client, "RAW") == list(CLOSES.values())
        in_new_shares = [99.0, 100.0, *list(CLOSES.values())[2:]]
        assert closes(client, "SPLIT_ADJUSTED") == pytest.approx(in_new_shares)
        assert closes(client, "TOTAL_RETURN_ADJUSTED") == pytest.approx(in_new_shares)
        instrument_id = client.get("/api/v1/marketdata/instruments/OWN").json()["instrument_id"]
        portfolio_id = upload(client, "Split", BOOK)
        valued = {day: complete(client, portfolio_id, day) for day in (BEFORE, EX, LAST)}
        overviews = {
            day: client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/overview", params={"as_of_date": day}).json()
            for day in valued
        }
        option_id = upload(client, "Option", OPTION)
        options = [complete(client, option_id, day)["positions"][0] for day in (BEFORE, LAST)]

    # What positions are worth, over REST: seven shares are seventy, the two entered on the day stay two.
    assert [shares(valued[day]) for day in valued] == [[7], [70, -2], [70, -2]]
    assert [p["position"]["quantity"] for p in valued[LAST]["positions"]] == [7, -2], "as it was entered"
    assert worth(valued[BEFORE]) == [7 * 1000]
    assert worth(valued[EX]) == [70 * 101, -2 * 101]
    assert worth(valued[LAST]) == [70 * 105, -2 * 105]
    assert [p["cost_basis"] for p in valued[LAST]["positions"]] == pytest.approx([6930, -202])
    assert valued[LAST]["positions"][0]["unrealized_pnl"] == pytest.approx(70 * 105 - 7 * 990)
    # Three options have become thirty at a tenth of the strike; seven sessions are too few to model either on.
    assert [p["contract_symbol"] for p in options] == ["", "OWN230120C00105000"]
    assert [(p["quantity"], p["cost_basis"], p["reason"]) for p in options] == [
        (3, 6000, "no_volatility"),
        (30, pytest.approx(6000), "no_volatility"),
    ]
    # The two sold short on the day of the split brought 202 in, which the cash of the day before did not have.
    assert [v["cash_balance"] for v in valued.values()] == pytest.approx([10000 - 202, 10000, 10000])

    # Risk says the same of the same day.
    for day, overview in overviews.items():
        assert overview["total_value"] == pytest.approx(valued[day]["net_asset_value"]), day

    # And over gRPC, at the gateway.
    address = split.address("gateway")
    request = data.GetCompletePortfolioRequest(portfolio_id=portfolio_id, as_of_date=EX)
    method = "/plimsoll.portfolio.v1.DataService/GetCompletePortfolio"
    found = await call(address, method, request, data.CompletePortfolio, bearer)
    assert [(p.quantity, p.market_value) for p in found.positions] == [(70, 7070), (-2, -202)]
    overview = await call(
        address,
        "/plimsoll.risk.v1.AnalyticsService/GetOverview",
        GetOverviewRequest(portfolio_id=portfolio_id, as_of_date=BEFORE),
        Overview,
        bearer,
    )
    assert overview.total_value == pytest.approx(valued[BEFORE]["net_asset_value"])
    for basis, expected in ((PriceBasis.RAW, list(CLOSES.values())), (PriceBasis.SPLIT_ADJUSTED, in_new_shares)):
        block = marketdata.GetPriceMatrixRequest(
            instrument_ids=[instrument_id], as_of_date=LAST, sessions=len(CLOSES), price_basis=basis
        )
        method = "/plimsoll.marketdata.v1.MarketDataService/GetPriceMatrix"
        matrix = await call(address, method, block, marketdata.PriceMatrix, bearer)
        assert struct.unpack(f"<{len(CLOSES)}d", matrix.closes) == pytest.approx(expected)


def complete(client: httpx.Client, portfolio_id: str, day: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/data/portfolio/{portfolio_id}/complete", params={"as_of_date": day})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shares(portfolio: dict[str, Any]) -> list[float]:
    return [position["quantity"] for position in portfolio["positions"]]


def worth(portfolio: dict[str, Any]) -> list[float | None]:
    return [position.get("market_value") for position in portfolio["positions"]]
