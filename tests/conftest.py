"""Fixtures for everybody: databases of an embedded PostgreSQL that starts when the first test asks for one."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.databases import Databases

# How long an example takes says how busy the machine is. Speed is measured in benchmarks.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


COVERED_BY = ("tests/riskmath/", "tests/chassis/")
FIRST = ("tests/system/", "tests/cli/stack/", "tests/cli/demo/", "tests/services/risk/", "tests/gateway/")
"""What takes longest stands first, so that no worker ends long after the others."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, and those that share the stack of tests/system: it is started once.

    Those begin at once, because they are the longest of all. Coverage is told of what our libraries' own tests reach:
    tracing takes longer than many a test of a service.
    """
    items.sort(key=lambda item: (not _shares_the_stack(item), _place(item.nodeid)))
    for item in items:
        together = "the stack" if _shares_the_stack(item) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(together))
        if not item.nodeid.startswith(COVERED_BY):
            item.add_marker(pytest.mark.no_cover)


def _shares_the_stack(item: pytest.Item) -> bool:
    return item.nodeid.startswith("tests/system/") and "stack" in getattr(item, "fixturenames", ())


def _place(nodeid: str) -> int:
    return next((place for place, folder in enumerate(FIRST) if nodeid.startswith(folder)), len(FIRST))


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Databases]":
    """The test server: `postgres.create(service)` gives a database for longer than one test."""
    from cli.stack.postgres import EmbeddedPostgres
    from tests import databases

    databases.remove_abandoned_homes()
    home = databases.make_home()
    try:
        with EmbeddedPostgres(home, settings=databases.SETTINGS) as server:
            yield databases.Databases(server)
    finally:
        databases.remove_home(home)


@pytest.fixture
def database_url(postgres: "Databases") -> Iterator[Callable[[str], str]]:
    """`database_url(service)`: a fresh, migrated database for one test; logs in as the application role."""
    urls = []

    def create(service: str) -> str:
        urls.append(postgres.create(service))
        return urls[-1]

    yield create
    for url in urls:
        postgres.drop(url)


@pytest.fixture
def admin_url(postgres: "Databases") -> Callable[[str], str]:
    """`admin_url(url)`: the superuser's login to the database of a URL from `database_url`."""
    return postgres.admin_url
