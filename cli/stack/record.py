"""What runs in a home, written down for the other commands and for tests. It holds no secret."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cli.stack.home import Home
from cli.stack.keeper import State
from cli.stack.lock import owner


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One part."""

    name: str
    state: State
    address: str
    """host:port"""
    pid: int | None
    restart_count: int


@dataclass(frozen=True, slots=True)
class StackRecord:
    """A supervisor and its parts, in the order in which they are started."""

    pid: int
    parts: tuple[PartRecord, ...]

    def address(self, part: str) -> str:
        """Give where a part listens, host:port.

        Raises:
            LookupError: the stack has no such part.
        """
        for record in self.parts:
            if record.name == part:
                return record.address
        raise LookupError(f"the stack has no part named {part}")

    @property
    def gateway_url(self) -> str:
        """Where REST clients go."""
        return f"http://{self.address('gateway')}"


def write(path: Path, record: StackRecord) -> None:
    """Replace the record; a reader sees the old one or the new one."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    draft.replace(path)


def running(home: Home) -> StackRecord | None:
    """Give the stack that runs in a home now; None when none does, or when it has only just begun.

    A record that a killed supervisor left behind does not count: it is true only while its writer holds the lock.
    """
    supervisor = owner(home.lock)
    try:
        record = msgspec.json.decode(home.record.read_bytes(), type=StackRecord)
    except FileNotFoundError:
        return None
    return record if supervisor is not None and record.pid == supervisor else None
