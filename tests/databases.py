"""PostgreSQL for tests: one embedded server per pytest process, a migrated template per service, clones of it per test.

Every pytest-xdist worker has a server of its own: one starts in half a second, and sharing one would need an owner that
outlives each of them. The server's watchdog ends it when pytest is killed.
"""

import asyncio
import fcntl
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, make_url

from chassis.migrations import SERVICES, migrate
from chassis.roles import create_database, create_roles
from cli.stack.postgres import EmbeddedPostgres

T = TypeVar("T")
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
"""What the databases of all workers take together, and more."""
HOME_PREFIX = "plimsoll-test-"
ABANDONED_AFTER_SECONDS = 3600
# A test's data need not survive a power cut.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "128MB",
}


class Databases:
    """The databases of one test server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._templates: dict[tuple[str, Path], str] = {}
        self._numbers = itertools.count(1)

    def create(self, service: str, services: Path = SERVICES) -> str:
        """Give a fresh database with the service's migrations; the URL logs in as its application role."""
        template = self._templates.get((service, services)) or self._create_template(service, services)
        name = f"{service}_{next(self._numbers)}"
        wait_for(self._clone(service, template, name))
        return _render(make_url(self.admin_url()).set(username=f"{service}_app", password=_password(service)), name)

    def drop(self, url: str) -> None:
        """Remove a database that `create` gave, whoever is still connected."""
        wait_for(self._execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'))

    def admin_url(self, url: str = "") -> str:
        """Give the superuser's login to the database of a URL, or to the server."""
        return _render(make_url(self._server.admin_url), make_url(url).database if url else "postgres")

    def _create_template(self, service: str, services: Path) -> str:
        name = f"template_{service}_{len(self._templates)}"
        wait_for(_build_template(self.admin_url(), name, service, services))
        self._templates[service, services] = name
        return name

    async def _clone(self, service: str, template: str, name: str) -> None:
        # Rights on the database itself are not cloned. Files are copied: through the log takes twice as long.
        await self._execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy',
            f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
            f'GRANT CONNECT ON DATABASE "{name}" TO {service}_app',
        )

    async def _execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.admin_url())
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own: fixtures are called from tests with and without a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def homes() -> Path:
    """Where homes stand: in memory where there is room, as a thousand databases of a test each are slow on a disk."""
    try:
        roomy = shutil.disk_usage(MEMORY).free > ROOM_BYTES and os.access(MEMORY, os.W_OK)
    except OSError:
        roomy = False
    return MEMORY if roomy else Path(tempfile.gettempdir())


def make_home() -> Path:
    """Make a folder for a test server that an unprivileged account can reach too, as pytest's own cannot be."""
    home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX, dir=homes()))
    home.chmod(0o755)
    return home


def remove_home(home: Path) -> None:
    """Remove a home with its database, which may stand elsewhere."""
    database = home / "postgres"
    if database.is_symlink():
        shutil.rmtree(database.resolve())
    shutil.rmtree(home)


def remove_abandoned_homes() -> None:
    """Remove what test runs left that were killed."""
    for home in homes().glob(f"{HOME_PREFIX}*"):
        lock = home / "postgres" / "lock"
        try:
            if time.time() - home.stat().st_mtime < ABANDONED_AFTER_SECONDS or not lock.exists():
                continue
            with lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_home(home)
        except OSError:
            continue  # in use, somebody else's, or being removed by another worker


async def _build_template(admin_url: str, name: str, service: str, services: Path) -> None:
    url = await create_database(admin_url, name)
    await create_roles(url, [service], {service: _password(service)})
    await migrate(url, service, services=services)


def _password(service: str) -> str:
    return f"the-password-of-{service}"


def _render(url: URL, database: str | None) -> str:
    return url.set(database=database).render_as_string(hide_password=False)
