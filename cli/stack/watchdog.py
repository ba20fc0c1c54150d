"""The process between the embedded PostgreSQL and its owner: starts the server, keeps its log, and ends it.

Its standard input is a pipe that nobody but the owner holds open. The pipe ends when the owner does, kill -9 included,
and the server is then stopped within five seconds; `stop` on the pipe stops it with more patience. On standard output
it says `ready` once, or what the server said where it did not come up.

It runs as a script of its own (`python -I -S watchdog.py LOG DATA USER COMMAND...`) and imports the standard library
alone: it must start in milliseconds and must not die of anything that kills its owner.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

READY = b"database system is ready to accept connections"
STOP = b"stop"
ORDERLY_SECONDS = 20.0
ABANDONED_SECONDS = 3.0
IMMEDIATE_SECONDS = 1.0
LOG_BYTES = 5_000_000
OPENING_BYTES = 8_000
PR_SET_PDEATHSIG = 1
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def server_pids(data_folder: Path) -> list[int]:
    """Find the PostgreSQL processes that work in a data folder; each of them has it as its current folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        # A process may end while we look, and those of other users are none of ours.
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == data_folder and (entry / "comm").read_text() == "postgres\n":
                found.append(int(entry.name))
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Signal processes, of which some may already be gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class BoundedLog:
    """A log of at most two files: when the first is full it becomes `<name>.1`."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._descriptor = self._open()

    def write(self, text: bytes) -> None:
        """Append; on a full disk the text is lost, because a server that can still answer must not stop for its log."""
        with contextlib.suppress(OSError):
            if os.fstat(self._descriptor).st_size + len(text) > self._limit:
                self._path.replace(f"{self._path}.1")
                full, self._descriptor = self._descriptor, self._open()
                os.close(full)
            os.write(self._descriptor, text)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class Watchdog:
    """Holds one server until it ends or must end."""

    def __init__(self, log: BoundedLog, data_folder: Path, command: list[str], user: tuple[int, int] | None) -> None:
        self._log = log
        self._data_folder = data_folder
        self._opening: bytes | None = b""
        self._deadline: float | None = None
        self._next_signal = signal.SIGQUIT
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ, self._hear_owner)
        self._selector.register(_signal_pipe(), selectors.EVENT_READ, self._hear_signal)
        self._server = _start(command, data_folder, user)
        assert self._server.stderr is not None
        self._output = self._server.stderr.fileno()
        os.set_blocking(self._output, False)
        self._selector.register(self._output, selectors.EVENT_READ, self._hear_server)

    def run(self) -> int:
        """Watch until the server has ended; return its exit code."""
        while self._server.poll() is None:
            wait = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            for key, _ in self._selector.select(wait):
                key.data(key.fd)
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._press()
        # After a crash its children may outlive it for a while, and must not when the next server starts.
        send(server_pids(self._data_folder), signal.SIGKILL)
        while self._hear_server(self._output):
            pass
        if self._opening is not None:
            _tell(self._opening)
        return self._server.returncode

    def _stop(self, patience: float) -> None:
        """Ask for a fast shutdown: open transactions are rolled back, everything committed is written."""
        deadline = time.monotonic() + patience
        if self._deadline is None:
            self._server.send_signal(signal.SIGINT)
            self._deadline = deadline
        self._deadline = min(self._deadline, deadline)

    def _press(self) -> None:
        """Patience is over: an immediate shutdown, and then the end. The next start replays the log."""
        self._server.send_signal(self._next_signal)
        self._next_signal = signal.SIGKILL
        self._deadline = time.monotonic() + IMMEDIATE_SECONDS

    def _hear_owner(self, descriptor: int) -> None:
        if os.read(descriptor, 64).startswith(STOP):
            self._stop(ORDERLY_SECONDS)
        else:
            self._selector.unregister(descriptor)
            self._stop(ABANDONED_SECONDS)

    def _hear_signal(self, descriptor: int) -> None:
        if set(os.read(descriptor, 64)) - {signal.SIGCHLD}:
            self._stop(ORDERLY_SECONDS)

    def _hear_server(self, descriptor: int) -> bool:
        """Take what the server has said; return whether there may be more."""
        try:
            text = os.read(descriptor, 65536)
        except BlockingIOError:
            return False
        if not text and descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)
        self._log.write(text)
        if self._opening is not None:
            self._opening = (self._opening + text)[-OPENING_BYTES:]
            if READY in self._opening:
                self._opening = None
                _tell(b"ready\n")
        return bool(text)


def _start(command: list[str], folder: Path, user: tuple[int, int] | None) -> "subprocess.Popen[bytes]":
    watchdog = os.getpid()
    uid, gid = user or (None, None)
    set_option = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def follow() -> None:
        # Should the watchdog itself be killed, the kernel asks the server for a fast shutdown.
        if set_option:
            set_option(PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != watchdog:
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - the command our owner gave; no shell
        command,
        cwd=folder,
        env={"LC_ALL": "C", "PATH": os.defpath},  # nothing of the owner's environment: it holds secrets
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=uid,
        group=gid,
        extra_groups=[] if user else None,
        start_new_session=True,
        preexec_fn=follow,
    )


def _signal_pipe() -> int:
    """Give a descriptor on which the numbers of arriving signals can be read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in HEARD:
        signal.signal(number, lambda *_: None)
    return reading


def _tell(text: bytes) -> None:
    # The owner may be gone; its end of the other pipe says so too, and stops the server.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, text)


def main(arguments: list[str]) -> int:
    """Run `LOG DATA USER COMMAND...`, where USER is `uid:gid` or empty for ourselves."""
    log, data_folder, user, *command = arguments
    uid, _, gid = user.partition(":")
    return Watchdog(BoundedLog(Path(log)), Path(data_folder), command, (int(uid), int(gid)) if user else None).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
