"""A schema is migrated whole or not at all, once however many try, and never by code that is older than it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.migrations import (
    SchemaBehind,
    SchemaUnknown,
    check,
    current_revision,
    downgrade,
    head_revision,
    migrate,
    revisions,
)
from chassis.roles import AdministrationError, administration
from tests.chassis.throwaway_service import BROKEN, FIRST, SECOND, ThrowawayService, execute, throwaway_service
from tests.databases import Databases


@pytest.fixture
async def quay(postgres: Databases, tmp_path: Path) -> AsyncIterator[ThrowawayService]:
    async with throwaway_service(postgres.admin_url(), tmp_path) as service:
        yield service


async def checked(service: ThrowawayService) -> str | None:
    """Check the schema as the running service does, under its own role; give the revision."""
    engine = create_async_engine(make_url(service.app_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        await check(connection, service.name, service.services)
        return await current_revision(connection, service.name)


async def migrated(service: ThrowawayService, target: str = "head") -> str | None:
    return await migrate(service.admin_url, service.name, target, service.services)


async def columns(service: ThrowawayService) -> list[str]:
    query = f"SELECT column_name::text FROM information_schema.columns WHERE table_schema = '{service.name}'"
    return sorted(name for (name,) in await execute(service.admin_url, f"{query} AND table_name = 'berth'"))


async def test_up_and_down_again(quay: ThrowawayService) -> None:
    quay.write(FIRST, SECOND)
    assert head_revision(quay.name, quay.services) == "0002"
    assert await migrated(quay, "0001") == "0001"
    assert await columns(quay) == ["name", "owner"]
    assert await migrated(quay) == "0002"
    assert await columns(quay) == ["length", "name", "owner"]
    assert await checked(quay) == "0002"
    assert await downgrade(quay.admin_url, quay.name, "0001", quay.services) == "0001"
    assert await columns(quay) == ["name", "owner"]
    assert await downgrade(quay.admin_url, quay.name, "base", quay.services) is None
    assert await columns(quay) == []


async def test_everything_belongs_to_the_owner_role_and_stands_in_the_schema(quay: ThrowawayService) -> None:
    quay.write(FIRST)
    await migrated(quay)
    query = f"""
        SELECT relname::text, relowner::regrole::text FROM pg_class
        WHERE relkind = 'r' AND relnamespace = '{quay.name}'::regnamespace ORDER BY 1
    """
    owner = f"{quay.name}_owner"
    assert await execute(quay.admin_url, query) == [("alembic_version", owner), ("berth", owner)]


async def test_two_at_once_migrate_once(quay: ThrowawayService) -> None:
    quay.write(FIRST, SECOND)
    assert await asyncio.gather(migrated(quay), migrated(quay), migrated(quay)) == ["0002"] * 3


async def test_a_revision_that_fails_leaves_the_schema_as_it_was(quay: ThrowawayService) -> None:
    quay.write(FIRST)
    await migrated(quay)
    quay.write(SECOND, BROKEN)
    with pytest.raises(AdministrationError, match=f"migrate {quay.name}: division by zero"):
        await migrated(quay)
    assert await columns(quay) == ["name", "owner"]
    with pytest.raises(SchemaBehind):
        await checked(quay)


async def test_a_service_does_not_start_on_a_schema_that_is_behind(quay: ThrowawayService) -> None:
    quay.write(FIRST, SECOND)
    with pytest.raises(SchemaBehind, match="is at no revision and must be at 0002: plimsoll migrate"):
        await checked(quay)
    await migrated(quay, "0001")
    with pytest.raises(SchemaBehind, match="is at 0001 and must be at 0002: plimsoll migrate"):
        await checked(quay)


async def test_older_code_refuses_a_newer_schema_and_leaves_it_alone(quay: ThrowawayService) -> None:
    quay.write(FIRST, SECOND)
    await migrated(quay)
    (quay.versions / "0001.py").unlink()
    assert head_revision(quay.name, quay.services) == "0001"
    for attempt in (
        checked(quay),
        migrated(quay),
        downgrade(quay.admin_url, quay.name, "base", quay.services),
    ):
        with pytest.raises(SchemaUnknown, match="at revision 0002, which this version of plimsoll does not know"):
            await attempt
    assert await columns(quay) == ["length", "name", "owner"]


async def test_another_administrator_is_waited_for_and_not_for_ever(quay: ThrowawayService) -> None:
    quay.write(FIRST)
    async with administration(quay.admin_url, f"migrate {quay.name}"):
        waiting = asyncio.create_task(migrated(quay))
        with pytest.raises(AdministrationError, match="something else held a lock for too long; try again"):
            async with administration(quay.admin_url, f"migrate {quay.name}", wait="200ms"):
                raise AssertionError("two had the lock")
        assert not waiting.done()
    assert await waiting == "0001"


async def test_an_unknown_target_or_service_is_named(quay: ThrowawayService) -> None:
    quay.write(FIRST)
    with pytest.raises(ValueError, match="target: '0007' is not a revision of quay"):
        await migrated(quay, "0007")
    with pytest.raises(ValueError, match="service: 'kwai' is none of"):
        await migrate(quay.admin_url, "kwai", services=quay.services)


async def test_a_service_without_revisions_has_nothing_to_migrate(quay: ThrowawayService) -> None:
    assert await migrated(quay) is None
    assert head_revision(quay.name, quay.services) is None
    assert await checked(quay) is None


def test_two_newest_revisions_are_refused(tmp_path: Path) -> None:
    service = ThrowawayService("quay", tmp_path, "")
    service.versions.mkdir(parents=True)
    service.write(FIRST, SECOND, SECOND.replace('"0002"', '"0002b"'))
    with pytest.raises(ValueError, match="service quay has two newest revisions: 0002, 0002b"):
        head_revision("quay", tmp_path)
    service.write('revision = "0003"\ndown_revision = ("0002", "0002b")\n')
    assert head_revision("quay", tmp_path) == "0003"


def test_a_file_without_a_revision_is_named(tmp_path: Path) -> None:
    service = ThrowawayService("quay", tmp_path, "")
    service.versions.mkdir(parents=True)
    service.write('revision = "0001"\n')
    with pytest.raises(ValueError, match=r"0000.py does not state revision and down_revision"):
        revisions("quay", tmp_path)


def test_a_service_that_only_compares_revisions_does_not_import_alembic() -> None:
    code = "import sys, chassis.migrations as m; m.head_revision('portfolio'); sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
