"""What other services hear of from this one (chassis/outbox.py). Each is called in the transaction of the change.

That a portfolio has a new revision, or was deleted, is not said here: the database writes it (migration 0005).
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox


async def user_deleted(connection: AsyncConnection, user_id: str) -> None:
    """Say that an account ended."""
    await outbox.append(connection, "user_deleted", {"user_id": user_id})


async def import_completed(
    connection: AsyncConnection, user_id: str, portfolio_id: str, revision: int, import_id: str = ""
) -> None:
    """Say that a file was imported into a portfolio, which has a revision since."""
    payload = {"user_id": user_id, "portfolio_id": portfolio_id, "portfolio_revision": revision}
    await outbox.append(connection, "import_completed", {**payload, "import_id": import_id})
