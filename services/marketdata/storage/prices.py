"""Reading the history of one instrument: its bars, what they are, and what there is to adjust them by.

The newest version of a row wins, up to the version that is read at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.adjustment import Actions
from services.marketdata.domain.bars import Bar, Days, Prices
from services.marketdata.domain.corporate_actions import ActionKind, RecordedAction
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import binary

BASES = text("""
    SELECT price_basis FROM daily_bars WHERE instrument_id = :instrument_id AND data_version <= :version
    GROUP BY price_basis ORDER BY max(session_date) DESC
    """)
BARS = text("""
    SELECT DISTINCT ON (session_date) session_date, open, high, low, close, volume, source, data_version
    FROM daily_bars
    WHERE instrument_id = :instrument_id AND session_date BETWEEN :first AND :last AND data_version <= :version
        AND price_basis = :basis
    ORDER BY session_date, data_version DESC LIMIT :limit
    """)
CLOSES = text("""
    SELECT string_agg(date_send(session_date), '') AS days, string_agg(float8send(close), '') AS closes FROM (
        SELECT DISTINCT ON (session_date) session_date, close FROM daily_bars
        WHERE instrument_id = :instrument_id AND session_date >= :first AND data_version <= :version
            AND price_basis = :basis
        ORDER BY session_date, data_version DESC
    ) AS newest
    """)
ACTIONS = text("""
    SELECT ex_date, kind, value, source, data_version FROM (
        SELECT DISTINCT ON (ex_date, kind) * FROM corporate_actions
        WHERE instrument_id = :instrument_id AND data_version <= :version
        ORDER BY ex_date, kind, data_version DESC
    ) AS newest WHERE value IS NOT NULL
    """)
ACTIONS_KNOWN = text("""
    SELECT EXISTS (
        SELECT FROM history_checks WHERE instrument_id = :instrument_id AND kind = 'corporate_actions'
            AND first_checked_at <= (SELECT committed_time FROM data_versions WHERE version = :version)
    ) AS complete, EXISTS (
        SELECT FROM corporate_actions WHERE instrument_id = :instrument_id AND data_version <= :version
    ) AS told
    """)


@dataclass(frozen=True, slots=True)
class RecordedActions:
    """The corporate actions of an instrument, oldest first."""

    actions: Sequence[RecordedAction]
    complete: bool
    """Whether a source of them was ever asked, so that these are all."""
    known: bool
    """Whether they are complete, or anybody ever told of one, so that there is something to adjust by."""

    def columns(self) -> Actions:
        """Give them as those of a single history."""
        return Actions(
            history=np.zeros(len(self.actions), dtype=np.int64),
            ex_dates=np.array([one.ex_date for one in self.actions], dtype="datetime64[D]"),
            kinds=np.array([one.kind for one in self.actions], dtype=np.int16),
            values=np.array([one.value for one in self.actions], dtype=np.float64),
        )


async def bases(connection: AsyncConnection, instrument_id: int, version: int) -> list[PriceBasis]:
    """Give the bases on which an instrument has bars, that of the newest first."""
    rows = await connection.execute(BASES, {"instrument_id": instrument_id, "version": version})
    return [PriceBasis(basis) for basis in rows.scalars()]


async def bars(
    connection: AsyncConnection,
    instrument_id: int,
    basis: PriceBasis,
    days: tuple[date, date],
    version: int,
    limit: int,
) -> list[Bar]:
    """Give the bars of an instrument from one day to another, oldest first."""
    parameters = {
        "instrument_id": instrument_id,
        "basis": int(basis),
        "first": days[0],
        "last": days[1],
        "version": version,
        "limit": limit,
    }
    return [Bar(**row._mapping) for row in await connection.execute(BARS, parameters)]


async def raw_closes(connection: AsyncConnection, instrument_id: int, first: date, version: int) -> tuple[Days, Prices]:
    """Give the raw closes of an instrument from a day to the newest there is."""
    parameters = {"instrument_id": instrument_id, "basis": int(PriceBasis.RAW), "first": first, "version": version}
    row = (await connection.execute(CLOSES, parameters)).one()
    return binary.read_days([row.days or b""]), binary.read_doubles([row.closes or b""])


async def corporate_actions(connection: AsyncConnection, instrument_id: int, version: int) -> RecordedActions:
    """Give the corporate actions of an instrument as known at a version."""
    parameters = {"instrument_id": instrument_id, "version": version}
    rows = await connection.execute(ACTIONS, parameters)
    found = [RecordedAction(row.ex_date, ActionKind(row.kind), row.value, row.source, row.data_version) for row in rows]
    known = (await connection.execute(ACTIONS_KNOWN, parameters)).one()
    return RecordedActions(found, known.complete, known.complete or known.told)
