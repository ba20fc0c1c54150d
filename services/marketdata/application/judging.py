"""What of the bars that somebody tells is news: fit to be stored, and not known already."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from chassis.database import Database
from services.marketdata.domain.bars import Days
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import RejectedRow
from services.marketdata.domain.fitness import Circumstances, Told, judge
from services.marketdata.domain.known_bars import KnownBars, news, nothing_known
from services.marketdata.storage import known_bars
from services.marketdata.storage.ingestion import SourcedBars

BEFORE = timedelta(days=40)
"""How far back stored closes are looked for that the first of the new ones is compared with."""


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """Bars of an instrument, as they are told."""

    instrument_id: int
    told: Told


@dataclass(frozen=True, slots=True, eq=False)
class Standards:
    """What all bars of one act are judged by."""

    sessions: Days
    """Every session that the calendar knows, in order."""
    today: date
    actions: Mapping[str, Sequence[CorporateAction]]
    """Corporate actions that are known, by symbol."""


@dataclass(frozen=True, slots=True, eq=False)
class BarNews:
    """What is left of told bars."""

    bars: Sequence[SourcedBars]
    rejected: Sequence[RejectedRow]
    known_version: int
    """Newest version when they were compared with what is known."""


async def bar_news(database: Database, viewer: str, incoming: Sequence[Incoming], standards: Standards) -> BarNews:
    """Judge bars, and leave out those that are known.

    Args:
        database: where the known ones are.
        viewer: whose private instruments can be seen. Empty: nobody's.
        incoming: no two of one instrument.
        standards: what to judge by.
    """
    days = [one.told.series.session_dates for one in incoming if len(one.told.series)]
    first = min((of[0].item() for of in days), default=standards.today)
    last = min(standards.today, max((of[-1].item() for of in days), default=standards.today))
    ids = [one.instrument_id for one in incoming]
    async with database.transaction(viewer) as connection:
        packed = await known_bars.known(connection, ids, first - BEFORE, max(first, last))
    return await asyncio.to_thread(_judge_all, incoming, standards, packed)


def _judge_all(incoming: Sequence[Incoming], standards: Standards, packed: known_bars.PackedBars) -> BarNews:
    known = packed.unpack()
    bars: list[SourcedBars] = []
    rejected: list[RejectedRow] = []
    for one in incoming:
        there = known.get(one.instrument_id, nothing_known())
        fit, unfit = judge(one.told, _circumstances(one, standards, there))
        bars.append(SourcedBars(one.instrument_id, news(fit, there), one.told.source))
        rejected += unfit
    return BarNews(bars, rejected, packed.version)


def _circumstances(one: Incoming, standards: Standards, known: KnownBars) -> Circumstances:
    actions = standards.actions.get(one.told.series.symbol, ())
    return Circumstances(standards.sessions, standards.today, actions, known)
