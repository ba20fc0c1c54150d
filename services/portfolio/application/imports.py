"""Imports of files: uploaded, looked at, completed, tried again, undone.

A file is read outside any transaction, because marketdata is asked for its instruments; what is written is written in
one. A portfolio and the import itself are locked while its rows are compared with those that were saved before, so
that the same file can be completed twice at once and is saved once.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import FailedPrecondition
from services.portfolio.application.import_positions import Importer
from services.portfolio.domain.book import CashBalance
from services.portfolio.domain.import_comparison import Comparison, compare
from services.portfolio.domain.import_record import Destination, ImportRecord, Report
from services.portfolio.domain.imported import Import
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.ports import Clock
from services.portfolio.storage import cash, contents, events, import_undoing, imports, portfolios


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, and where it goes."""

    destination: Destination
    content: bytes
    file_name: str = ""
    file_date: date | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """An import, what was said of its rows, and the portfolio as it stands; None where there is none yet."""

    record: ImportRecord
    report: Report
    portfolio: Portfolio | None = None


class Imports:
    """Does imports."""

    def __init__(self, database: Database, importer: Importer, clock: Clock) -> None:
        self._database = database
        self._importer = importer
        self._clock = clock

    async def read(self, upload: Upload) -> Import:
        """Read and check a file; outside any transaction.

        Raises:
            InvalidRequest: it cannot be read as a whole.
        """
        return await self._importer.read(upload.content, upload.file_date)

    async def read_again(self, owner_id: str, import_id: str) -> tuple[ImportRecord, Import]:
        """Give an import, and what its file says by what marketdata knows now; outside any transaction.

        Raises:
            NotFound: there is none, or it is another's.
            FailedPrecondition: its file is kept no more.
        """
        async with self._database.transaction(owner_id) as connection:
            record = await imports.get(connection, owner_id, import_id)
            content = await imports.content_of(connection, owner_id, import_id)
        if content is None:
            raise _closed(record)
        return record, await self._importer.read(content, record.file_date)

    async def stored(self, connection: AsyncConnection, owner_id: str, import_id: str) -> Outcome:
        """Give an import as it stands, with what was said of its rows when it was read last.

        Raises:
            NotFound: there is none, or it is another's.
        """
        record = await imports.get(connection, owner_id, import_id)
        report = await imports.report_of(connection, owner_id, import_id)
        portfolio_id = record.destination.portfolio_id
        portfolio = await portfolios.get(connection, owner_id, portfolio_id) if portfolio_id else None
        return Outcome(record, report, portfolio)

    async def add(self, connection: AsyncConnection, owner_id: str, upload: Upload, read: Import) -> Outcome:
        """Add an import that waits for its completion.

        Raises:
            NotFound: there is no such portfolio, or it is another's.
            FailedPrecondition: as many imports wait as may.
        """
        await imports.make_room(connection, owner_id)
        portfolio_id = upload.destination.portfolio_id
        portfolio = await portfolios.get(connection, owner_id, portfolio_id) if portfolio_id else None
        issues = Report(read.errors, read.warnings)
        if portfolio:
            compared = compare(read, await imports.rows_before(connection, portfolio))
            issues = Report(read.errors, _in_order([*read.warnings, *compared.issues]))
        record = _waiting(upload, read, self._clock)
        await imports.add(connection, owner_id, record, upload.content, issues)
        return Outcome(await imports.get(connection, owner_id, record.import_id), issues, portfolio)

    async def complete(self, connection: AsyncConnection, owner_id: str, import_id: str, read: Import) -> Outcome:
        """Save what is good in the file of an import, and was not saved before.

        Of a new portfolio with nothing to save, none is made: the import waits on.

        Raises:
            NotFound: there is no such import or portfolio, or it is another's.
            AlreadyExists: the owner has a portfolio of the name that it is to make.
            FailedPrecondition: it was undone.
        """
        record = await imports.get(connection, owner_id, import_id, lock=True)
        if record.state == "UNDONE":
            raise _closed(record)
        portfolio = await _portfolio(connection, owner_id, record.destination, read)
        if portfolio is None:
            return Outcome(record, Report(read.errors, read.warnings))
        compared = compare(read, await imports.rows_before(connection, portfolio), import_id)
        balances = await _unstated(connection, portfolio, read)
        changes = bool(compared.new or compared.new_movements or balances)
        if changes:
            portfolio = await _save(connection, portfolio, import_id, compared, balances)
        report = Report(read.errors, _in_order([*read.warnings, *compared.issues]))
        record = replace(
            record,
            state="COMPLETED",
            destination=replace(record.destination, portfolio_id=portfolio.portfolio_id),
            row_count=read.row_count,
            good_count=read.good_count,
            error_count=len(read.errors),
            positions_saved_count=record.positions_saved_count + len(compared.new),
            cash_saved_count=record.cash_saved_count + len(balances) + len(compared.new_movements),
            already_imported_count=len(compared.repeated),
            portfolio_revision=portfolio.revision if changes else record.portfolio_revision,
        )
        await imports.settle(connection, owner_id, record, report, keep_file=True)
        return Outcome(await imports.get(connection, owner_id, import_id), report, portfolio)

    async def undo(self, connection: AsyncConnection, owner_id: str, import_id: str) -> Outcome:
        """Take back what an import saved: positions that are still there, and balances that it stated last.

        One that waits is dropped; one that was undone stays so. What was changed by hand since goes too; what was
        deleted by hand is gone already.

        Raises:
            NotFound: there is no such import, or it is another's.
        """
        record = await imports.get(connection, owner_id, import_id, lock=True)
        if record.state == "COMPLETED":
            portfolio = await portfolios.lock(connection, owner_id, record.destination.portfolio_id)
            await _take_back(connection, portfolio, import_id)
            await import_undoing.forget_rows(connection, owner_id, import_id)
        if record.state != "UNDONE":
            await imports.settle(connection, owner_id, replace(record, state="UNDONE"), None, keep_file=False)
        return await self.stored(connection, owner_id, import_id)


