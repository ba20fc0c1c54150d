"""Many writers at once, through the gateway: nothing that was acknowledged is lost or done twice."""

import os
import random
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.system.conftest import PATIENCE_SECONDS, Running, command, start, stop, wait_until

PORTFOLIOS = "/api/v1/management/portfolios"
POSITIONS = "/api/v1/management/positions"
WRITERS, EDITS = 10, 20
KILLS = 5 if "PLIMSOLL_SOAK" in os.environ else 2
ACKNOWLEDGED_BETWEEN_KILLS = 60
GIVEN_UP = (409, 502, 503, 504)
"""What a caller may be told who has to try again: somebody is at it, or nobody is there."""


def make_portfolio(client: httpx.Client) -> str:
    return str(client.post(PORTFOLIOS, json={"name": f"Contested {uuid.uuid4()}"}).json()["portfolio_id"])


def new(quantity: float) -> dict[str, Any]:
    return {"symbol": "AAPL", "quantity": quantity, "entry_price": 100, "entry_date": "2022-01-03"}


def listed(client: httpx.Client, portfolio_id: str) -> list[dict[str, Any]]:
    return pages(client, POSITIONS, "positions", portfolio_id=portfolio_id)


def pages(client: httpx.Client, path: str, field: str, **asked: str) -> list[dict[str, Any]]:
    found, token = [], ""
    while True:
        page = client.get(path, params={**asked, "page_size": "500", "page_token": token}).json()
        found += page[field]
        if not (token := page["next_page_token"]):
            return found


def test_ten_writers_of_one_portfolio_lose_nothing(stack: Running, token: str):
    """Each reads before it writes: an edit lands on what was read, or is refused with a stale revision."""
    with stack.client(token, limits=httpx.Limits(max_connections=WRITERS)) as client:
        portfolio_id = make_portfolio(client)
        body = {"portfolio_id": portfolio_id, "positions": [new(1000)] * 3}
        made = [p["position_id"] for p in client.post(f"{POSITIONS}:batchCreate", json=body).json()["positions"]]

        def edit(position_id: str) -> httpx.Response:
            read = client.get(f"{POSITIONS}/{position_id}")
            body = {"quantity": read.json()["quantity"] + 1}
            return client.patch(f"{POSITIONS}/{position_id}", json=body, headers={"if-match": read.headers["etag"]})

        def write(seed: int) -> list[tuple[str, httpx.Response]]:
            choices = random.Random(seed)
            chosen = [choices.choice(made) for _ in range(EDITS)]
            return [(position_id, edit(position_id)) for position_id in chosen]

        with ThreadPoolExecutor(WRITERS) as pool:
            edits = [edited for done in pool.map(write, range(WRITERS)) for edited in done]
        landed = [position_id for position_id, answer in edits if answer.status_code == 200]
        refused = [answer for _, answer in edits if answer.status_code == 409 and "STALE_REVISION" in answer.text]
        assert len(landed) + len(refused) == WRITERS * EDITS
        assert landed
        after = {position["position_id"]: position["quantity"] for position in listed(client, portfolio_id)}
        assert after == {position_id: 1000 + landed.count(position_id) for position_id in made}
        assert client.get(f"{PORTFOLIOS}/{portfolio_id}").json()["revision"] == 2 + len(landed)


def test_fifty_parallel_requests_with_one_key_have_one_effect(stack: Running, token: str):
    headers = {"idempotency-key": str(uuid.uuid4())}
    with stack.client(token, limits=httpx.Limits(max_connections=50)) as client:
        body = {"portfolio_id": make_portfolio(client), "position": new(7)}

        def create(_: int) -> httpx.Response:
            return client.post(POSITIONS, json=body, headers=headers)

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(create, range(50)))
        done = [answer.json() for answer in answers if answer.status_code == 200]
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert done
        assert done == [create(0).json()] * len(done)
        assert listed(client, body["portfolio_id"]) == done[:1]
        other = client.post(POSITIONS, json={**body, "position": new(8)}, headers=headers)
        assert (other.status_code, "IDEMPOTENCY_KEY_REUSED" in other.text) == (400, True)


class Writers:
    """Writers that never stop, each with a key for every write, and what of it was acknowledged."""

    def __init__(self, client: httpx.Client, portfolio_id: str) -> None:
        self._client = client
        self._portfolio_id = portfolio_id
        self._enough = threading.Event()
        self.acknowledged: list[float] = []
        self.refused: list[int] = []

    def write(self, writer: int) -> None:
        """Enter positions, each with a quantity of its own, until there are enough; try each until it is in."""
        for turn in range(100_000):
            quantity = 1 + writer * 100_000 + turn
            while not self._enter(quantity):
                threading.Event().wait(0.1)
            self.acknowledged.append(quantity)
            if self._enough.is_set():
                return

    def stop(self) -> None:
        self._enough.set()

    def _enter(self, quantity: int) -> bool:
        body = {"portfolio_id": self._portfolio_id, "position": new(quantity)}
        try:
            answer = self._client.post(POSITIONS, json=body, headers={"idempotency-key": f"write {quantity}"})
        except httpx.TransportError:
            return False
        if answer.status_code not in (200, *GIVEN_UP):
            self.stop()
            raise AssertionError(answer.text)
        self.refused += [answer.status_code] * (answer.status_code != 200)
        return answer.status_code == 200


def test_no_acknowledged_write_is_lost_when_the_service_is_killed(home: Path):
    running = start(home)
    try:
        synced = command(home, "sync")
        assert synced.returncode == 0, synced.stdout + synced.stderr
        with running.client(running.sign_up("tess@example.com")) as client, ThreadPoolExecutor(WRITERS) as pool:
            portfolio_id = make_portfolio(client)
            writers = Writers(client, portfolio_id)
            at_work = [pool.submit(writers.write, writer) for writer in range(WRITERS)]
            try:
                for _ in range(KILLS):
                    enough = len(writers.acknowledged) + ACKNOWLEDGED_BETWEEN_KILLS
                    wait_until(lambda enough=enough: len(writers.acknowledged) >= enough, "writes land")
                    os.kill(running.pid("portfolio"), signal.SIGKILL)
            finally:
                writers.stop()
            for done in at_work:
                done.result(timeout=PATIENCE_SECONDS)
            assert writers.refused, "the service was missed"
            entered = [position["quantity"] for position in listed(client, portfolio_id)]
            assert sorted(entered) == sorted(writers.acknowledged)
            assert client.get(f"{PORTFOLIOS}/{portfolio_id}").json()["revision"] == 1 + len(entered)
            changes = pages(client, f"{PORTFOLIOS}/{portfolio_id}/changes", "changes", subjects="POSITION")
            assert len({change["subject_id"] for change in changes}) == len(changes) == len(entered)
    finally:
        code = stop(running)
    assert code == 0
