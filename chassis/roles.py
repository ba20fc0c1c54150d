"""The database roles of a service, made from an administrator's login.

Per service: a role `<service>_owner` that owns schema `<service>` and runs its migrations, a role `<service>_app` under
which the service works, and nothing for anybody else. What the application role may do in its schema is said by the
migrations, table by table. Everything here can be run again at any time, and by two at once.

The administrator's login need not be a superuser: it needs CREATEROLE and must own the database.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import NullPool, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.database_url import database_login

DATABASE = "plimsoll"
LOCK_WAIT = "30s"
"""How long to wait for another administrator at work."""
CONNECT_SECONDS = 10.0
SERVICE = re.compile(r"[a-z][a-z0-9_]{0,50}")
WHOSE_DATABASE = text(
    "SELECT datname, current_user, pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
)
PUBLIC_IS_OPEN = text(
    "SELECT nspowner::regrole::text FROM pg_namespace, aclexplode(nspacl) AS granted "
    "WHERE nspname = 'public' AND granted.grantee = 0 LIMIT 1"
)
LOCK_NOT_AVAILABLE = "55P03"


class AdministrationError(Exception):
    """The database refuses what an administrator wants, or does not answer; the message says why."""


@asynccontextmanager
async def administration(admin_url: str, purpose: str, wait: str = LOCK_WAIT) -> AsyncIterator[AsyncConnection]:
    """Open a transaction in which nobody else has the same purpose; it commits when its block ends.

    Args:
        admin_url: an administrator's login.
        purpose: what is done, in words; it is also the name of the lock.
        wait: how long to wait for the lock, and for each one that a statement needs, as PostgreSQL writes durations.

    Raises:
        AdministrationError: the database refuses or does not answer, or another administrator takes too long.
    """
    async with _connected(admin_url, purpose) as connection, connection.begin():
        await connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": wait})
        await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:it, 0))"), {"it": purpose})
        yield connection


async def create_database(admin_url: str, name: str = DATABASE) -> str:
    """Create a database unless it exists; return the URL with which the same login reaches it.

    Raises:
        AdministrationError: see `administration`.
    """
    purpose = f"create database {name}"
    async with _connected(admin_url, purpose) as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")  # no database is created in a transaction
        await connection.execute(text("SELECT set_config('lock_timeout', :wait, false)"), {"wait": LOCK_WAIT})
        await connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:it, 0))"), {"it": purpose})
        known = await connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
        if not known:
            await connection.exec_driver_sql(f"CREATE DATABASE {_quoted(connection, name)}")
    return make_url(admin_url).set(database=name).render_as_string(hide_password=False)


async def create_roles(database_url: str, services: Sequence[str], passwords: Mapping[str, str] | None = None) -> None:
    """Create the roles and schemas of services in the database that the administrator's URL names.

    Args:
        database_url: an administrator's login to the database that the services share.
        services: whose.
        passwords: by service. Its application role can log in with it. A role without one cannot log in, unless it
            could before; the administrator's login can take it on.

    Raises:
        ValueError: a service's name cannot be the name of a role.
        AdministrationError: see `administration`.
    """
    for service in services:
        if not SERVICE.fullmatch(service):
            raise ValueError(f"service: {service!r} must be lower-case letters, digits and underscores")
    async with administration(database_url, "create roles") as connection:
        database = await _close_to_public(connection)
        for service in services:
            await _create_service(connection, database, service)
            if password := (passwords or {}).get(service):
                await _let_log_in(connection, f"{service}_app", password)


async def _close_to_public(connection: AsyncConnection) -> str:
    """Take from everybody what PostgreSQL gives to everybody in a new database; return the database's quoted name."""
    name, login, owned = (await connection.execute(WHOSE_DATABASE)).one()
    if not owned:
        raise AdministrationError(f"create roles: {login} does not own database {name}: use the login that does")
    database = _quoted(connection, name)
    await connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    if await connection.scalar(PUBLIC_IS_OPEN):
        await connection.exec_driver_sql("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    if owner := await connection.scalar(PUBLIC_IS_OPEN):  # who cannot revoke is only warned by PostgreSQL
        raise AdministrationError(
            f"create roles: schema public of database {name} is open to everybody and belongs to {owner}, "
            "who must first REVOKE ALL ON SCHEMA public FROM PUBLIC"
        )
    return database


async def _create_service(connection: AsyncConnection, database: str, service: str) -> None:
    owner, app = f"{service}_owner", f"{service}_app"
    for role in (owner, app):
        await _create_role(connection, role)
    for statement in (
        f"GRANT CONNECT ON DATABASE {database} TO {app}",
        f"ALTER ROLE {app} SET search_path = {service}",
        f"CREATE SCHEMA IF NOT EXISTS {service} AUTHORIZATION {owner}",
        f"SET LOCAL ROLE {owner}",
        f"REVOKE ALL ON SCHEMA {service} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {service} TO {app}",
        "RESET ROLE",
    ):
        await connection.exec_driver_sql(statement)


async def _create_role(connection: AsyncConnection, role: str) -> None:
    if not await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}):
        await connection.exec_driver_sql(f"CREATE ROLE {role} NOLOGIN")
    superuser = await connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"))
    if not superuser:  # who may be everybody already
        await connection.exec_driver_sql(f"GRANT {role} TO CURRENT_USER")


async def _let_log_in(connection: AsyncConnection, role: str, password: str) -> None:
    # ALTER ROLE takes no parameters: the server itself quotes the password.
    quoting = text("SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', CAST(:role AS text), CAST(:password AS text))")
    statement = await connection.scalar(quoting, {"role": role, "password": password})
    await connection.exec_driver_sql(str(statement))


@asynccontextmanager
async def _connected(admin_url: str, purpose: str) -> AsyncIterator[AsyncConnection]:
    try:
        engine = _engine(admin_url)
    except ValueError as error:
        raise AdministrationError(f"{purpose}: {error}") from None
    try:
        async with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise AdministrationError(f"{purpose}: something else held a lock for too long; try again") from error
        raise AdministrationError(f"{purpose}: {error.orig}") from error
    except OSError as error:
        where = f"{engine.url.host}:{engine.url.port or 5432}"
        raise AdministrationError(f"{purpose}: the database at {where} does not answer: {error}") from error
    finally:
        await engine.dispose()


def _engine(admin_url: str) -> AsyncEngine:
    login = database_login(admin_url)
    settings = {"application_name": "plimsoll-admin"}
    connect_args = {**login.protection, "timeout": CONNECT_SECONDS, "server_settings": settings}
    return create_async_engine(login.url, poolclass=NullPool, connect_args=connect_args)


def _quoted(connection: AsyncConnection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