def _waiting(upload: Upload, read: Import, clock: Clock) -> ImportRecord:
    return ImportRecord(
        import_id=str(uuid.uuid4()),
        state="WAITING",
        format=read.format,
        file_name=upload.file_name,
        file_date=upload.file_date,
        destination=upload.destination,
        row_count=read.row_count,
        good_count=read.good_count,
        error_count=len(read.errors),
        positions_saved_count=0,
        cash_saved_count=0,
        already_imported_count=0,
        portfolio_revision=0,
        created_time=clock(),
        completed_time=None,
        undone_time=None,
    )


async def _portfolio(
    connection: AsyncConnection, owner_id: str, destination: Destination, read: Import
) -> Portfolio | None:
    if destination.portfolio_id:
        return await portfolios.lock(connection, owner_id, destination.portfolio_id)
    if read.empty:
        return None
    terms = Terms(destination.portfolio_name)
    return await portfolios.add(connection, owner_id, destination.base_currency, terms)


async def _save(
    connection: AsyncConnection,
    portfolio: Portfolio,
    import_id: str,
    compared: Comparison,
    balances: list[CashBalance],
) -> Portfolio:
    opened = sum(taken.position.exit_date is None for taken in compared.new)
    portfolio = await portfolios.advance(connection, portfolio, "imported", opened)
    await contents.add_positions(connection, portfolio, [taken.position for taken in compared.new])
    await imports.add_rows(connection, portfolio, import_id, compared)
    await import_undoing.add_movements(connection, portfolio, [taken.movement for taken in compared.new_movements])
    await contents.state_cash(connection, portfolio, balances)
    await import_undoing.state_balances(connection, portfolio, import_id, [b.currency for b in balances])
    owner_id, revision = portfolio.owner_id, portfolio.revision
    await events.import_completed(connection, owner_id, portfolio.portfolio_id, revision, import_id)
    return portfolio


async def _unstated(connection: AsyncConnection, portfolio: Portfolio, read: Import) -> list[CashBalance]:
    """Give the balances of a file that differ from what is stated already."""
    if not read.cash:
        return []
    known = {currency: balance for currency, (balance, _) in (await cash.stated(connection, portfolio)).items()}
    return [balance for balance in read.cash if known.get(balance.currency) != balance]


async def _take_back(connection: AsyncConnection, portfolio: Portfolio, import_id: str) -> None:
    position_ids, open_count = await import_undoing.there_still(connection, portfolio.owner_id, import_id)
    balances = await import_undoing.stated_still(connection, portfolio, import_id)
    moved = await import_undoing.has_movements(connection, portfolio.owner_id, import_id)
    if position_ids or balances or moved:
        portfolio = await portfolios.advance(connection, portfolio, "import_undone", -open_count)
        await import_undoing.end_positions(connection, portfolio, position_ids)
        await import_undoing.end_movements(connection, portfolio, import_id)
        await import_undoing.restore_balances(connection, portfolio, balances)


def _in_order(issues: list[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: issue.line)


def _closed(record: ImportRecord) -> FailedPrecondition:
    why = "was undone" if record.state == "UNDONE" else "is too old, and its file is kept no more"
    message = f"the import {record.import_id} {why}: upload the file again"
    return FailedPrecondition("IMPORT_CLOSED", message, id=record.import_id)
