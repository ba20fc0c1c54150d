"""Reading the splits of instruments: one statement, however many. The newest version of a row wins."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.splits import Split

SPLITS = text(f"""
    SELECT told.instrument_id, told.ex_date, told.value AS ratio, coalesce((
            SELECT b.price_basis <> {PriceBasis.RAW} FROM daily_bars AS b
            WHERE b.instrument_id = told.instrument_id AND b.data_version <= pinned.version
            ORDER BY b.session_date DESC, b.data_version DESC LIMIT 1
        ), false) AS priced_in
    FROM (
        SELECT version FROM data_versions WHERE version = CAST(:version AS integer) OR :version = 0
        ORDER BY version DESC LIMIT 1
    ) AS pinned
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (instrument_id, ex_date) instrument_id, ex_date, value FROM corporate_actions
        WHERE instrument_id = ANY(CAST(:ids AS integer[])) AND kind = 1 AND data_version <= pinned.version
        ORDER BY instrument_id, ex_date, data_version DESC
    ) AS told
    WHERE told.value IS NOT NULL ORDER BY told.instrument_id, told.ex_date
    """)  # noqa: S608 - a number of the contract


async def splits(connection: AsyncConnection, instrument_ids: Collection[int], version: int) -> list[Split]:
    """Give the splits of instruments as known at a version (0: the newest), by instrument and day."""
    rows = await connection.execute(SPLITS, {"ids": list(instrument_ids), "version": version})
    return [Split(**row._mapping) for row in rows]
