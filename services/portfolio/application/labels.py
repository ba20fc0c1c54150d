"""Renaming and deleting labels: every position that has one follows, in a new revision of its portfolio."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import Aborted
from services.portfolio.domain.label import Kind, Label
from services.portfolio.storage import labels, portfolios


async def change(
    connection: AsyncConnection, owner_id: str, kind: Kind, label_id: str, name: str | None, description: str | None
) -> Label:
    """Change the name or description of a label; None leaves it.

    Raises:
        NotFound: there is none, or it is another's.
        AlreadyExists: the owner has one of the new name.
        Aborted: a portfolio that was just made has it.
    """
    locked = await portfolios.lock_all(connection, owner_id)
    label = await labels.lock(connection, owner_id, kind, label_id)
    new_name = label.name if name is None else name
    await labels.change(connection, label, new_name, label.description if description is None else description)
    if new_name != label.name:
        await _follow(connection, owner_id, label, new_name, locked)
    return await labels.get(connection, owner_id, kind, label_id)


async def remove(connection: AsyncConnection, owner_id: str, kind: Kind, label_id: str) -> None:
    """Delete a label, and take it from every position.

    Raises:
        NotFound: there is none, or it is another's.
        Aborted: a portfolio that was just made has it.
    """
    locked = await portfolios.lock_all(connection, owner_id)
    label = await labels.lock(connection, owner_id, kind, label_id)
    await labels.remove(connection, label)
    await _follow(connection, owner_id, label, "", locked)


async def _follow(connection: AsyncConnection, owner_id: str, label: Label, name: str, locked: set[str]) -> None:
    concerned = await labels.portfolios_with(connection, owner_id, label)
    if not locked.issuperset(concerned):
        raise Aborted("REQUEST_IN_PROGRESS", f"a portfolio with this {label.kind} is being made: try again")
    await portfolios.advance_all(connection, owner_id, concerned, f"{label.kind}_{'renamed' if name else 'deleted'}")
    await labels.relabel(connection, owner_id, label, name)
