"""What can be said of an import before it is completed: what its positions are classified as, and which have prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from chassis.database import Database
from services.portfolio.application.imports import Imports
from services.portfolio.domain.import_comparison import Comparison, compare
from services.portfolio.domain.import_record import ImportRecord, Report
from services.portfolio.domain.imported import Import, Taken
from services.portfolio.domain.market import Mark
from services.portfolio.ports import MarketData
from services.portfolio.storage import imports, portfolios


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be saved of a file: positions by line, with their prices by instrument."""

    record: ImportRecord
    read: Import
    page: list[Taken]
    marks: Mapping[int, Mark]
    repeated: Mapping[int, str]
    """By line: the import that saved the row before."""
    as_of_date: date | None
    more: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """What a check of a file found: the issues of its rows, and which of its instruments have a price."""

    record: ImportRecord
    report: Report
    row_count: int
    marks: list[tuple[str, Mark]]
    """By symbol."""
    as_of_date: date | None


class ImportChecks:
    """Looks at imports, and changes nothing."""

    def __init__(self, database: Database, uploaded: Imports, marketdata: MarketData) -> None:
        self._database = database
        self._imports = uploaded
        self._marketdata = marketdata

    async def preview(self, owner_id: str, import_id: str, after_line: int, size: int) -> Preview:
        """Give a page of the positions of a file, after a line.

        Raises:
            NotFound: there is no such import, or it is another's.
            FailedPrecondition: its file is kept no more.
        """
        record, read = await self._imports.read_again(owner_id, import_id)
        compared = await self._compared(owner_id, record, read)
        # Lots of one trade may stand in one line, so that a page ends with a line and not within it.
        later = sorted((taken for taken in read.taken if taken.line > after_line), key=lambda taken: taken.line)
        last = later[size - 1].line if len(later) > size else None
        shown = later if last is None else [taken for taken in later if taken.line <= last]
        as_of_date, marks = await self._marks(shown)
        return Preview(record, read, shown, marks, compared.repeated, as_of_date, len(shown) < len(later))

    async def validate(self, owner_id: str, import_id: str) -> Validation:
        """Check every row of a file again.

        Raises:
            NotFound: there is no such import, or it is another's.
            FailedPrecondition: its file is kept no more.
        """
        record, read = await self._imports.read_again(owner_id, import_id)
        compared = await self._compared(owner_id, record, read)
        as_of_date, marks = await self._marks(read.taken)
        symbols = {taken.instrument.instrument_id: taken.instrument.symbol for taken in read.taken}
        named = sorted((symbols[number], mark) for number, mark in marks.items())
        warnings = sorted([*read.warnings, *compared.issues], key=lambda issue: issue.line)
        return Validation(record, Report(read.errors, warnings), read.row_count, named, as_of_date)

    async def _compared(self, owner_id: str, record: ImportRecord, read: Import) -> Comparison:
        if not record.destination.portfolio_id:
            return compare(read, [])
        async with self._database.transaction(owner_id) as connection:
            portfolio = await portfolios.get(connection, owner_id, record.destination.portfolio_id)
            before = await imports.rows_before(connection, portfolio)
        return compare(read, before, record.import_id)

    async def _marks(self, positions: list[Taken]) -> tuple[date | None, dict[int, Mark]]:
        """Give the prices of the newest session by instrument, and the session; nothing of nothing."""
        instruments = sorted({taken.instrument.instrument_id for taken in positions})
        if not instruments:
            return None, {}
        session = await self._marketdata.session(None)
        return session.as_of_date, await self._marketdata.marks(instruments, session)
