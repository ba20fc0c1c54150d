"""Accounts in PostgreSQL."""

from collections.abc import Mapping
from typing import Any

import asyncpg
from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import AlreadyExists, NotFound
from chassis.hot_path import HotStatement
from services.portfolio.domain.user import Credentials, Role, Tier, User
from services.portfolio.storage.tables import users

PUBLIC = (
    users.c.user_id,
    users.c.email,
    users.c.display_name,
    users.c.role,
    users.c.tier,
    users.c.created_time,
    users.c.disabled_time,
)

OPEN = HotStatement(
    select(users.c.user_id).where(users.c.user_id == bindparam("user_id"), users.c.disabled_time.is_(None))
)


def _user(row: "Row[*tuple[Any, ...]]") -> User:
    return User(*tuple(row)[: len(PUBLIC)])  # PUBLIC stands in the order of the fields


async def add(
    connection: AsyncConnection,
    user_id: str,
    email: str,
    display_name: str,
    password_hash: str | None,
    role: Role,
    *,
    email_verified: bool = False,
) -> User:
    """Make an account.

    Raises:
        AlreadyExists: the address has one.
    """
    values = {"user_id": user_id, "email": email, "display_name": display_name, "password_hash": password_hash}
    verified = func.now() if email_verified else None
    statement = insert(users).values(**values, role=role, created_time=func.now(), email_verified_time=verified)
    try:
        return _user((await connection.execute(statement.returning(*PUBLIC))).one())
    except IntegrityError:
        raise AlreadyExists("account", email) from None


async def get(connection: AsyncConnection, user_id: str) -> User | None:
    """Give an account that is not disabled."""
    statement = select(*PUBLIC).where(users.c.user_id == user_id, users.c.disabled_time.is_(None))
    row = (await connection.execute(statement)).one_or_none()
    return _user(row) if row else None


async def is_open(connection: asyncpg.Connection, user_id: str) -> bool:
    """Say whether there is an account that is not disabled; on the driver itself, because nearly every call asks."""
    return bool(await OPEN.fetch(connection, user_id=user_id))


async def page(connection: AsyncConnection, after_email: str, size: int) -> list[User]:
    """Give accounts whose address comes after another, by address."""
    statement = select(*PUBLIC).where(users.c.email > after_email).order_by(users.c.email).limit(size)
    return [_user(row) for row in await connection.execute(statement)]


async def by_email(connection: AsyncConnection, email: str) -> Credentials | None:
    """Give what a login is checked against; also of a disabled account."""
    return await _credentials(connection, users.c.email == email)


async def by_id(connection: AsyncConnection, user_id: str) -> Credentials | None:
    """Give what a login is checked against; also of a disabled account."""
    return await _credentials(connection, users.c.user_id == user_id)


async def _credentials(connection: AsyncConnection, where: Any) -> Credentials | None:
    statement = select(*PUBLIC, users.c.password_hash, users.c.email_verified_time).where(where)
    row = (await connection.execute(statement)).one_or_none()
    return Credentials(_user(row), row.password_hash, row.email_verified_time is not None) if row else None


async def set_password_hash(connection: AsyncConnection, user_id: str, password_hash: str | None) -> None:
    """Replace the stored hash of a password. None: no password opens the account."""
    await connection.execute(update(users).where(users.c.user_id == user_id).values(password_hash=password_hash))


async def set_email_verified(connection: AsyncConnection, user_id: str) -> None:
    """Write down that the address is this user's."""
    await connection.execute(update(users).where(users.c.user_id == user_id).values(email_verified_time=func.now()))


async def set_tier(connection: AsyncConnection, user_id: str, tier: Tier) -> User:
    """Put an account into a tier.

    Raises:
        NotFound: there is no such account.
    """
    return await _change(connection, user_id, {"tier": tier})


async def set_disabled(connection: AsyncConnection, user_id: str, *, disabled: bool) -> User:
    """Close an account to its owner, or open it again. A closed one keeps the time of its closing.

    Raises:
        NotFound: there is no such account.
    """
    time = func.coalesce(users.c.disabled_time, func.now()) if disabled else None
    return await _change(connection, user_id, {"disabled_time": time})


async def remove(connection: AsyncConnection, user_id: str) -> bool:
    """Delete an account and everything that it owns; False: there was none."""
    return (await connection.execute(delete(users).where(users.c.user_id == user_id))).rowcount == 1


async def _change(connection: AsyncConnection, user_id: str, values: Mapping[str, Any]) -> User:
    statement = update(users).where(users.c.user_id == user_id).values(**values).returning(*PUBLIC)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NotFound("account", user_id)
    return _user(row)
