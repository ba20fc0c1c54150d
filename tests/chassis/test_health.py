"""Whether a service is well: all it depends on is asked at once, and nothing may keep it waiting."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib.metadata import version

import pytest

from chassis.health import Dependency, Health
from plimsoll.common.v1.service_health_pb2 import ServiceHealth

UP, DOWN, OFF = ServiceHealth.UP, ServiceHealth.DOWN, ServiceHealth.OFF


async def answers() -> None:
    """Answer, as a dependency that is well does."""


async def hangs() -> None:
    await asyncio.Event().wait()


def fails(error: Exception) -> Callable[[], Awaitable[object]]:
    async def probe() -> None:
        raise error

    return probe


async def test_a_service_without_dependencies_is_well() -> None:
    report = await Health("harbour", schema_revision="0003").report()
    expected = ServiceHealth(service="harbour", version=version("plimsoll"), healthy=True, schema_revision="0003")
    assert report == expected


async def test_dependencies_are_listed_by_name_with_their_states() -> None:
    dependencies = [
        Dependency("sea", answers),
        Dependency("lighthouse", None),
        Dependency("database", fails(OSError("refused"))),
        Dependency("crane", fails(ValueError("broken")), optional=True),
    ]
    report = await Health("harbour", dependencies).report()
    found = [(dependency.name, dependency.state, dependency.optional) for dependency in report.dependencies]
    assert found == [("crane", DOWN, True), ("database", DOWN, False), ("lighthouse", OFF, False), ("sea", UP, False)]
    assert report.healthy is False


@pytest.mark.parametrize(
    ("dependency", "healthy"),
    [
        (Dependency("a", answers), True),
        (Dependency("a", answers, optional=True), True),
        (Dependency("a", None), True),
        (Dependency("a", fails(OSError()), optional=True), True),
        (Dependency("a", fails(OSError())), False),
        (Dependency("a", fails(TimeoutError())), False),
    ],
)
async def test_only_what_cannot_be_done_without_decides(dependency: Dependency, *, healthy: bool) -> None:
    assert (await Health("harbour", [dependency]).report()).healthy is healthy


async def test_dependencies_that_hang_are_waited_for_together_and_not_long() -> None:
    dependencies = [Dependency(str(number), hangs, optional=True) for number in range(20)]
    async with asyncio.timeout(5):  # one after the other it would be 10 s
        report = await Health("harbour", [*dependencies, Dependency("well", answers)]).report()
    assert [dependency.state for dependency in report.dependencies] == [DOWN] * 20 + [UP]
    assert report.healthy is True


async def test_why_something_does_not_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    report = await Health("harbour", [Dependency("sea", fails(OSError("no water")))]).report()
    assert "sea does not answer: OSError('no water')" in caplog.text
    assert "no water" not in str(report)


async def test_who_asks_may_go_away() -> None:
    stopped = asyncio.Event()

    async def hangs_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    asking = asyncio.create_task(Health("harbour", [Dependency("sea", hangs_on)]).report())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    async with asyncio.timeout(5):
        await stopped.wait()


async def test_dependencies_are_asked_once_a_second_however_many_ask_for_the_health():
    now, asked = [0.0], []

    async def answers() -> None:
        asked.append(now[0])

    health = Health("harbour", [Dependency("sea", answers)], clock=lambda: now[0])
    await asyncio.gather(*(health.report() for _ in range(5)))
    now[0] = 0.9
    assert (await health.report()).healthy
    now[0] = 1.1
    assert (await health.report()).healthy
    assert asked == [0.0, 1.1]
