"""The demo's client comes back when it is told to."""

import httpx
import pytest

from cli.demo.rest import PATIENCE, Api, ApiError
from tests.cli.demo.conftest import BASE_URL, refused


class Busy:
    """Answers so many calls with 429 before it answers one."""

    def __init__(self, refusals: int, **headers: str) -> None:
        self.refusals = refusals
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.content)
        if len(self.bodies) <= self.refusals:
            answer = refused(429, 8, "more than 10 calls in a second", "RATE_LIMITED")
            answer.headers.update(self.headers)
            return answer
        return httpx.Response(200, json={"done": True})


async def test_a_call_that_came_too_soon_is_made_again_as_it_was() -> None:
    busy = Busy(2, retry_after="0")
    async with Api(BASE_URL, httpx.MockTransport(busy)) as api:
        assert await api.upload("/upload", b"a,b\n", "text/csv") == {"done": True}
    assert busy.bodies == [b"a,b\n"] * 3


async def test_patience_ends() -> None:
    busy = Busy(100, retry_after="0")
    async with Api(BASE_URL, httpx.MockTransport(busy)) as api:
        with pytest.raises(ApiError, match="RATE_LIMITED"):
            await api.get("/anything")
    assert len(busy.bodies) == PATIENCE + 1


async def test_who_is_not_told_when_does_not_come_back() -> None:
    busy = Busy(100)
    async with Api(BASE_URL, httpx.MockTransport(busy)) as api:
        with pytest.raises(ApiError, match="RATE_LIMITED"):
            await api.get("/anything")
    assert len(busy.bodies) == 1
