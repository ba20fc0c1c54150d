"""Reading a block of closes with what there is to adjust them by: one statement, however many instruments.

It comes packed, as the database sends numbers, because a Python object for each of a million prices would cost more
than the query. For each instrument it is one walk along the key of the bars, which carries all that is read of them
(migration 0004: name no other column here), and one along that of the actions. A bar that was corrected comes too,
behind the one in force: to leave it out here would cost a quarter of the query.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.adjustment import Actions
from services.marketdata.domain.bars import Days
from services.marketdata.domain.matrix import Adjustments, Columns
from services.marketdata.storage import binary

# The first row is the sessions, and the newest version there is; the others are the instruments' columns.
BLOCK = text("""
    WITH sessions AS (
        SELECT session_date FROM trading_sessions WHERE session_date <= :day ORDER BY session_date DESC LIMIT :count
    ), span AS (
        SELECT min(session_date) AS first, max(session_date) AS last FROM sessions
    ), pinned AS (
        SELECT version, committed_time FROM data_versions
        WHERE version = CAST(:version AS integer) OR :version = 0 ORDER BY version DESC LIMIT 1
    )
    SELECT 0 AS place, string_agg(date_send(session_date), '' ORDER BY session_date) AS days,
        NULL AS closes, NULL AS bases, (SELECT max(version) FROM data_versions) AS data_version,
        NULL AS ex_dates, NULL AS action_kinds, NULL AS action_values, NULL AS actions_complete, NULL AS actions_told
    FROM sessions
    UNION ALL
    SELECT asked.place, bars.days, bars.closes, bars.bases, greatest(bars.data_version, actions.data_version),
        actions.ex_dates, actions.action_kinds, actions.action_values, checks.complete,
        checks.complete OR actions.data_version IS NOT NULL OR EXISTS (
            SELECT FROM corporate_actions AS c
            WHERE c.instrument_id = asked.instrument_id AND c.data_version <= pinned.version)
    FROM unnest(CAST(:ids AS integer[])) WITH ORDINALITY AS asked (instrument_id, place)
    CROSS JOIN span LEFT JOIN pinned ON true
    CROSS JOIN LATERAL (
        SELECT string_agg(date_send(session_date), '') AS days, string_agg(float8send(close), '') AS closes,
            string_agg(int2send(price_basis), '') AS bases, max(data_version) AS data_version
        FROM (
            SELECT session_date, close, price_basis, data_version FROM daily_bars AS b
            WHERE b.instrument_id = asked.instrument_id AND b.session_date BETWEEN span.first AND span.last
                AND b.data_version <= pinned.version
            ORDER BY session_date DESC, data_version DESC
        ) AS known
    ) AS bars
    CROSS JOIN LATERAL (
        SELECT string_agg(date_send(ex_date), '') AS ex_dates, string_agg(int2send(kind), '') AS action_kinds,
            string_agg(float8send(value), '') AS action_values, max(data_version) AS data_version
        FROM (
            SELECT DISTINCT ON (ex_date, kind) ex_date, kind, value, data_version FROM corporate_actions AS c
            WHERE c.instrument_id = asked.instrument_id AND c.data_version <= pinned.version
                AND c.ex_date > least(span.first, CAST(:actions_after AS date)) AND c.ex_date <= span.last
            ORDER BY ex_date, kind, data_version DESC
        ) AS newest WHERE value IS NOT NULL
    ) AS actions
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM history_checks AS h WHERE h.instrument_id = asked.instrument_id
                AND h.kind = 'corporate_actions' AND h.first_checked_at <= pinned.committed_time) AS complete
    ) AS checks
    ORDER BY place
    """)


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """Closes of many instruments in the form in which the database sends them."""

    days: bytes
    """The sessions, oldest first."""
    columns: Sequence[Row[Any]]
    newest_version: int
    """Newest version there is."""

    @property
    def data_version(self) -> int:
        """Newest version among the rows. 0: there are none."""
        return max(self.data_versions, default=0)

    @property
    def data_versions(self) -> list[int]:
        """Newest version among the rows of each instrument. 0: it has none."""
        return [row.data_version or 0 for row in self.columns]

    @property
    def session_dates(self) -> Days:
        """The sessions, oldest first."""
        return binary.read_days([self.days])

    def ends_on(self, day: date) -> bool:
        """Say whether a day is the last of the sessions."""
        last: list[date] = self.session_dates[-1:].tolist()
        return last == [day]

    def unpack(self) -> tuple[Days, Columns, Adjustments]:
        """Give the sessions, the bars of the instruments, and their actions. Pure work: it can be done in a thread."""
        bases = [row.bases or b"" for row in self.columns]
        columns = Columns(
            lengths=_counts(bases),
            days=binary.read_days(row.days or b"" for row in self.columns),
            closes=binary.read_doubles(row.closes or b"" for row in self.columns),
            bases=binary.read_smallints(bases),
        )
        kinds = [row.action_kinds or b"" for row in self.columns]
        actions = Actions(
            history=np.repeat(np.arange(len(kinds)), _counts(kinds)),
            ex_dates=binary.read_days(row.ex_dates or b"" for row in self.columns),
            kinds=binary.read_smallints(kinds),
            values=binary.read_doubles(row.action_values or b"" for row in self.columns),
        )
        complete = np.array([row.actions_complete for row in self.columns], dtype=bool)
        told = np.array([row.actions_told for row in self.columns], dtype=bool)
        return self.session_dates, columns, Adjustments(actions, complete, complete | told)


async def block(
    connection: AsyncConnection,
    instrument_ids: Sequence[int],
    day: date,
    session_count: int,
    version: int,
    actions_after: date | None = None,
) -> PackedBlock:
    """Give the closes of instruments in the sessions up to a day, and the actions between the first and the last.

    Args:
        connection: a transaction.
        instrument_ids: the columns.
        day: the last session.
        session_count: sessions to go back, the last one included.
        version: to read at. 0: the newest.
        actions_after: also give actions before the first session that went ex after this day.
    """
    parameters = {"ids": list(instrument_ids), "day": day, "count": session_count, "version": version}
    rows = await connection.execute(BLOCK, parameters | {"actions_after": actions_after})
    sessions, *columns = rows.all()
    return PackedBlock(sessions.days or b"", columns, sessions.data_version or 0)


def _counts(smallints: Sequence[bytes]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([len(packed) // 2 for packed in smallints], dtype=np.int64)
