"""What users may ask of what is kept of them: all of it as one document, and the end of it."""

import json
from collections.abc import Mapping

from chassis.call import Principal
from chassis.database import Database
from chassis.errors import NotFound
from services.portfolio.application.audit_log import AuditLog, ReadEvent
from services.portfolio.application.rights import require_person, require_recent_login
from services.portfolio.ports import Clock
from services.portfolio.storage import events, personal, users


class Leaving:
    """Exports accounts, and ends them."""

    def __init__(self, database: Database, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    async def export(self, user_id: str) -> str:
        """Give everything that this service keeps of a user, as a JSON document.

        Raises:
            NotFound: the account was deleted or disabled since the access token was signed.
        """
        async with self._database.transaction(user_id) as connection:
            if await users.get(connection, user_id) is None:
                raise NotFound("account", user_id)
            await self._audit.record(connection, "account_exported", user_id)
            tables = await personal.rows_of(connection, user_id)
            log = [_line(line) for line in await self._audit.about(connection, user_id)]
        return _document({"user_id": user_id, "exported_time": self._clock().isoformat(), "audit_log": log}, tables)

    async def delete(self, principal: Principal) -> None:
        """End an account with everything that it owns; one that is gone already has ended.

        Raises:
            PermissionDenied: an API key asks for it.
            Unauthenticated: the login was not just now.
        """
        require_person(principal)
        require_recent_login(principal, self._clock())
        async with self._database.transaction(principal.user_id) as connection:
            if await users.remove(connection, principal.user_id):
                await self._audit.record(connection, "account_deleted", principal.user_id)
                await events.user_deleted(connection, principal.user_id)


def _line(line: ReadEvent) -> dict[str, object]:
    event = line.event
    told = {"event_time": event.event_time.isoformat(), "action": event.action, "origin": event.origin}
    return {**told, "actor_id": event.actor_id, "details": dict(line.details)}


def _document(said: Mapping[str, object], tables: Mapping[str, str]) -> str:
    """Put the document together; rows come as JSON from the database, with every digit of a number."""
    parts = {**{name: json.dumps(value) for name, value in said.items()}, **tables}
    return "{" + ",\n".join(f"{json.dumps(name)}: {value}" for name, value in parts.items()) + "}\n"
