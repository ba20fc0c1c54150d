"""Rates of exchange to one currency, at a session and before it, as known at a version."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from chassis.database import Database
from chassis.errors import InvalidFields, Violation
from services.marketdata.domain.bars import Days
from services.marketdata.domain.exchange_rates import DOLLAR, RateHistory, rate_histories
from services.marketdata.domain.sessions import check_pinned
from services.marketdata.storage import calendar, fx, versions

BEFORE: Final = timedelta(days=31)
"""More days than a rate may be old in sessions."""
LONGEST: Final = timedelta(days=60 * 366)


@dataclass(frozen=True, slots=True)
class RatesAsked:
    """Which rates to read."""

    currencies: frozenset[str]
    base_currency: str
    since: date | None
    """First day of the histories. None: the session alone."""
    day: date
    """The session."""
    version: int


async def read_rates(database: Database, asked: RatesAsked) -> tuple[Days, list[RateHistory]]:
    """Give sessions, and what currencies are worth in a base currency at each of them; three statements.

    Raises:
        InvalidFields: there is no such session or version, or the histories would begin after it or too long before.
    """
    since = _since(asked)
    named = sorted({*asked.currencies, asked.base_currency, DOLLAR})
    async with database.transaction() as connection:
        days = await calendar.session_dates(connection, since - BEFORE, asked.day)
        standing = await versions.standing(connection)
        stored = await fx.histories(connection, named, since - BEFORE, asked.day, asked.version)
    is_session = days[-1:] == [asked.day]
    check_pinned(asked.day, asked.version, is_session=is_session, newest_version=standing.data_version)
    known = np.array(days, dtype="datetime64[D]")
    count = max(sum(day >= since for day in days), 1)
    foreign = tuple(sorted(asked.currencies - {asked.base_currency}))
    found = await asyncio.to_thread(rate_histories, foreign, asked.base_currency, known, count, stored)
    return known[-count:], found


def _since(asked: RatesAsked) -> date:
    since = asked.since or asked.day
    if since > asked.day:
        raise InvalidFields([Violation("rates_start_date", str(since), f"is after the session {asked.day}")])
    if asked.day - since > LONGEST:
        raise InvalidFields([Violation("rates_start_date", str(since), f"is more than 60 years before {asked.day}")])
    return since
