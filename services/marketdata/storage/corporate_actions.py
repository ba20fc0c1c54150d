"""Corporate actions as they are known, and as rows to be stored."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.action_news import KnownAction
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.storage.append_only import Rows

KNOWN = text("""
    SELECT i.symbol, newest.* FROM instruments AS i CROSS JOIN LATERAL (
        SELECT DISTINCT ON (ex_date, kind) ex_date, kind, value, source FROM corporate_actions AS c
        WHERE c.instrument_id = i.instrument_id ORDER BY ex_date, kind, data_version DESC
    ) AS newest
    WHERE i.instrument_id = ANY(CAST(:ids AS integer[])) AND newest.value IS NOT NULL
    """)


async def known(connection: AsyncConnection, instrument_ids: Collection[int]) -> Mapping[str, Sequence[KnownAction]]:
    """Give what is in force, by symbol, oldest first; a symbol without any is not there."""
    found: dict[str, list[KnownAction]] = {}
    for row in await connection.execute(KNOWN, {"ids": list(instrument_ids)}):
        action = CorporateAction(row.symbol, row.ex_date, ActionKind(row.kind), row.value)
        found.setdefault(row.symbol, []).append(KnownAction(action, row.source))
    return found


def rows_of(ids: Mapping[str, int], told: Sequence[KnownAction], withdrawn: Sequence[KnownAction] = ()) -> Rows:
    """Give corporate actions as columns of `append_only.CORPORATE_ACTIONS`.

    Args:
        ids: instruments by symbol.
        told: what there is.
        withdrawn: what there was not after all.
    """
    every = [*told, *withdrawn]
    values: list[float | None] = [one.action.value for one in told]
    return {
        "instrument_id": [ids[one.action.symbol] for one in every],
        "ex_date": [one.action.ex_date for one in every],
        "kind": [int(one.action.kind) for one in every],
        "value": values + [None] * len(withdrawn),
        "source": [one.source for one in every],
    }
