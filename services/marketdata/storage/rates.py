"""Yields and rates of exchange: from which day on more is wanted, and rows to be stored."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.checks import KnownClose
from services.marketdata.domain.observations import FxSeries, YieldSeries
from services.marketdata.storage.append_only import Rows

NEWEST_YIELDS = text("SELECT tenor, max(curve_date) AS newest FROM yields GROUP BY tenor")
NEWEST_RATES = text("""
    SELECT DISTINCT ON (base_currency, quote_currency) base_currency || quote_currency AS pair, rate_date, rate
    FROM fx_rates ORDER BY base_currency, quote_currency, rate_date DESC, data_version DESC
    """)
CURRENCIES = text("SELECT DISTINCT currency FROM instruments ORDER BY currency")


async def newest_yields(connection: AsyncConnection) -> Mapping[str, date]:
    """Give the newest day that has a yield, by tenor."""
    return {row.tenor: row.newest for row in await connection.execute(NEWEST_YIELDS)}


async def newest_rates(connection: AsyncConnection) -> Mapping[str, KnownClose]:
    """Give the newest rate of exchange, by pair."""
    return {row.pair: KnownClose(row.rate_date, row.rate) for row in await connection.execute(NEWEST_RATES)}


async def currencies(connection: AsyncConnection) -> list[str]:
    """Give the currencies that instruments are priced in."""
    return list((await connection.execute(CURRENCIES)).scalars())


def yield_rows(series: Iterable[tuple[YieldSeries, str]]) -> Rows:
    """Give yields and who says so as columns of `append_only.YIELDS`."""
    rows: dict[str, list[object]] = {name: [] for name in ("curve_date", "tenor", "par_yield", "source")}
    for one, source in series:
        rows["curve_date"] += one.days.tolist()
        rows["tenor"] += [one.tenor] * len(one.days)
        rows["par_yield"] += one.yields.tolist()
        rows["source"] += [source] * len(one.days)
    return rows


def fx_rows(series: Iterable[tuple[FxSeries, str]]) -> Rows:
    """Give rates of exchange and who says so as columns of `append_only.FX_RATES`."""
    rows: dict[str, list[object]] = {
        name: [] for name in ("base_currency", "quote_currency", "rate_date", "rate", "source")
    }
    for one, source in series:
        rows["base_currency"] += [one.base_currency] * len(one.days)
        rows["quote_currency"] += [one.quote_currency] * len(one.days)
        rows["rate_date"] += one.days.tolist()
        rows["rate"] += one.rates.tolist()
        rows["source"] += [source] * len(one.days)
    return rows
