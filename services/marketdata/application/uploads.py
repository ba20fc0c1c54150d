"""Files that users bring: read and judged off the event loop, then stored under one version.

Reading ends with what is to be stored; storing is a transaction of the caller's, so that a repeated request can be
answered from it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from services.marketdata.application.calendar import keep_ahead
from services.marketdata.application.judging import Incoming, Standards, bar_news
from services.marketdata.application.sync import Now
from services.marketdata.application.upload_targets import Targets, everybodys, owners
from services.marketdata.domain.action_news import KnownAction
from services.marketdata.domain.actions_csv import read_actions
from services.marketdata.domain.bars_csv import BarsFile, FileSeries, read_bars
from services.marketdata.domain.checks import KnownClose, unfit_rows
from services.marketdata.domain.fetched import RejectedRow
from services.marketdata.domain.fitness import Told
from services.marketdata.domain.fx_csv import read_rates
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.prices import UNKNOWN_INSTRUMENT, PriceBasis
from services.marketdata.domain.rate_fitness import judge_fx, judge_yields
from services.marketdata.domain.uploaded_actions import rows_of_symbols
from services.marketdata.domain.yields_csv import read_yields
from services.marketdata.ports import CalendarSource
from services.marketdata.storage import (
    calendar,
    corporate_actions,
    ingestion,
    ingestions,
    instruments,
    quarantine,
    rates,
)
from services.marketdata.storage.append_only import CORPORATE_ACTIONS, FX_RATES, YIELDS
from services.marketdata.storage.ingestion import Batch
from services.marketdata.storage.ingestions import IngestionKind, Result

SOURCE = "upload"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file brings."""

    kind: IngestionKind
    row_count: int
    symbol_count: int
    refused_count: int
    """Symbols of which nothing is taken."""
    batch: Batch
    rejected: Sequence[RejectedRow]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file."""

    data_version: int
    """Version that the new rows stand under. 0: nothing was new."""
    row_count: int
    stored_count: int
    rejected: Sequence[RejectedRow] = field(default=())
    """Rows that failed a check, by line."""


class Uploads:
    """Reads files."""

    def __init__(self, database: Database, calendar_source: CalendarSource, now: Now) -> None:
        self._database = database
        self._calendar_source = calendar_source
        self._now = now

    async def bars(self, content: bytes, basis: PriceBasis, owner_id: str | None) -> ReadFile:
        """Read bars.

        Args:
            content: a CSV.
            basis: what its prices are.
            owner_id: whose private instruments they are of. None: they are everybody's.

        Raises:
            InvalidRequest: the file cannot be read as a whole.
        """
        file = await asyncio.to_thread(read_bars, content, basis, SOURCE)
        if owner_id is None:
            targets = await everybodys(self._database, content, file.by_symbol)
        else:
            targets = await owners(self._database, owner_id, file.by_symbol)
        taken = [
            Incoming(one.instrument_id, _told(file.by_symbol[symbol], one.listing.kind))
            for symbol, one in targets.instruments.items()
            if symbol not in targets.refused
        ]
        news = await bar_news(self._database, owner_id or "", taken, await self._standards(targets))
        refused = await asyncio.to_thread(_refused, file, targets.refused)
        return ReadFile(
            IngestionKind.BARS,
            file.row_count,
            len(file.by_symbol),
            len(targets.refused),
            Batch(news.bars, news.known_version, owner_id),
            [*file.rejected, *refused, *news.rejected],
        )

    async def _standards(self, targets: Targets) -> Standards:
        today = self._now().date()
        await keep_ahead(self._database, self._calendar_source, today)
        async with self._database.transaction() as connection:
            sessions = await calendar.session_dates(connection, date.min, today)
            ids = [one.instrument_id for one in targets.instruments.values()]
            known = await corporate_actions.known(connection, ids)
        actions = {symbol: [one.action for one in there] for symbol, there in known.items()}
        return Standards(np.array(sessions, dtype="datetime64[D]"), today, actions)

    async def yields(self, content: bytes) -> ReadFile:
        """Read Treasury yields.

        Raises:
            InvalidRequest: the file cannot be read as a whole.
        """
        return await asyncio.to_thread(_read_yields, content, self._now().date())

    async def fx_rates(self, content: bytes) -> ReadFile:
        """Read rates of exchange.

        Raises:
            InvalidRequest: the file cannot be read as a whole.
        """
        async with self._database.transaction() as connection:
            known = await rates.newest_rates(connection)
        return await asyncio.to_thread(_read_fx, content, self._now().date(), known)

    async def corporate_actions(self, content: bytes) -> ReadFile:
        """Read corporate actions, of instruments that everybody knows.

        Raises:
            InvalidRequest: the file cannot be read as a whole.
        """
        file = await asyncio.to_thread(read_actions, content, SOURCE)
        async with self._database.transaction() as connection:
            known = await instruments.by_symbols(connection, file.by_symbol)
        unknown = dict.fromkeys(file.by_symbol.keys() - known.keys(), UNKNOWN_INSTRUMENT)
        refused = await asyncio.to_thread(rows_of_symbols, content, unknown, SOURCE) if unknown else []
        told_already = {row.line for row in file.rejected}
        ids = {symbol: one.instrument_id for symbol, one in known.items()}
        told = [KnownAction(one, SOURCE) for symbol in ids for one in file.by_symbol[symbol]]
        return ReadFile(
            IngestionKind.CORPORATE_ACTIONS,
            file.row_count,
            len(file.by_symbol),
            len(unknown),
            Batch(others=[(CORPORATE_ACTIONS, corporate_actions.rows_of(ids, told))]),
            [*file.rejected, *(row for row in refused if row.line not in told_already)],
        )


async def store(connection: AsyncConnection, file: ReadFile) -> Report:
    """Store what a file brings, and enter it in the book.

    Args:
        connection: a transaction. It holds the lock of versions until it ends, so it should end right after.
        file: what was read.
    """
    owner_id = file.batch.owner_id
    rejected = sorted(file.rejected, key=lambda row: row.line)
    entry = await ingestions.begin(connection, file.kind, [SOURCE], file.symbol_count, owner_id)
    await quarantine.record(connection, rejected, owner_id)
    stored = await ingestion.store(connection, file.batch)
    result = Result(file.refused_count, stored.row_count, len(rejected), stored.data_version)
    await ingestions.finish(connection, entry, result)
    return Report(stored.data_version, file.row_count, stored.row_count, rejected)


def _told(bars: FileSeries, kind: Kind) -> Told:
    return Told(bars.series, kind, SOURCE, bars.lines)


def _refused(file: BarsFile, refused: Mapping[str, str]) -> list[RejectedRow]:
    """Give all bars of symbols that are refused as rows for the quarantine."""
    rows: list[RejectedRow] = []
    for symbol, reason in refused.items():
        bars = file.by_symbol[symbol]
        rows += unfit_rows(bars.series, np.full(len(bars.series), reason), SOURCE, bars.lines)
    return rows


def _read_fx(content: bytes, today: date, known: Mapping[str, KnownClose]) -> ReadFile:
    file = read_rates(content, SOURCE)
    judged = [
        judge_fx(one.series, today, SOURCE, known.get("".join(pair)), one.lines) for pair, one in file.by_pair.items()
    ]
    return ReadFile(
        IngestionKind.FX,
        file.row_count,
        len(file.by_pair),
        0,
        Batch(others=[(FX_RATES, rates.fx_rows((fit, SOURCE) for fit, _ in judged))]),
        [*file.rejected, *(row for _, unfit in judged for row in unfit)],
    )


def _read_yields(content: bytes, today: date) -> ReadFile:
    file = read_yields(content, SOURCE)
    judged = [judge_yields(one.series, today, SOURCE, one.lines) for one in file.by_tenor.values()]
    return ReadFile(
        IngestionKind.YIELDS,
        file.row_count,
        len(file.by_tenor),
        0,
        Batch(others=[(YIELDS, rates.yield_rows((fit, SOURCE) for fit, _ in judged))]),
        [*file.rejected, *(row for _, unfit in judged for row in unfit)],
    )
