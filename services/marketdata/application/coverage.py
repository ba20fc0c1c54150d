"""How complete histories are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from chassis.database import Database
from chassis.errors import FailedPrecondition, InvalidFields, Violation
from services.marketdata.domain.coverage import Summary, SymbolCoverage, cover, summarise
from services.marketdata.storage import calendar, coverage, versions


@dataclass(frozen=True, slots=True)
class Report:
    """How complete the histories of some symbols are."""

    as_of: date
    """The session up to which they are judged."""
    symbols: Sequence[SymbolCoverage]
    summary: Summary


async def analyse(database: Database, viewer: str, symbols: Sequence[str], day: date | None) -> Report:
    """Judge histories.

    Args:
        database: where they are.
        viewer: whose private instruments can be seen. Empty: nobody's.
        symbols: canonical, each once. Empty: all that have bars.
        day: up to which session. None: the newest sealed one.

    Raises:
        FailedPrecondition: no day is given, and nothing is sealed.
        InvalidFields: the day is no session.
    """
    async with database.transaction(viewer) as connection:
        as_of = day or (await versions.standing(connection)).newest_sealed
        if as_of is None:
            raise FailedPrecondition("MARKET_DATA_EMPTY", "no session of market data has been sealed yet")
        sessions = np.array(await calendar.session_dates(connection, date.min, as_of), dtype="datetime64[D]")
        if sessions[-1:].tolist() != [as_of]:
            rule = "is not a session of the New York Stock Exchange"
            raise InvalidFields([Violation("as_of_date", str(as_of), rule)])
        rows = await coverage.histories(connection, symbols, as_of)
    judged = await asyncio.to_thread(lambda: [cover(one, sessions) for one in coverage.unpack(rows)])
    return Report(as_of, judged, summarise(judged))
