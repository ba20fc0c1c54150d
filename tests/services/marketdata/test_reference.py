"""Reference sets and factors: what is read from files, stored by version, and active at a date."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from chassis.database import Database
from chassis.errors import CannotStart, FailedPrecondition, NotFound, OutOfRange, StaleRevision
from services.marketdata.application.factors import read_factors, read_proxy_prices
from services.marketdata.application.reference import put_defaults
from services.marketdata.domain.factors import AssetClass, FactorSet, benchmark, factors_at
from services.marketdata.domain.reference import CashProxy, InvalidReference, ReferenceKind, read_set, rows_of
from services.marketdata.reference.defaults import read_defaults
from services.marketdata.storage import reference_sets
from tests.services.marketdata.market import row_count
from tests.services.marketdata.recorded import ADJUSTED, Recorded, sessions_until

ADMIN = "9f4b0c3e-0000-4000-8000-00000000000a"
STYLES = ["Market Beta", "Value", "Growth", "Momentum", "Quality", "Size", "Low Volatility", "Short Interest"]
SECTORS = [
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
]
BUNDLED = {"SPX", "VLUE", "MTUM", "QUAL", "SIZE", "USMV"}
LAST = date(2022, 12, 28)


def factor_set(asset_class: AssetClass) -> FactorSet:
    sets = read_defaults()[ReferenceKind.FACTOR_DEFINITIONS]
    (found,) = [one for one in sets if isinstance(one, FactorSet) and one.asset_class is asset_class]
    return found


# --- the defaults ---


def test_the_defaults_cover_what_is_documented():
    defaults = read_defaults()
    rows = {kind: rows_of(entries) for kind, entries in defaults.items()}
    assert {row["currency"] for row in rows[ReferenceKind.CASH_PROXIES]} == {"USD", "EUR", "GBP"}
    aliases = {row["alias"]: row["currency"] for row in rows[ReferenceKind.CASH_ALIASES]}
    assert {aliases[alias] for alias in ("CUR:USD", "USD CASH", "CASH")} == {"USD"}
    assert set(SECTORS) <= {row["industry"] for row in rows[ReferenceKind.INDUSTRY_PROXIES]}
    exchanges = {row["exchange"]: row for row in rows[ReferenceKind.EXCHANGE_PROXIES]}
    assert (exchanges["XNAS"]["market"], exchanges["XNAS"]["momentum"], exchanges["XNAS"]["value"]) == (
        "SPY",
        "MTUM",
        "VTV",
    )
    assert "*" in exchanges
    labels = {row["symbol"]: row["label"] for row in rows[ReferenceKind.POSITION_LABELS]}
    assert {labels[row["symbol"]] for row in rows[ReferenceKind.CASH_PROXIES]} == {"Cash proxy"}
    assert [factor.name for factor in factor_set(AssetClass.STOCKS).factors] == STYLES
    assert [factor.name for factor in factor_set(AssetClass.BONDS).factors] == [
        "Duration",
        "Credit",
        "Curve",
        "Inflation",
    ]
    assert all(factor.less_proxies for factor in factor_set(AssetClass.BONDS).factors)
    assert factor_set(AssetClass.BONDS).benchmarks[0] == "AGG"
    assert [factor.name for factor in factor_set(AssetClass.CRYPTO).factors] == ["Market", "Momentum", "Volatility"]


def test_every_industry_of_our_instruments_or_its_sector_has_a_proxy():
    from services.marketdata.reference.instruments import read_listings

    mapped = {row["industry"] for row in rows_of(read_defaults()[ReferenceKind.INDUSTRY_PROXIES])}
    stocks = [one for one in read_listings().values() if one.sector]
    assert stocks
    assert all(one.industry in mapped or one.sector in mapped for one in stocks)


@pytest.mark.parametrize(
    ("kind", "rows", "complaint"),
    [
        ("cash_proxies", [{"currency": "USD", "symbol": "SGOV", "colour": "red"}], "no field 'colour'"),
        ("cash_proxies", [{"currency": "USD"}], "missing required field `symbol`"),
        ("cash_proxies", [{"currency": "USD", "symbol": 7}], "Expected `str`"),
        ("cash_proxies", [{"currency": "", "symbol": "SGOV"}], "currency is empty"),
        ("cash_proxies", [{"currency": "USD", "symbol": name} for name in "AB"], "'USD' is there more than once"),
        ("cash_proxies", {"currency": "USD"}, "is no list"),
        ("factor_definitions", [{"asset_class": "stamps", "benchmarks": ["A"], "factors": []}], "Invalid enum value"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused(kind: str, rows: object, complaint: str):
    with pytest.raises(InvalidReference, match=complaint):
        read_set(ReferenceKind(kind), rows)


def test_an_unknown_key_is_found_at_any_depth():
    rows = json.loads(json.dumps(rows_of(read_defaults()[ReferenceKind.FACTOR_DEFINITIONS])))
    assert read_set(ReferenceKind.FACTOR_DEFINITIONS, rows)
    rows[0]["factors"][1]["proxy"] = "SPY"
    with pytest.raises(InvalidReference, match="no field 'proxy'"):
        read_set(ReferenceKind.FACTOR_DEFINITIONS, rows)


# --- which factors are active ---


def test_the_bundled_set_uses_second_choices_and_names_what_it_lacks():
    found = factors_at(factor_set(AssetClass.STOCKS), BUNDLED)
    assert [(one.definition.name, one.proxy, str(one.reason)) for one in found] == [
        ("Market Beta", "SPX", ""),
        ("Value", "VLUE", ""),
        ("Growth", "", "no_history"),
        ("Momentum", "MTUM", ""),
        ("Quality", "QUAL", ""),
        ("Size", "SIZE", ""),
        ("Low Volatility", "USMV", ""),
        ("Short Interest", "", "no_proxy"),
    ]
    assert benchmark(factor_set(AssetClass.STOCKS), BUNDLED) == "SPX"
    assert benchmark(factor_set(AssetClass.STOCKS), BUNDLED | {"SPY"}) == "SPY"
    assert factors_at(factor_set(AssetClass.STOCKS), BUNDLED | {"SPY", "VTV", "VUG"})[0].proxy == "SPY"


def test_a_spread_needs_both_sides():
    bonds = factor_set(AssetClass.BONDS)
    half = {one.definition.name: one for one in factors_at(bonds, {"IEF", "LQD"})}
    assert (half["Credit"].proxy, half["Credit"].less_proxy, half["Credit"].active) == ("LQD", "IEF", True)
    assert (half["Duration"].proxy, half["Duration"].reason) == ("", "no_history")
    assert benchmark(bonds, ()) == "AGG"


@pytest.fixture
async def market(database: Database) -> Recorded:
    """Factor funds: one with just enough history, one with too little, one whose newest close is old."""
    await put_defaults(database)
    recorded = Recorded(database)
    await recorded.calendar()
    await recorded.version()
    for symbol, count, last in (
        ("SPX", 252, LAST),
        ("VTV", 59, LAST),
        ("VLUE", 60, LAST),
        ("MTUM", 200, date(2022, 12, 21)),
        ("QUAL", 200, date(2022, 12, 22)),
    ):
        await recorded.instrument(symbol, "ETF")
        closes = {day: 50.0 + place for place, day in enumerate(sessions_until(last, count))}
        await recorded.closes(symbol, closes, ADJUSTED)
    return recorded


async def test_a_proxy_needs_sixty_sessions_and_a_fresh_close(market: Recorded):
    await market.seal(LAST)
    found = await read_factors(market.database, AssetClass.STOCKS, None)
    assert {one.definition.name: one.proxy for one in found.factors if one.active} == {
        "Market Beta": "SPX",
        "Value": "VLUE",
        "Quality": "QUAL",
    }
    assert (found.benchmark, found.version, found.session_date) == ("SPX", 1, LAST)
    earlier = await read_factors(market.database, AssetClass.STOCKS, date(2022, 12, 21))
    assert {one.definition.name for one in earlier.factors if one.active} == {"Market Beta", "Momentum", "Quality"}


async def test_before_anything_is_sealed_no_factor_is_active(market: Recorded):
    found = await read_factors(market.database, AssetClass.STOCKS, None)
    assert (found.session_date, [one.definition.name for one in found.factors]) == (None, STYLES)
    assert not any(one.active for one in found.factors)
    for read in (
        read_factors(market.database, AssetClass.STOCKS, LAST),
        read_proxy_prices(market.database, AssetClass.STOCKS, None, 10),
    ):
        with pytest.raises(FailedPrecondition):
            await read


async def test_the_closes_of_proxies_stand_in_display_order(market: Recorded):
    await market.seal(LAST)
    found = await read_proxy_prices(market.database, AssetClass.STOCKS, LAST, 5)
    assert [(one.factor, one.symbol) for one in found.series] == [
        ("Market Beta", "SPX"),
        ("Value", "VLUE"),
        ("Quality", "QUAL"),
    ]
    assert found.matrix.closes[:, 0].tolist() == [50.0 + place for place in range(247, 252)]
    assert [one.definition.name for one in found.factors.factors if not one.active] == [
        "Growth",
        "Momentum",
        "Size",
        "Low Volatility",
        "Short Interest",
    ]
    with pytest.raises(OutOfRange):
        await read_proxy_prices(market.database, AssetClass.STOCKS, LAST + timedelta(days=1), 5)


# --- stored by version ---


async def get(database: Database, version: int = 0):
    async with database.transaction() as connection:
        return await reference_sets.get(connection, ReferenceKind.CASH_PROXIES, version)


async def replace(database: Database, symbol: str, read_version: int) -> int:
    async with database.transaction() as connection:
        return await reference_sets.replace(
            connection, ReferenceKind.CASH_PROXIES, [CashProxy("USD", symbol)], read_version, ADMIN
        )


async def test_defaults_are_put_once(database: Database):
    for _ in range(2):
        await put_defaults(database)
    assert await row_count(database, "reference_sets") == len(ReferenceKind)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[{"currency": "USD", "symbol": "SGOV", "colour": "red"}]', "no field 'colour'"),
        ('[{"currency": "USD"', "cash_proxies.json"),
        (None, "cash_proxies.json.*No such file"),
    ],
)
async def test_a_default_that_cannot_be_used_keeps_the_service_from_starting(
    database: Database, tmp_path: Path, text: str | None, complaint: str
):
    for kind, entries in read_defaults().items():
        (tmp_path / f"{kind}.json").write_text(json.dumps(rows_of(entries)))
    await put_defaults(database, tmp_path)
    broken = tmp_path / "cash_proxies.json"
    broken.unlink() if text is None else broken.write_text(text)
    with pytest.raises(CannotStart, match=complaint):
        await put_defaults(database, tmp_path)


async def test_every_version_can_be_read_again(database: Database):
    await put_defaults(database)
    first = await get(database)
    assert await replace(database, "BIL", 1) == 2
    assert await replace(database, "SHV", 0) == 3
    assert [(await get(database, version)).entries for version in (1, 2, 0)] == [
        first.entries,
        [CashProxy("USD", "BIL")],
        [CashProxy("USD", "SHV")],
    ]
    with pytest.raises(NotFound):
        await get(database, 4)


async def test_a_set_that_has_moved_on_is_not_replaced(database: Database):
    await put_defaults(database)
    await replace(database, "BIL", 1)
    with pytest.raises(StaleRevision) as caught:
        await replace(database, "SHV", 1)
    assert caught.value.metadata == {"given": "1", "current": "2"}


async def test_of_two_who_read_the_same_version_one_is_refused(database: Database):
    await put_defaults(database)
    results = await asyncio.gather(*(replace(database, symbol, 1) for symbol in "ABC"), return_exceptions=True)
    assert sorted(str(type(one).__name__) for one in results) == ["StaleRevision", "StaleRevision", "int"]
    assert (await get(database)).version == 2


async def test_a_new_default_replaces_an_old_one_but_never_an_admins(database: Database):
    kind = ReferenceKind.CASH_PROXIES
    for rows in ("SGOV", "SGOV", "BIL"):
        async with database.transaction() as connection:
            await reference_sets.put_default(connection, kind, [CashProxy("USD", rows)])
    assert (await get(database)).version == 2
    await replace(database, "SHV", 2)
    async with database.transaction() as connection:
        await reference_sets.put_default(connection, kind, [CashProxy("USD", "SGOV")])
    assert (await get(database)).entries == [CashProxy("USD", "SHV")]
