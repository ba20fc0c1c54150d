"""The whole stack as processes: `plimsoll up` on free ports in a home of its own, with the bundled prices."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from tests.databases import make_home, remove_home
from tests.services.portfolio import plaid_stub
from tests.services.portfolio.plaid_stub import PlaidStub
from tests.signals import heed_signals

PLIMSOLL = Path(sys.executable).with_name("plimsoll")
PASSWORD = "a long enough password"
PATIENCE_SECONDS = 600
"""How long anything here may take that ends at all. A machine with more work than cores is slow, not broken."""
OFFLINE = {"PLIMSOLL_FRED_ENABLED": "false"}
"""No test asks a provider of market data out there."""
NO_TLS = False
"""No test of the stack speaks TLS, and reading every root certificate takes longer than most calls."""
SIGNED_IN_SECONDS = 300
"""For so long a token is used again. It lives three times as long."""


@dataclass
class Running:
    """A stack that runs, and how to reach it."""

    home: Path
    supervisor: subprocess.Popen[bytes]
    sessions: dict[str, tuple[float, str]] = field(default_factory=dict)
    """When somebody signed in last, by the clock that never goes back, and with which token; by address."""

    @property
    def record(self) -> dict[str, Any]:
        """What runs now, as the stack itself says."""
        record: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return record

    def address(self, part: str) -> str:
        """Where a part listens."""
        return next(p["address"] for p in self.record["parts"] if p["name"] == part)

    def pid(self, part: str) -> int:
        """The process of a part."""
        return next(p["pid"] for p in self.record["parts"] if p["name"] == part)

    @property
    def url(self) -> str:
        """Where REST clients go."""
        return f"http://{self.address('gateway')}"

    def client(self, token: str = "", **options: Any) -> httpx.Client:
        """A REST client, signed in by a bearer token if one is given."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS, verify=NO_TLS, **options)

    def sign_up(self, email: str) -> str:
        """Make an account, and give its access token."""
        credentials = {"email": email, "password": PASSWORD}
        with self.client() as client:
            answer = client.post("/api/v1/auth/register", json=credentials)
            assert answer.status_code in (200, 409), answer.text
            session = client.post("/api/v1/auth/login", json=credentials)
            assert session.status_code == 200, session.text
        return str(session.json()["access_token"])

    def signed_in(self, email: str) -> str:
        """Give an access token of an account, which is made if need be: passwords take long to check, on purpose."""
        since, token = self.sessions.get(email, (0.0, ""))
        if not token or time.monotonic() - since > SIGNED_IN_SECONDS:
            token = self.sign_up(email)
            self.sessions[email] = time.monotonic(), token
        return token


def environment(home: Path) -> dict[str, str]:
    """What a stack of a test sees: nothing of the developer's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    # Tests call faster than anybody may; those about limits start a stack, or a service, of their own.
    return {**kept, "PLIMSOLL_HOME": str(home), "PLIMSOLL_DRAIN_SECONDS": "3", "PLIMSOLL_RATE_LIMITS": "off"} | OFFLINE


def start(home: Path, *arguments: str, settings: Mapping[str, str] | None = None) -> Running:
    """Start a stack, with further settings, and wait until its gateway says that all is well."""
    log = (home / "up.log").open("ab")
    seen = {**environment(home), **(settings or {})}
    up = [PLIMSOLL, "up", "--free-ports", *arguments]
    supervisor = subprocess.Popen(up, env=seen, stdout=log, stderr=subprocess.STDOUT, preexec_fn=heed_signals)
    running = Running(home, supervisor)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _healthy(running):
        if supervisor.poll() is not None or time.monotonic() > deadline:
            supervisor.kill()
            pytest.fail("the stack did not start:\n" + (home / "up.log").read_text()[-4000:])
        time.sleep(0.1)
    return running


def _healthy(running: Running) -> bool:
    try:
        return httpx.get(f"{running.url}/healthz", timeout=10, verify=NO_TLS).status_code == 200
    except (OSError, StopIteration, ValueError, httpx.HTTPError):
        return False


def stop(running: Running, number: int = signal.SIGTERM) -> int:
    """Stop a stack, and give its exit code."""
    running.supervisor.send_signal(number)
    return running.supervisor.wait(PATIENCE_SECONDS)


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `plimsoll` command on a home."""
    return subprocess.run(
        [PLIMSOLL, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def processes_of(home: Path) -> list[str]:
    """Command lines of the living processes of a home: its name is in their arguments or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if str(home).encode() in told and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:
            continue
    return found


def wait_until(condition: Any, what: str) -> None:
    """Poll until something is so, and fail with what was waited for if it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE_SECONDS} s: {what}")
        time.sleep(0.05)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home for a stack that the test starts itself."""
    folder = make_home()
    yield folder
    if left := processes_of(folder):
        pytest.fail("left behind:\n" + "\n".join(left))
    remove_home(folder)


@pytest.fixture(scope="session")
def stack() -> Iterator[Running]:
    """A stack with bundled prices and a local Plaid, shared by the tests that leave it as it is."""
    folder = make_home()
    with plaid_stub.running(PlaidStub()) as plaid:
        running = start(folder, settings=plaid_stub.settings(plaid))
        try:
            synced = command(folder, "sync")
            assert synced.returncode == 0, synced.stdout + synced.stderr
            yield running
        finally:
            code = stop(running)
            left = processes_of(folder)
            remove_home(folder)
    assert code == 0
    assert not left, left


@pytest.fixture
def token(stack: Running) -> str:
    """A user's access token."""
    return stack.signed_in("tess@example.com")


async def call(address: str, method: str, request: Any, answer: Any, metadata: Any = ()) -> Any:
    """Call an RPC by its path, as a client without our stubs would."""
    async with grpc.aio.insecure_channel(address) as channel:
        unary = channel.unary_unary(method, type(request).SerializeToString, answer.FromString)
        return await asyncio.wait_for(
            unary(request, metadata=list(metadata), timeout=PATIENCE_SECONDS), PATIENCE_SECONDS
        )
