"""The ledger of results in PostgreSQL. Every statement names the owner; row-level security is the second wall."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    bindparam,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import Database
from chassis.hot_path import HotStatement, reading, writing_unhurried
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
FIND = HotStatement(
    select(results).where(results.c.owner_id == bindparam("owner"), results.c.result_id == bindparam("result"))
)
ADD = HotStatement(
    insert(results).values({column: bindparam(column.name) for column in results.c}).on_conflict_do_nothing()
)
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
        async with reading(self._database, owner_id) as connection:
            found = await FIND.fetch(connection, owner=owner_id, result=bytes.fromhex(result_id))
        return _result(found[0]) if found else None

    async def add(self, result: StoredResult) -> None:
        """Keep a result. One that is there already stays as it is: an id fixes the payload.

        One that a crash of the machine takes is computed again when it is asked for again, to the same bytes.

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
            "parameters": json.dumps(dict(result.parameters)),  # the driver reads objects, and writes texts
            "digests": json.dumps(dict(result.digests)),
            "payload": result.payload,
            "calculated_time": result.calculated_time,
        }
        async with writing_unhurried(self._database, result.owner_id) as connection:
            await ADD.fetch(connection, **values)

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
        return [_result({**row._mapping, "payload": b""}) for row in rows]


def _result(row: Mapping[str, Any]) -> StoredResult:
    """Make a result of the columns of a row."""
    return StoredResult(**{**row, "owner_id": str(row["owner_id"]), "result_id": row["result_id"].hex()})
