"""Imports in PostgreSQL: what is remembered of each, and of which positions each of its rows became."""

import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Integer,
    LargeBinary,
    Row,
    Text,
    Uuid,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import FailedPrecondition, NotFound
from services.portfolio.domain.import_comparison import Comparison, Imported
from services.portfolio.domain.import_record import (
    KEPT_FILES,
    MOST_WAITING,
    WAITS,
    Destination,
    ImportRecord,
    Report,
    State,
)
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.storage.import_tables import import_rows, imports

ID = Uuid(as_uuid=False)
TOLD = [column for column in imports.c if column.name not in ("content", "report")]
GIVEN_ROWS = (
    func.unnest(
        bindparam("subjects", type_=ARRAY(Text)),
        bindparam("subject_ids", type_=ARRAY(ID)),
        bindparam("instrument_ids", type_=ARRAY(Integer)),
        bindparam("row_hashes", type_=ARRAY(LargeBinary)),
    )
    .table_valued("subject", "subject_id", "instrument_id", "row_hash")
    .render_derived("given")
)
ADD_ROWS = insert(import_rows).from_select(
    ["import_id", "portfolio_id", "owner_id", "subject", "subject_id", "instrument_id", "row_hash"],
    select(
        *(bindparam(name, type_=ID) for name in ("import_id", "portfolio_id", "owner_id")),
        *GIVEN_ROWS.c,
    ),
)


async def make_room(connection: AsyncConnection, owner_id: str) -> None:
    """Forget an owner's imports that waited too long, and files that are too old to be read again.

    Raises:
        FailedPrecondition: as many imports wait as may.
    """
    own = imports.c.owner_id == owner_id
    waiting = own & (imports.c.state == "WAITING")
    await connection.execute(delete(imports).where(waiting, imports.c.created_time < func.now() - WAITS))
    if (await connection.scalar(select(func.count()).where(waiting)) or 0) >= MOST_WAITING:
        message = f"{MOST_WAITING} imports wait already: complete or delete one"
        raise FailedPrecondition("LIMIT_REACHED", message, resource="import", limit=MOST_WAITING)
    kept = own & imports.c.content.is_not(None) & (imports.c.state != "WAITING")
    old = select(imports.c.import_id).where(kept).order_by(imports.c.created_time.desc()).offset(KEPT_FILES - 1)
    await connection.execute(update(imports).where(own, imports.c.import_id.in_(old)).values(content=None))


async def add(connection: AsyncConnection, owner_id: str, record: ImportRecord, content: bytes, report: Report) -> None:
    """Add an import that waits for its completion."""
    destination = record.destination
    values: dict[str, Any] = {
        "import_id": record.import_id,
        "owner_id": owner_id,
        "state": record.state,
        "file_name": record.file_name,
        "file_date": record.file_date,
        "content": zlib.compress(content, 1),
        "portfolio_id": destination.portfolio_id or None,
        "portfolio_name": destination.portfolio_name,
        "base_currency": destination.base_currency,
        "portfolio_revision": None,
        **_counts(record),
        **_said(report),
    }
    await connection.execute(insert(imports).values(values))


