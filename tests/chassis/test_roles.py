"""Each service is alone in its schema, its application role cannot change it, and the bootstrap can always be run."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import make_url

from chassis.migrations import migrate
from chassis.roles import AdministrationError, create_database, create_roles
from tests.chassis.throwaway_service import FIRST, PASSWORD, ThrowawayService, execute, throwaway_service
from tests.databases import Databases


@pytest.fixture
async def quay(postgres: Databases, tmp_path: Path) -> AsyncIterator[ThrowawayService]:
    async with throwaway_service(postgres.admin_url(), tmp_path) as service:
        service.write(FIRST)
        await migrate(service.admin_url, service.name, services=service.services)
        yield service


async def test_the_application_role_logs_in_to_its_own_schema(quay: ThrowawayService) -> None:
    rows = await execute(quay.app_url, "SELECT current_user::text, current_schema()::text")
    assert rows == [(f"{quay.name}_app", quay.name)]


async def test_the_application_role_cannot_change_the_schema(quay: ThrowawayService) -> None:
    for statement in (
        "CREATE TABLE mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "DROP TABLE berth",
        "ALTER TABLE berth DISABLE ROW LEVEL SECURITY",
        "DELETE FROM berth",
        f"SET ROLE {quay.name}_owner",
        "UPDATE alembic_version SET version_num = '0009'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(quay.app_url, statement)


async def test_no_role_reaches_into_the_schema_of_another_service(quay: ThrowawayService) -> None:
    mole = f"{quay.name}_mole"
    await create_roles(quay.admin_url, [mole], {mole: PASSWORD})
    visitor = quay.app_url.replace(f"{quay.name}_app", f"{mole}_app")
    assert await execute(visitor, "SELECT 1") == [(1,)]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"permission denied for schema {quay.name}"):
        await execute(visitor, f"SELECT * FROM {quay.name}.berth")
    grants = """
        SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) grant_
        WHERE n.nspname = $1 AND grant_.grantee NOT IN (to_regrole($1 || '_owner'), to_regrole($1 || '_app'))
    """.replace("$1", f"'{quay.name}'")
    assert await execute(quay.admin_url, grants) == [(0,)]


async def test_a_database_is_closed_to_roles_it_was_not_opened_to(quay: ThrowawayService, postgres: Databases) -> None:
    other = await create_database(postgres.admin_url(), f"{quay.name}_other")
    await create_roles(other, [])
    stranger = make_url(quay.app_url).set(database=f"{quay.name}_other").render_as_string(hide_password=False)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await execute(stranger, "SELECT 1")


async def test_row_level_security_shows_a_user_his_own_rows_alone(quay: ThrowawayService) -> None:
    write = "INSERT INTO berth VALUES ('one', 'ann'), ('two', 'ann')"
    read = "SELECT name FROM berth ORDER BY name"
    ann, bob, nobody = (f"SELECT set_config('plimsoll.user_id', '{user}', false)" for user in ("ann", "bob", ""))
    await execute(quay.app_url, ann, write)
    assert await execute(quay.app_url, ann, read) == [("one",), ("two",)]
    assert await execute(quay.app_url, bob, read) == []
    assert await execute(quay.app_url, nobody, read) == []
    assert await execute(quay.app_url, read) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await execute(quay.app_url, bob, "INSERT INTO berth VALUES ('three', 'ann')")
    # FORCE: not even the owner of the table sees them.
    assert await execute(quay.admin_url, f"SET ROLE {quay.name}_owner", f"SELECT * FROM {quay.name}.berth") == []


async def test_it_can_be_run_again_and_leaves_a_login_alone(quay: ThrowawayService) -> None:
    await create_roles(quay.admin_url, [quay.name])
    assert await create_database(quay.admin_url, quay.name) == quay.admin_url
    assert await execute(quay.app_url, "SELECT 1") == [(1,)]
    await create_roles(quay.admin_url, [quay.name], {quay.name: "another"})
    with pytest.raises(asyncpg.InvalidPasswordError):
        await execute(quay.app_url, "SELECT 1")


async def test_it_can_be_run_by_many_at_once(quay: ThrowawayService, postgres: Databases) -> None:
    name = f"{quay.name}_many"
    urls = await asyncio.gather(*(create_database(postgres.admin_url(), name) for _ in range(4)))
    services = [f"{name}_a", f"{name}_b"]
    await asyncio.gather(*(create_roles(url, services, dict.fromkeys(services, PASSWORD)) for url in urls))
    rows = await execute(urls[0], f"SELECT nspname::text FROM pg_namespace WHERE nspname LIKE '{name}%' ORDER BY 1")
    assert rows == [(service,) for service in services]


async def test_an_administrator_who_is_no_superuser_is_enough(
    quay: ThrowawayService, postgres: Databases, tmp_path: Path
) -> None:
    admin, database = f"{quay.name}_admin", f"{quay.name}_managed"
    await execute(postgres.admin_url(), f"CREATE ROLE {admin} LOGIN CREATEROLE PASSWORD 'p'", "SELECT 1")
    await execute(postgres.admin_url(), f"CREATE DATABASE {database} OWNER {admin}", "SELECT 1")
    url = make_url(quay.admin_url).set(username=admin, password="p", database=database).render_as_string(False)
    service = ThrowawayService(f"{quay.name}_m", tmp_path, url)
    service.versions.mkdir(parents=True)
    service.write(FIRST)
    for _ in range(2):
        assert await create_database(url, database) == url
        await create_roles(url, [service.name])
        assert await migrate(url, service.name, services=tmp_path) == "0001"
    assert await execute(url, f"SET ROLE {service.name}_app", "SELECT current_user::text") == [(f"{service.name}_app",)]
    with pytest.raises(AdministrationError, match="permission denied to create database"):
        await create_database(url, f"{database}_2")
    foreign = postgres.admin_url(url)
    await execute(
        foreign, "ALTER SCHEMA public OWNER TO postgres", "GRANT USAGE ON SCHEMA public TO PUBLIC", "SELECT 1"
    )
    with pytest.raises(AdministrationError, match=r"schema public .* is open to everybody and belongs to postgres"):
        await create_roles(url, [service.name])


async def test_a_role_without_a_password_cannot_log_in(quay: ThrowawayService) -> None:
    mole = f"{quay.name}_mole"
    await create_roles(quay.admin_url, [mole])
    logins = f"SELECT rolname::text FROM pg_roles WHERE rolcanlogin AND rolname LIKE '{quay.name}%'"
    assert await execute(quay.admin_url, logins) == [(f"{quay.name}_app",)]


async def test_a_name_that_is_none_is_refused_before_anything_is_done(quay: ThrowawayService) -> None:
    with pytest.raises(ValueError, match="'quay; DROP ROLE x' must be lower-case letters"):
        await create_roles(quay.admin_url, ["quay; DROP ROLE x"])


async def test_what_the_database_refuses_is_said(quay: ThrowawayService) -> None:
    wrong = quay.admin_url.replace(quote(make_url(quay.admin_url).password or ""), "wrong")
    with pytest.raises(AdministrationError, match="password authentication failed"):
        await create_roles(wrong, [quay.name])
    with pytest.raises(AdministrationError, match=r"_app does not own database quay_.*: use the login that does"):
        await create_roles(quay.app_url, [quay.name])
    with pytest.raises(AdministrationError, match=r"the database at 127.0.0.1:1 does not answer"):
        await create_roles("postgresql://a:b@127.0.0.1:1/c", [quay.name])


async def test_a_login_that_is_told_to_act_as_the_application_role_does(quay: ThrowawayService) -> None:
    connection = await asyncpg.connect(quay.admin_url, server_settings={"role": f"{quay.name}_app"})
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"DROP TABLE {quay.name}.berth")
    finally:
        await connection.close()
