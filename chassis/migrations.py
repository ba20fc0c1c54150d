"""The revisions of a service's schema: Alembic, run from code, as the role that owns the schema.

A service only has revision files, in `services/<service>/storage/migrations/versions`. One run is one transaction: the
schema is at the wanted revision afterwards, or untouched. A service starts only on the revision that its code knows as
the newest, so that an older binary leaves a newer schema alone. Alembic is imported by what changes a schema alone; to
compare revisions, the files are read.
"""

import ast
import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.roles import administration

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

SERVICES = Path(__file__).parents[1] / "services"
VERSION_TABLE = "alembic_version"
Steps = Callable[["ScriptDirectory", str], Any]
"""Gives Alembic's steps from a revision to the wanted one."""


class SchemaMismatch(Exception):
    """The schema in the database is not the one that this code needs; the message says what to do."""


class SchemaBehind(SchemaMismatch):
    """The schema lacks revisions that this code has."""


class SchemaUnknown(SchemaMismatch):
    """The schema is at a revision that this code does not have: a newer version of the software made it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file: its name and those of the revisions it builds on."""

    name: str
    parents: tuple[str, ...]


async def migrate(admin_url: str, service: str, target: str = "head", services: Path = SERVICES) -> str | None:
    """Bring a service's schema up to a revision; return the revision it then has.

    Args:
        admin_url: an administrator's login to the services' database, in which the roles exist.
        service: whose schema.
        target: a revision, or `head`.
        services: the folder with the services.

    Raises:
        ValueError: there is no such service or revision.
        SchemaUnknown: the schema is newer than this code.
        chassis.roles.AdministrationError: the database refuses or does not answer.
    """
    # The two methods are what Alembic's own commands call; its public way is to load an env.py from each service.
    return await _run(admin_url, service, services, target, lambda script, at: script._upgrade_revs(target, at))


async def downgrade(admin_url: str, service: str, target: str, services: Path = SERVICES) -> str | None:
    """Take a service's schema down to a revision, or to `base`; see `migrate`."""
    return await _run(admin_url, service, services, target, lambda script, at: script._downgrade_revs(target, at))


async def current_revision(connection: AsyncConnection, service: str) -> str | None:
    """Read the revision of the schema in the database; None when it was never migrated."""
    table = f"{service}.{VERSION_TABLE}"
    if not await connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}):
        return None
    version: str | None = await connection.scalar(text(f"SELECT version_num FROM {table}"))  # noqa: S608 - our names
    return version


def head_revision(service: str, services: Path = SERVICES) -> str | None:
    """Give the newest revision that this code knows; None when the service has none.

    Raises:
        ValueError: a revision file cannot be read, or two revisions claim to be the newest.
    """
    known = revisions(service, services)
    parents = {parent for revision in known for parent in revision.parents}
    heads = [revision.name for revision in known if revision.name not in parents]
    if len(heads) > 1:
        raise ValueError(f"service {service} has two newest revisions: {', '.join(heads)}")
    return heads[0] if heads else None


async def check(connection: AsyncConnection, service: str, services: Path = SERVICES) -> None:
    """Make sure that the schema in the database is the one that this code needs.

    Raises:
        SchemaBehind: it must be migrated first.
        SchemaUnknown: this code is too old for it.
    """
    known = await asyncio.to_thread(revisions, service, services)
    head = await asyncio.to_thread(head_revision, service, services)
    current = await current_revision(connection, service)
    _refuse_unknown(service, current, known)
    if current != head:
        raise SchemaBehind(f"schema {service} is at {current or 'no revision'} and must be at {head}: plimsoll migrate")


def revisions(service: str, services: Path = SERVICES) -> list[Revision]:
    """Read the revision files of a service, without running them; a service may have none.

    Raises:
        ValueError: there is no such service, or a revision file cannot be read.
    """
    if not (services / service).is_dir():
        raise ValueError(f"service: {service!r} is none of {services}")
    return [_read_revision(path) for path in sorted((_folder(service, services) / "versions").glob("*.py"))]


def _read_revision(path: Path) -> Revision:
    values: dict[str, Any] = {}
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                assert isinstance(statement, ast.Assign | ast.AnnAssign)
                assert statement.value is not None
                values[target.id] = ast.literal_eval(statement.value)
    if not values.get("revision") or "down_revision" not in values:
        raise ValueError(f"{path} does not state revision and down_revision")
    down = values["down_revision"]
    return Revision(values["revision"], (down,) if isinstance(down, str) else tuple(down or ()))


async def _run(admin_url: str, service: str, services: Path, target: str, steps: Steps) -> str | None:
    known = await asyncio.to_thread(revisions, service, services)
    if target not in {"head", "base", *(revision.name for revision in known)}:
        raise ValueError(f"target: {target!r} is not a revision of {service}")
    if not known:
        return None
    async with administration(admin_url, f"migrate {service}") as connection:
        # Names in a revision file mean the service's schema, and what it makes belongs to the owner's role.
        await connection.execute(text(f"SET LOCAL ROLE {service}_owner"))
        await connection.execute(text(f"SET LOCAL search_path = {service}"))
        _refuse_unknown(service, await current_revision(connection, service), known)
        await connection.run_sync(_run_alembic, service, _folder(service, services), target, steps)
        await connection.execute(text(f"GRANT SELECT ON {service}.{VERSION_TABLE} TO {service}_app"))
        return await current_revision(connection, service)


def _run_alembic(connection: Connection, service: str, folder: Path, target: str, steps: Steps) -> None:
    """Do what `alembic upgrade` does, on a connection whose transaction is ours."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder))
    environment = EnvironmentContext(
        Config(), script, fn=lambda revision, _: steps(script, revision), destination_rev=target
    )
    with environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE, version_table_schema=service)
        environment.run_migrations()


def _refuse_unknown(service: str, current: str | None, known: list[Revision]) -> None:
    if current is not None and current not in {revision.name for revision in known}:
        raise SchemaUnknown(
            f"schema {service} is at revision {current}, which this version of plimsoll does not know: a newer one "
            "made it. Run that version, or restore a backup; nothing was changed"
        )


def _folder(service: str, services: Path) -> Path:
    return services / service / "storage" / "migrations"
