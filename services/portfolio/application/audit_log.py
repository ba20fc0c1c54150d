"""The audit log: who did what to whose account.

A line holds pseudonymous ids; what is personal is sealed with the key of the user concerned. Lines are added in the
transaction of what they tell of, and chained a little later (audit_chain.py): to chain each insert would put every
writer in one queue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import serving
from services.portfolio.application.user_keys import UserKeys
from services.portfolio.domain.audit import Action, AuditEvent, Origin
from services.portfolio.storage import audit_log
from services.portfolio.storage.audit_log import ListedEvent

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The id of no user: nothing can be sealed for it."""


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """A line of the log with what is personal in it, as far as anybody can read that."""

    event: AuditEvent
    details: Mapping[str, str]
    erased: bool
    """Whether the subject's key is gone, and what it sealed with it."""
    seal_number: int


class AuditLog:
    """Adds lines to the log, and reads them."""

    def __init__(self, keys: UserKeys) -> None:
        self._keys = keys

    async def record(
        self,
        connection: AsyncConnection,
        action: Action,
        subject_id: str | None,
        actor_id: str | None = None,
        **more: str,
    ) -> None:
        """Add a line about what the present call does, or the command line where there is no call.

        Args:
            connection: the transaction of the change.
            action: what happens.
            subject_id: whose account it happens to. None: nobody's that is known; then nothing personal is kept.
            actor_id: who does it, where that is not the caller: someone who is just about to sign in.
            more: what else is worth telling, which only the subject's key opens.
        """
        call = serving()
        principal = call.principal if call else None
        if call:
            more |= {"client_address": call.client_address, "request_id": call.request_id}
        if principal and principal.actor:
            more["actor"] = principal.actor
        # A line about nobody costs what one about somebody costs: time must not tell whether an account exists.
        payload = await self._keys.seal(connection, subject_id or NOBODY, more) if more else None
        actor = principal.user_id if principal else actor_id
        await audit_log.add(
            connection, action, _origin(principal.actor if principal else "", call is None), actor, subject_id, payload
        )

    async def page(
        self, connection: AsyncConnection, before: int | None, size: int, user_id: str = ""
    ) -> list[ReadEvent]:
        """Give lines from the newest on; those before an id, and those in which a user has a part, if asked for."""
        return await self._read(connection, await audit_log.page(connection, before, size, user_id))

    async def about(self, connection: AsyncConnection, user_id: str) -> list[ReadEvent]:
        """Give every line about a user, the oldest first."""
        return await self._read(connection, await audit_log.about(connection, user_id))

    async def _read(self, connection: AsyncConnection, found: Sequence[ListedEvent]) -> list[ReadEvent]:
        sealed = [
            (listed.event.subject_id, listed.event.sealed_payload)
            for listed in found
            if listed.event.subject_id and listed.event.sealed_payload is not None
        ]
        opened = iter(await self._keys.open(connection, sealed))
        read = []
        for listed in found:
            details = next(opened) if listed.event.sealed_payload is not None else {}
            read.append(ReadEvent(listed.event, details or {}, details is None, listed.seal_number))
        return read


def _origin(actor: str, outside: bool) -> Origin:
    if outside:
        return "operator"
    kind = actor.partition(":")[0]
    return "api_key" if kind == "api_key" else "service" if kind == "service" else "user"
