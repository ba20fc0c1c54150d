"""The ledger of results in PostgreSQL. Every statement names the owner; row-level security is the second wall."""

from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    Uuid,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import Database
from services.risk.domain.ledger import ResultPage, StoredResult

results = Table(
    "results",
    MetaData(),
    Column("owner_id", Uuid(as_uuid=False), primary_key=True),
    Column("result_id", LargeBinary, primary_key=True),
    Column("kind", Text),
    Column("portfolio_id", Text),
    Column("portfolio_revision", Integer),
    Column("as_of_date", Date),
    Column("pinned_data_version", Integer),
    Column("model_version", Text),
    Column("platform", Text),
    Column("parameters", JSONB),
    Column("digests", JSONB),
    Column("payload", LargeBinary),
    Column("calculated_time", DateTime(timezone=True)),
)
WITHOUT_PAYLOAD = [column for column in results.c if column.name != "payload"]
UNHURRIED = text("SET LOCAL synchronous_commit = off")
"""A result that a crash of the machine takes is computed again when it is asked for again, to the same bytes."""
ORDER = (results.c.calculated_time, results.c.result_id)


class Results:
    """Implements `ports.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, owner_id: str, result_id: str) -> StoredResult | None:
        """Give an owner's result; None: there is none of that id.

        Raises:
            Unavailable: the database does not answer.
        """
        statement = select(results).where(
            results.c.owner_id == owner_id, results.c.result_id == bytes.fromhex(result_id)
        )
        async with self._database.transaction(owner_id) as connection:
            row = (await connection.execute(statement)).one_or_none()
        return _result(row, row.payload) if row else None

    async def add(self, result: StoredResult) -> None:
        """Keep a result. One that is there already stays as it is: an id fixes the payload.

        Raises:
            Unavailable: the database does not answer.
        """
        values = {
            "owner_id": result.owner_id,
            "result_id": bytes.fromhex(result.result_id),
            "kind": result.kind,
            "portfolio_id": result.portfolio_id,
            "portfolio_revision": result.portfolio_revision,
            "as_of_date": result.as_of_date,
            "pinned_data_version": result.pinned_data_version,
            "model_version": result.model_version,
            "platform": result.platform,
            "parameters": dict(result.parameters),
            "digests": dict(result.digests),
            "payload": result.payload,
            "calculated_time": result.calculated_time,
        }
        async with self._database.transaction(result.owner_id) as connection:
            await connection.execute(UNHURRIED)
            await connection.execute(insert(results).on_conflict_do_nothing().values(values))

    async def page(self, owner_id: str, asked: ResultPage) -> list[StoredResult]:
        """Give an owner's results, the newest first, without payloads.

        Raises:
            Unavailable: the database does not answer.
        """
        statement = select(*WITHOUT_PAYLOAD).where(results.c.owner_id == owner_id)
        if asked.portfolio_id:
            statement = statement.where(results.c.portfolio_id == asked.portfolio_id)
        if asked.kind:
            statement = statement.where(results.c.kind == asked.kind)
        if asked.before:
            calculated_time, result_id = asked.before
            statement = statement.where(tuple_(*ORDER) < (calculated_time, bytes.fromhex(result_id)))
        newest_first = statement.order_by(*(column.desc() for column in ORDER)).limit(asked.size)
        async with self._database.transaction(owner_id) as connection:
            rows = (await connection.execute(newest_first)).all()
        return [_result(row, b"") for row in rows]


def _result(row: Row[Any], payload: bytes) -> StoredResult:
    return StoredResult(
        result_id=row.result_id.hex(),
        owner_id=row.owner_id,
        kind=row.kind,
        portfolio_id=row.portfolio_id,
        portfolio_revision=row.portfolio_revision,
        as_of_date=row.as_of_date,
        pinned_data_version=row.pinned_data_version,
        model_version=row.model_version,
        platform=row.platform,
        parameters=row.parameters,
        digests=row.digests,
        payload=payload,
        calculated_time=row.calculated_time,
    )
