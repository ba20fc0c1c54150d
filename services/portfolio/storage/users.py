"""Accounts in PostgreSQL."""

from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import AlreadyExists
from services.portfolio.domain.user import Credentials, Role, User
from services.portfolio.storage.tables import users

PUBLIC = (users.c.user_id, users.c.email, users.c.display_name, users.c.role, users.c.created_time)


def _user(row: "Row[*tuple[Any, ...]]") -> User:
    return User(row.user_id, row.email, row.display_name, row.role, row.created_time)


async def add(
    connection: AsyncConnection, user_id: str, email: str, display_name: str, password_hash: str, role: Role
) -> User:
    """Make an account.

    Raises:
        AlreadyExists: the address has one.
    """
    values = {"user_id": user_id, "email": email, "display_name": display_name, "password_hash": password_hash}
    statement = insert(users).values(**values, role=role, created_time=func.now()).returning(*PUBLIC)
    try:
        return _user((await connection.execute(statement)).one())
    except IntegrityError:
        raise AlreadyExists("account", email) from None


async def get(connection: AsyncConnection, user_id: str) -> User | None:
    """Give an account that is not disabled."""
    statement = select(*PUBLIC).where(users.c.user_id == user_id, users.c.disabled_time.is_(None))
    row = (await connection.execute(statement)).one_or_none()
    return _user(row) if row else None


async def credentials(connection: AsyncConnection, email: str) -> Credentials | None:
    """Give what a login is checked against."""
    statement = select(*PUBLIC, users.c.password_hash, users.c.disabled_time).where(users.c.email == email)
    row = (await connection.execute(statement)).one_or_none()
    return Credentials(_user(row), row.password_hash, row.disabled_time is not None) if row else None


async def set_password_hash(connection: AsyncConnection, user_id: str, password_hash: str) -> None:
    """Replace the stored hash of a password."""
    await connection.execute(update(users).where(users.c.user_id == user_id).values(password_hash=password_hash))
