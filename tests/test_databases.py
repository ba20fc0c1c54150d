"""The database fixtures give what a service meets in earnest, and each test its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.chassis.throwaway_service import FIRST, ThrowawayService, execute
from tests.databases import Databases, make_home, remove_home

AS_ANN = "SELECT set_config('plimsoll.user_id', 'ann', false)"


@pytest.fixture
def pier(tmp_path: Path) -> Path:
    """Give a folder of services with one in it."""
    service = ThrowawayService("pier", tmp_path, "")
    service.versions.mkdir(parents=True)
    service.write(FIRST)
    return tmp_path


async def test_each_database_is_migrated_and_a_world_of_its_own(postgres: Databases, pier: Path) -> None:
    one, two = (postgres.create("pier", pier) for _ in range(2))
    await execute(one, AS_ANN, "INSERT INTO berth VALUES ('one', 'ann')")
    assert await execute(one, AS_ANN, "SELECT name FROM berth") == [("one",)]
    assert await execute(two, AS_ANN, "SELECT name FROM berth") == []
    assert await execute(postgres.admin_url(one), "SELECT name FROM pier.berth") == [("one",)]
    for url in (one, two):
        postgres.drop(url)
    names = [make_url(url).database for url in (one, two)]
    left = f"SELECT count(*) FROM pg_database WHERE datname IN ('{names[0]}', '{names[1]}')"
    assert await execute(postgres.admin_url(), left) == [(0,)]


async def test_a_service_logs_in_as_its_application_role(
    database_url: Callable[[str], str], admin_url: Callable[[str], str]
) -> None:
    url = database_url("risk")
    assert await execute(url, "SELECT session_user::text, current_schema()::text") == [("risk_app", "risk")]
    assert await execute(admin_url(url), "SELECT session_user::text, current_database()::text") == [
        ("postgres", make_url(url).database)
    ]


def test_a_home_is_removed_with_what_it_links_to(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = make_home()
    (home / "postgres").symlink_to(elsewhere)
    remove_home(home)
    assert not home.exists()
    assert not elsewhere.exists()
