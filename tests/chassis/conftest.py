"""Fixtures of the chassis's tests: an identity that signs, and a database with tables of our own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chassis.database import Database
from tests.chassis.identity import Identity
from tests.databases import Databases

SERVICE = "portfolio"
"""A service that exists, for its roles; the schema of these tests is the one below."""
SERVICES = Path(__file__).parent / "services"


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def url(postgres: Databases) -> Iterator[str]:
    """A fresh database with the tables of tests/chassis/services; the login is the application's role."""
    created = postgres.create(SERVICE, SERVICES)
    yield created
    postgres.drop(created)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url, SERVICE, pool_size=3)
    yield opened
    await opened.close()
