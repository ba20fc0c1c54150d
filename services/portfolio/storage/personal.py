"""Everything in this schema that belongs to one user, whichever tables there are.

The tables are found in the catalogue by the column that names their owner, so that a new one cannot be forgotten.
Secrets, their hashes, and what is encrypted are left out: what is binary, or is called so.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

OWNERS = ("owner_id", "user_id")
NOT_TOLD = ("idempotency_keys", "user_keys")
"""What is kept for a while to answer repetitions, in the form of the contract; and the key that ends with the user."""
TABLES = text("""
    SELECT class.relname AS name,
        min(attribute.attname) FILTER (WHERE attribute.attname = ANY (:owners)) AS owner,
        array_agg(attribute.attname ORDER BY attribute.attnum) FILTER (
            WHERE attribute.atttypid = 'bytea'::regtype OR attribute.attname ~ 'hash|secret|encrypted|token'
        ) AS secrets
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind IN ('r', 'p')
        AND attribute.attnum > 0 AND NOT attribute.attisdropped AND class.relname <> ALL (:not_told)
    GROUP BY class.relname
    HAVING bool_or(attribute.attname = ANY (:owners))
    ORDER BY class.relname""")


async def rows_of(connection: AsyncConnection, user_id: str) -> dict[str, str]:
    """Give a user's rows by table, each table's as a JSON list."""
    tables = (await connection.execute(TABLES, {"owners": list(OWNERS), "not_told": list(NOT_TOLD)})).all()
    # Names of our own catalogue, quoted; all tables at once, so that the document shows one moment.
    each = [_rows(table.name, table.owner, table.secrets or []) for table in tables]
    found = await connection.execute(text(" UNION ALL ".join(each)), {"user_id": user_id})
    return {row.name: row.found for row in found}


def _rows(table: str, owner: str, secrets: list[str]) -> str:
    shown = "to_jsonb(t)" + "".join(f" - '{column}'" for column in secrets)
    return (
        f"SELECT '{table}' AS name, coalesce(jsonb_agg({shown}), '[]')::text AS found "  # noqa: S608 - see above
        f'FROM "{table}" AS t WHERE t."{owner}" = :user_id'
    )
