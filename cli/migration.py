"""`plimsoll migrate`: roles and schemas of the services, made or brought up to date."""

import asyncio

from cli.stack.credentials import Credentials
from cli.stack.databases import DATABASED, given_urls, prepare, prepare_embedded
from cli.stack.home import Home
from cli.stack.lock import HomeLock
from cli.stack.settings import StackSettings


def migrate(settings: StackSettings) -> dict[str, str | None]:
    """Migrate the databases that the settings name, and the embedded one for the services that name none.

    Returns:
        By service, the revision that its schema has now.

    Raises:
        StackError: a database refuses, or a running stack has the embedded one; it was migrated as that started.
    """
    given = given_urls(settings)
    embedded = [service for service in DATABASED if service not in given]
    revisions = asyncio.run(prepare(given, {}))
    return {**revisions, **_migrate_embedded(settings, embedded)} if embedded else revisions


def _migrate_embedded(settings: StackSettings, services: list[str]) -> dict[str, str | None]:
    from cli.stack.postgres import EmbeddedPostgres

    home = Home(settings.home)
    home.prepare()
    lock = HomeLock(home.lock)
    lock.take()
    try:
        with EmbeddedPostgres(home.folder, settings.postgres_port) as server:
            return asyncio.run(prepare_embedded(server.admin_url, services, Credentials(home.secrets)))
    finally:
        lock.release()
