"""A euro position and euro cash in a dollar book, from the files to the figures of both services."""

import math
from pathlib import Path

import httpx
import pytest

from tests.system.conftest import Running
from tests.system.test_market_data import ingest, own_stack, token_of  # noqa: F401 - a fixture is used by its name
from tests.system.test_splits import complete, upload

LAST = "2022-12-28"
HEADER = "ticker,quantity,entry_price,entry_date,tags\n"


@pytest.fixture
def abroad(own_stack: Running, tmp_path: Path) -> tuple[Running, list[str]]:  # noqa: F811 - by its name
    """A stack that knows 200 sessions of a dollar and a euro stock, and the euro on all but the last."""
    with own_stack.client(token_of(own_stack)) as client:
        asked = {"start_date": "2022-01-03", "end_date": LAST}
        first_file = tmp_path / "first.csv"  # the calendar is filled when the first bars come
        first_file.write_text(f"symbol,date,close,kind,currency\nOWN,{LAST},{close(199)},STOCK,USD\n")
        assert ingest(own_stack.home, "ingest", "bars", str(first_file)).returncode == 0
        days = client.get("/api/v1/marketdata/calendar", params=asked).json()["session_dates"][-200:]
    rows = [
        f"{symbol},{day},{close(n) * size},"
        for symbol, size in (("OWN", 1), ("SAP", 0.9))
        for n, day in enumerate(days)
    ]
    rows = [row + ("STOCK,EUR" if row.startswith("SAP") else "STOCK,USD") for row in rows]
    rates = [f"{day},EUR,USD,{euro(n)}" for n, day in enumerate(days[:-1])]
    bars, fx = tmp_path / "bars.csv", tmp_path / "fx.csv"
    bars.write_text("symbol,date,close,kind,currency\n" + "\n".join(rows) + "\n")
    fx.write_text("date,base_currency,quote_currency,rate\n" + "\n".join(rates) + "\n")
    for arguments in (("fx", str(fx)), ("bars", str(bars), "--seal", LAST)):
        told = ingest(own_stack.home, "ingest", *arguments)
        assert told.returncode == 0, told.stdout + told.stderr
    return own_stack, days


def close(n: int) -> float:
    return round(100.0 + 5.0 * math.sin(n / 3.0) + n / 50.0, 4)


def euro(n: int) -> float:
    return round(1.05 + 0.03 * math.sin(n / 7.0), 6)


def test_a_euro_position_and_euro_cash_are_part_of_every_figure(abroad: tuple[Running, list[str]]):
    stack, days = abroad
    entry, middle = days[20], days[120]
    book = f"{HEADER}OWN,10,100,{entry},\nSAP,20,90,{entry},\nCUR:USD,500,,{LAST},\nCUR:EUR,-300,,{LAST},\n"
    with stack.client(token_of(stack)) as client:
        portfolio_id = upload(client, "Abroad", book)
        path = f"/api/v1/analytics/portfolio/{portfolio_id}"
        # Cash is stated on the last day; buying took 1,000 dollars and 1,800 euros from it, long before.
        for day, n in ((middle, 120), (LAST, 199)):
            rate = euro(min(n, 198))  # nobody told the last day's: the one before counts, a session old
            worth = 10 * close(n) + 20 * close(n) * 0.9 * rate
            valued = complete(client, portfolio_id, day)
            assert valued["market_value"] == pytest.approx(worth, rel=1e-6)
            assert valued["cash_balance"] == pytest.approx(500 - 300 * rate)
            assert valued["net_asset_value"] == pytest.approx(worth + 500 - 300 * rate)
            foreign = valued["positions"][1]
            assert (foreign["fx_rate"], foreign["opening_fx_rate"]) == (rate, euro(20))
            assert foreign["cost_basis"] == pytest.approx(20 * 90 * euro(20))
            overview = client.get(f"{path}/overview", params={"as_of_date": day}).json()
            assert overview["total_value"] == pytest.approx(valued["net_asset_value"], rel=1e-12)
            assert overview["metadata"]["coverage"].get("excluded", []) == []
            unrealized = sum(position["unrealized_pnl"] for position in valued["positions"])
            assert overview["pnl"]["unrealized_pnl"] == pytest.approx(unrealized, rel=1e-12)
        _snapshots_agree(client, portfolio_id, days)
        tail = client.get(f"{path}/value-at-risk", params={"lookback_days": 150}).json()
        assert {each["symbol"] for each in tail["components"]} == {"OWN", "SAP", "CUR:EUR"}
        replayed = client.post(f"/api/v1/results/{tail['metadata']['result_id']}:replay", json={}).json()
        assert (replayed["verdict"], replayed["changed"]) == ("IDENTICAL", [])
        groups = client.get(f"{path}/exposures", params={"group_by": "currency"}).json()["groups"]
        assert {group["name"] for group in groups} == {"USD", "EUR"}
        parts = client.get(f"{path}/pnl-explain", params={"start_date": days[150]}).json()["parts"]
        assert parts["fx"] == pytest.approx(20 * close(199) * 0.9 * (euro(198) - euro(150)))


def _snapshots_agree(client: httpx.Client, portfolio_id: str, days: list[str]) -> None:
    """Backfilled values of past days are those that the portfolio service tells of them."""
    taken = client.post(f"/api/v1/portfolios/{portfolio_id}/snapshots", json={"start_date": days[15]})
    assert taken.status_code == 200, taken.text
    asked = {"page_size": 1000}
    rows = client.get(f"/api/v1/analytics/portfolio/{portfolio_id}/snapshots", params=asked).json()["snapshots"]
    told = {row["snapshot_date"]: row for row in rows}
    for day in (days[25], days[120], days[190], days[-1]):
        expected = complete(client, portfolio_id, day)["net_asset_value"]
        assert told[day]["total_value"] == pytest.approx(expected, rel=1e-9), day
