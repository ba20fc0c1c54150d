"""The embedded PostgreSQL: a server of our own for machines that have none.

It listens on the loopback interface alone and trusts nobody: every login is by SCRAM. Between it and us stands a
watchdog (watchdog.py), which stops it when we end, however we end.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.stack import watchdog
from cli.stack.errors import PortTaken, StackError
from cli.stack.postgres_binaries import complaint, programs_for
from cli.stack.postgres_folder import Folder, folder_in

HOST = "127.0.0.1"
START_SECONDS = 60.0
"""After a crash the server first replays its log."""
STOP_SECONDS = watchdog.ORDERLY_SECONDS + 5.0
PORT_ATTEMPTS = 5
SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "512MB",
    "fsync": "on",
    # Our queries are short: compiling them, and processes that read ahead for them, cost more than they save.
    "jit": "off",
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, YMD",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
    "logging_collector": "off",
}


class EmbeddedPostgres:
    """One server and its data, in a home folder.

    `start` and `stop` block; `stop` may be called from another thread while `start` has not returned yet.
    """

    def __init__(self, home: Path, port: int = 0, settings: Mapping[str, str] | None = None) -> None:
        """Prepare a server that keeps its data below `home`.

        Args:
            home: made when it does not exist.
            port: 0 takes a free one, and keeps it over later starts of this object.
            settings: server settings that replace or add to `SETTINGS`.
        """
        self._home = home
        self._wanted_port = port
        self._settings = {**SETTINGS, **(settings or {})}
        self._port = port
        self._password = ""
        self._folder: Folder | None = None
        self._lock: int | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._unwanted = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def admin_url(self) -> str:
        """How the superuser connects."""
        return f"postgresql://postgres:{self._password}@{HOST}:{self._port}/postgres"

    @property
    def port(self) -> int:
        """Where it listens; 0 before the first start when any free port will do."""
        return self._port

    @property
    def log(self) -> Path:
        """The file with what it says; the older part is beside it, named `.1`."""
        return self._started.log

    @property
    def pid(self) -> int | None:
        """The process that ends when the server does; None when it does not run."""
        return self._watchdog.pid if self._watchdog and self._watchdog.poll() is None else None

    def start(self) -> None:
        """Start the server, making its database cluster at the first start; return when it answers.

        Raises:
            AlreadyRunning: another stack uses this home.
            PortTaken: something else listens on the port.
            StackError: it cannot run, for a reason that the message tells.
        """
        with self._starting:
            if self.pid is not None:
                return
            self._close()
            self._unwanted.clear()
            try:
                self._open()
            except OSError as error:
                self._close()
                where = f": {error.filename}" if error.filename else ""
                raise StackError(f"cannot run a database in {self._home}: {error.strerror}{where}") from error
            except BaseException:
                self._close()
                raise

    def wait(self) -> int:
        """Wait until the server has ended; return its exit code."""
        assert self._watchdog is not None
        return self._watchdog.wait()

    def stop(self) -> None:
        """Stop the server; what was committed is kept. Nothing of it runs afterwards."""
        self._unwanted.set()
        self._ask_to_stop()
        with self._starting:
            self._close()

    @property
    def _started(self) -> Folder:
        assert self._folder is not None, "the server was not started"
        return self._folder

    def _open(self) -> None:
        self._folder = folder = folder_in(self._home)
        self._lock = folder.lock()
        programs = programs_for(folder.account, folder.path)
        self._password = folder.password()
        if folder.data.exists():
            folder.check_version()
            _end_orphans(folder.data)
        else:
            folder.create_cluster(programs, self._password)
        self._launch_on_a_port(programs / "postgres", 1 if self._wanted_port else PORT_ATTEMPTS)

    def _launch_on_a_port(self, program: Path, attempts: int) -> None:
        self._port = self._port or _free_port()
        try:
            self._launch(program)
        except PortTaken:
            if attempts == 1:
                raise
            self._port = 0  # it was free a moment ago: take another
            self._launch_on_a_port(program, attempts - 1)

    def _launch(self, program: Path) -> None:
        folder = self._started
        assert self._lock is not None
        options = [f"--{name}={value}" for name, value in {**self._settings, "port": str(self._port)}.items()]
        account = folder.account
        user = f"{account.uid}:{account.gid}" if account.is_other else ""
        script = [sys.executable, "-I", "-S", watchdog.__file__, str(folder.log), str(folder.data), user]
        self._watchdog = subprocess.Popen(  # noqa: S603 - our own script; no shell
            [*script, str(program), "-D", str(folder.data), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            pass_fds=[self._lock],
            start_new_session=True,  # Ctrl-C at a terminal is for the owner, who stops the services before the server
        )
        if self._unwanted.is_set():
            self._ask_to_stop()
        said = self._first_words()
        if said == "ready":
            return
        self._end_watchdog()
        if "Address already in use" in said:
            raise PortTaken(f"PostgreSQL cannot listen on {HOST}:{self._port}: another program does")
        raise StackError(f"PostgreSQL did not start in {folder.path}: {complaint(said)}")

    def _first_words(self) -> str:
        """Wait until the watchdog reports."""
        assert self._watchdog is not None
        assert self._watchdog.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._watchdog.stdout, selectors.EVENT_READ)
            if not selector.select(START_SECONDS):
                return f"FATAL: not ready after {START_SECONDS:g} s; see {self._started.log}"
        return os.read(self._watchdog.stdout.fileno(), 65536).decode(errors="replace").strip()

    def _ask_to_stop(self) -> None:
        running = self._watchdog
        if running and running.stdin:
            # A watchdog that has ended has nobody left to stop.
            with contextlib.suppress(BrokenPipeError, ValueError):
                os.write(running.stdin.fileno(), watchdog.STOP)

    def _end_watchdog(self) -> None:
        if self._watchdog is None:
            return
        self._ask_to_stop()
        try:
            self._watchdog.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()
            self._watchdog.wait()
        for pipe in (self._watchdog.stdin, self._watchdog.stdout):
            assert pipe is not None
            pipe.close()
        self._watchdog = None

    def _close(self) -> None:
        self._end_watchdog()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _end_orphans(data: Path) -> None:
    """Clear away what an earlier crash left: the lock says that nobody owns it."""
    for number, patience in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0)):
        watchdog.send(watchdog.server_pids(data), number)
        deadline = time.monotonic() + patience
        while watchdog.server_pids(data) and time.monotonic() < deadline:
            time.sleep(0.05)
    if watchdog.server_pids(data):
        raise StackError(f"a PostgreSQL of an earlier run still uses {data} and cannot be ended")
    # Nobody works here, so the note of a running server is stale, even if its number now belongs to a stranger.
    if Path("/proc/self/cwd").exists():
        (data / "postmaster.pid").unlink(missing_ok=True)
