"""The audit log: its lines, and the chain of hashes that shows whether one was changed, dropped or slipped in."""

import datetime
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Origin = Literal["user", "api_key", "service", "operator"]
Action = Literal[
    "account_created",
    "account_deleted",
    "account_exported",
    "api_key_created",
    "api_key_deleted",
    "identity_linked",
    "login_refused",
    "password_changed",
    "password_reset",
    "session_copied",
    "session_ended",
    "session_opened",
    "tier_set",
    "user_disabled",
    "user_enabled",
]
NO_HASH = bytes(32)
"""What the first seal follows."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line."""

    event_id: int
    event_time: datetime.datetime
    action: str
    origin: Origin
    actor_id: str | None
    subject_id: str | None
    sealed_payload: bytes | None
    """What is personal, encrypted with the subject's key."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain: which lines it seals, and the hash of them and of the link before."""

    seal_number: int
    event_ids: tuple[int, ...]
    previous_hash: bytes
    hash: bytes


def seal(after: Seal | None, events: Iterable[AuditEvent]) -> Seal:
    """Chain lines to a seal; the first seal follows none."""
    sealed = sorted(events, key=lambda event: event.event_id)
    previous = after.hash if after else NO_HASH
    number = after.seal_number + 1 if after else 1
    return Seal(number, tuple(event.event_id for event in sealed), previous, chain_hash(previous, number, sealed))


def chain_hash(previous: bytes, number: int, events: Iterable[AuditEvent]) -> bytes:
    """Give the SHA-256 of a link: the hash before it, its number, and every line with all that is stored of it."""
    digest = hashlib.sha256(previous + number.to_bytes(8))
    for event in events:
        digest.update(json.dumps(_stored(event), separators=(",", ":")).encode() + b"\n")
    return digest.digest()


def _stored(event: AuditEvent) -> list[object]:
    return [
        event.event_id,
        event.event_time.astimezone(datetime.UTC).isoformat(timespec="microseconds"),
        event.action,
        event.origin,
        event.actor_id,
        event.subject_id,
        event.sealed_payload.hex() if event.sealed_payload is not None else None,
    ]
