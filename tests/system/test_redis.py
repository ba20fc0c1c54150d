"""A Redis that is named in the settings and absent, frozen or dead: no request may fail for it, nor wait long."""

from collections.abc import Iterator

import httpx
import pytest

from tests.chassis.redis_server import RedisServer
from tests.databases import make_home, remove_home
from tests.system import conftest
from tests.system.conftest import Running, processes_of, wait_until

PATHS = ("/api/v1/auth/me", "/api/v1/management/portfolios", "/api/v1/marketdata/instruments")
PER_MINUTE = 100_000


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis that is not started yet."""
    folder = make_home()
    server = RedisServer(folder)
    yield server
    server.kill()
    remove_home(folder)


@pytest.fixture(scope="module")
def shared(redis: RedisServer) -> Iterator[Running]:
    """A stack that counts in a Redis, which is absent when the stack starts."""
    folder = make_home()
    settings = {
        "REDIS_URL": redis.url,
        "PLIMSOLL_RATE_LIMITS": "on",
        "PLIMSOLL_CALLS_PER_SECOND": "1000",
        "PLIMSOLL_CALLS_PER_MINUTE_REGISTERED": str(PER_MINUTE),
    }
    running = conftest.start(folder, settings=settings)
    try:
        yield running
    finally:
        conftest.stop(running)
        left = processes_of(folder)
        remove_home(folder)
    assert not left, left


def all_answered(client: httpx.Client, rounds: int = 5) -> None:
    for _ in range(rounds):
        for path in PATHS:
            answer = client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            assert int(answer.headers["x-ratelimit-remaining"]) < PER_MINUTE


def test_whatever_becomes_of_redis_every_request_is_answered(shared: Running, redis: RedisServer):
    with shared.client(shared.sign_up("patient@example.com")) as client:
        all_answered(client)  # absent
        redis.start()

        def counted_there() -> bool:
            all_answered(client, 1)
            return bool(redis.keys("plimsoll:portfolio:count:*"))

        wait_until(counted_there, "Redis is used once it is there")
        all_answered(client)
        redis.freeze()
        all_answered(client)
        assert client.post("/api/v1/auth/login", json=credentials("patient@example.com")).status_code == 200
        redis.thaw()
        redis.kill()
        all_answered(client)
        redis.start()
        wait_until(counted_there, "Redis is used again")


def credentials(email: str) -> dict[str, str]:
    return {"email": email, "password": conftest.PASSWORD}
