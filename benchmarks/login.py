"""What a login costs beyond its Argon2 hash, and that no other call pays for one; through the gateway, one at a time.

The hash alone is measured in the same run and in turn with the logins, because both are at the mercy of whatever else
the machine does. A wrong password and an unknown address stand beside the login: their times must not tell them apart.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import httpx

from benchmarks.measurement import CannotMeasure, Case, Measurement
from cli.stack import embedded
from cli.stack.settings import StackSettings
from cli.stack.stack import Stack
from services.portfolio.application.passwords import Passwords

ROUNDS = 60
EMAIL, PASSWORD, WRONG = "bench@example.com", "a long enough password", "another password"
Call = Callable[[], Awaitable[object]]


def measure(rounds: int = ROUNDS) -> Measurement:
    """Measures a stack of its own.

    Raises:
        CannotMeasure: a call was not answered as it should be.
    """
    measured: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
        os.environ["PLIMSOLL_RATE_LIMITS"] = "off"  # the services inherit it
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user when we are root
        settings = StackSettings(home=Path(folder) / "home").on_free_ports()

        async def body(stack: Stack) -> None:
            async with httpx.AsyncClient(base_url=stack.gateway_url, trust_env=False, timeout=30) as client:
                measured.update(await _in_turn(await _calls(client), rounds))

        embedded.run(settings, body)
    argon2 = median(measured["Argon2 alone"])
    cases = [Case(name, _figures(seconds, argon2)) for name, seconds in measured.items()]
    return Measurement("login", f"{rounds} calls of each kind, one at a time, REST through the gateway", cases)


async def _calls(client: httpx.AsyncClient) -> dict[str, Call]:
    """Give what is measured, by name."""
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)

    async def login(email: str, password: str, status: int) -> str:
        answer = await client.post("/api/v1/auth/login", json={"email": email, "password": password})
        return str(_expect(answer, status).get("access_token", ""))

    async def read(path: str, header: str, secret: str) -> None:
        _expect(await client.get(path, headers={header: secret}), 200)

    _expect(await client.post("/api/v1/auth/register", json={"email": EMAIL, "password": PASSWORD}), 200)
    token = f"Bearer {await login(EMAIL, PASSWORD, 200)}"
    wanted = {"name": "bench", "scope": "READ"}
    made = await client.post("/api/v1/auth/api-keys", json=wanted, headers={"authorization": token})
    key = str(_expect(made, 200)["key"])
    return {
        "Argon2 alone": lambda: passwords.verify(stored, PASSWORD),
        "login": lambda: login(EMAIL, PASSWORD, 200),
        "login, wrong password": lambda: login(EMAIL, WRONG, 401),
        "login, unknown address": lambda: login("nobody@example.com", WRONG, 401),
        "own account, by token": lambda: read("/api/v1/auth/me", "authorization", token),
        "own account, by API key": lambda: read("/api/v1/auth/me", "x-api-key", key),
        "portfolios, by token": lambda: read("/api/v1/management/portfolios", "authorization", token),
    }


async def _in_turn(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Time each call in each round; the first round is thrown away."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            await call()
            seconds[name].append(time.perf_counter() - start)
    return {name: taken[1:] for name, taken in seconds.items()}


def _expect(answer: httpx.Response, status: int) -> dict[str, object]:
    if answer.status_code != status:
        raise CannotMeasure(f"{answer.request.url.path} answers {answer.status_code}: {answer.text}")
    body: dict[str, object] = answer.json()
    return body


def _figures(seconds: list[float], argon2: float) -> dict[str, float]:
    p50 = median(seconds)
    p95 = sorted(seconds)[int(0.95 * len(seconds))]
    return {"p50_ms": 1e3 * p50, "p95_ms": 1e3 * p95, "p50_beyond_argon2_ms": 1e3 * (p50 - argon2)}


def measure_from_command_line(arguments: list[str]) -> Measurement:
    """Measures what the command line asks for; see `python -m benchmarks login --help`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks login", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="calls of each kind (default: %(default)s)")
    return measure(parser.parse_args(arguments).rounds)
