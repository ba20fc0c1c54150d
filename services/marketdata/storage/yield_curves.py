"""Reading Treasury yields: the curve of a day, or those of a range of days."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.curves import Curve, tenor_years

WANTED = """data_version <= :version AND curve_date BETWEEN :first AND :last
        AND (CAST(:tenors AS text[]) = '{}' OR tenor = ANY(CAST(:tenors AS text[])))"""
NEWEST = text(f"""
    SELECT DISTINCT ON (tenor) curve_date, tenor, par_yield, data_version FROM yields
    WHERE {WANTED} AND curve_date = (SELECT max(curve_date) FROM yields WHERE {WANTED})
    ORDER BY tenor, data_version DESC
    """)  # noqa: S608 - the text above
RANGE = text(f"""
    SELECT DISTINCT ON (curve_date, tenor) curve_date, tenor, par_yield, data_version FROM yields
    WHERE {WANTED} ORDER BY curve_date, tenor, data_version DESC
    """)  # noqa: S608 - the text above


async def newest(
    connection: AsyncConnection, first: date, last: date, version: int, tenors: Sequence[str] = ()
) -> Curve | None:
    """Give the newest curve between two days, both included, of some tenors or of all. None: there is none."""
    parameters = {"first": first, "last": last, "version": version, "tenors": list(tenors)}
    curves = _curves(await connection.execute(NEWEST, parameters))
    return curves[0] if curves else None


async def between(
    connection: AsyncConnection, first: date, last: date, version: int, tenors: Sequence[str] = ()
) -> list[Curve]:
    """Give every curve between two days, both included, of some tenors or of all, oldest first."""
    parameters = {"first": first, "last": last, "version": version, "tenors": list(tenors)}
    return _curves(await connection.execute(RANGE, parameters))


def _curves(rows: Iterable[Row[Any]]) -> list[Curve]:
    by_day: dict[date, list[Row[Any]]] = {}
    for row in rows:
        by_day.setdefault(row.curve_date, []).append(row)
    return [_curve(day, of_day) for day, of_day in by_day.items()]


def _curve(day: date, rows: list[Row[Any]]) -> Curve:
    shortest_first = sorted(rows, key=lambda row: tenor_years(row.tenor))
    yields = {row.tenor: row.par_yield for row in shortest_first}
    return Curve(day, yields, max(row.data_version for row in rows))