async def get(connection: AsyncConnection, owner_id: str, import_id: str, *, lock: bool = False) -> ImportRecord:
    """Give an import; if asked for, keep others from changing it until this transaction ends.

    Raises:
        NotFound: there is none, or it is another's.
    """
    statement = select(*TOLD).where(imports.c.owner_id == owner_id, imports.c.import_id == import_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    if row is None:
        raise NotFound("import", import_id)
    return _record(row)


async def content_of(connection: AsyncConnection, owner_id: str, import_id: str) -> bytes | None:
    """Give the file of an import; None where it is kept no more."""
    own = (imports.c.owner_id == owner_id) & (imports.c.import_id == import_id)
    packed = await connection.scalar(select(imports.c.content).where(own))
    return None if packed is None else zlib.decompress(packed)


async def report_of(connection: AsyncConnection, owner_id: str, import_id: str) -> Report:
    """Give what was said of an import's rows when it was last read."""
    own = (imports.c.owner_id == owner_id) & (imports.c.import_id == import_id)
    said = (await connection.execute(select(imports.c.report).where(own))).scalar_one()
    return Report(*([Issue(**issue) for issue in said[kind]] for kind in ("errors", "warnings")))


async def page(
    connection: AsyncConnection, owner_id: str, portfolio_id: str, after: ImportRecord | None, size: int
) -> list[ImportRecord]:
    """Give imports of an owner, the newest first, of one portfolio or of all."""
    order = (imports.c.created_time, imports.c.import_id)
    statement = select(*TOLD).where(imports.c.owner_id == owner_id)
    if portfolio_id:
        statement = statement.where(imports.c.portfolio_id == portfolio_id)
    if after is not None:
        place = tuple_(literal(after.created_time), literal(after.import_id, ID))
        statement = statement.where(tuple_(*order) < place)
    rows = await connection.execute(statement.order_by(*(column.desc() for column in order)).limit(size))
    return [_record(row) for row in rows]


async def settle(
    connection: AsyncConnection, owner_id: str, record: ImportRecord, report: Report | None, *, keep_file: bool
) -> None:
    """Write what became of an import, with a new report if there is one; the clock of the database says when."""
    values: dict[str, Any] = {
        "state": record.state,
        "portfolio_id": record.destination.portfolio_id or None,
        "portfolio_revision": record.portfolio_revision or None,
        **_counts(record),
        **(_said(report) if report else {}),
    }
    if record.state == "COMPLETED":
        values["completed_time"] = func.coalesce(imports.c.completed_time, func.now())
    if record.state == "UNDONE":
        values["undone_time"] = func.now()
    if not keep_file:
        values["content"] = None
    own = (imports.c.owner_id == owner_id) & (imports.c.import_id == record.import_id)
    await connection.execute(update(imports).where(own).values(values))


async def rows_before(connection: AsyncConnection, portfolio: Portfolio) -> list[Imported]:
    """Give the rows that imports of a portfolio saved and that were not undone, those of the oldest import first."""
    statement = (
        select(import_rows.c.import_id, imports.c.format, import_rows.c.instrument_id, import_rows.c.row_hash)
        .join(imports, imports.c.import_id == import_rows.c.import_id)
        .where(import_rows.c.portfolio_id == portfolio.portfolio_id, import_rows.c.owner_id == portfolio.owner_id)
        .order_by(imports.c.created_time.desc())
    )
    return [Imported(*row) for row in await connection.execute(statement)]


async def add_rows(connection: AsyncConnection, portfolio: Portfolio, import_id: str, compared: Comparison) -> None:
    """Remember which position or movement each row became that an import saved."""
    rows: list[tuple[str, str, int | None, bytes]]
    rows = [("POSITION", t.position.position_id, t.position.instrument_id, t.row_hash) for t in compared.new]
    rows += [("CASH_MOVEMENT", t.movement.movement_id, None, t.row_hash) for t in compared.new_movements]
    if not rows:
        return
    shared = {"import_id": import_id, "portfolio_id": portfolio.portfolio_id, "owner_id": portfolio.owner_id}
    subjects, subject_ids, instrument_ids, row_hashes = map(list, zip(*rows, strict=True))
    given = {"subjects": subjects, "subject_ids": subject_ids}
    await connection.execute(ADD_ROWS, {**shared, **given, "instrument_ids": instrument_ids, "row_hashes": row_hashes})


def _counts(record: ImportRecord) -> dict[str, Any]:
    names = ("row_count", "good_count", "error_count", "positions_saved_count", "cash_saved_count")
    counted = {name: getattr(record, name) for name in names}
    return {**counted, "already_imported_count": record.already_imported_count, "format": record.format}


def _said(report: Report) -> dict[str, Any]:
    return {"report": {"errors": [_plain(e) for e in report.errors], "warnings": [_plain(w) for w in report.warnings]}}


def _plain(issue: Issue) -> Mapping[str, object]:
    return {
        "line": issue.line,
        "field": issue.field,
        "value": issue.value,
        "reason": issue.reason,
        "message": issue.message,
    }


def _record(row: "Row[*tuple[Any, ...]]") -> ImportRecord:
    state: State = row.state
    return ImportRecord(
        import_id=row.import_id,
        state=state,
        format=row.format,
        file_name=row.file_name,
        file_date=row.file_date,
        destination=Destination(row.portfolio_id or "", row.portfolio_name, row.base_currency),
        row_count=row.row_count,
        good_count=row.good_count,
        error_count=row.error_count,
        positions_saved_count=row.positions_saved_count,
        cash_saved_count=row.cash_saved_count,
        already_imported_count=row.already_imported_count,
        portfolio_revision=row.portfolio_revision or 0,
        created_time=row.created_time,
        completed_time=row.completed_time,
        undone_time=row.undone_time,
    )
