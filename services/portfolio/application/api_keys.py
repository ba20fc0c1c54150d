"""API keys: made and shown once, kept by hash, exchanged for short-lived access tokens.

A key is 256 random bits, so one SHA-256 is hash enough: there is nothing to guess, and an exchange must be quick.
"""

import datetime
import hashlib
import secrets
import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import api_keys as keys
from chassis.call import Principal
from chassis.database import Database
from chassis.errors import FailedPrecondition, NotFound
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.application.rights import require_person
from services.portfolio.application.signing import Signer, StandIn
from services.portfolio.domain.api_key import MOST_KEYS, SHOWN, ApiKey, Scope
from services.portfolio.ports import Clock
from services.portfolio.storage import api_keys, users

TOKEN_LIFE = datetime.timedelta(seconds=keys.TOKEN_SECONDS)


class ApiKeys:
    """The API keys of this installation."""

    def __init__(self, database: Database, signer: Signer, audit: AuditLog, clock: Clock) -> None:
        self._database = database
        self._signer = signer
        self._audit = audit
        self._clock = clock

    async def create(self, owner: Principal, name: str, scope: Scope, life: datetime.timedelta) -> tuple[ApiKey, str]:
        """Make a key; give what is kept of it, and the key.

        Raises:
            PermissionDenied: a key asks for another.
            FailedPrecondition: the owner has as many as there may be.
            NotFound: the account was deleted or disabled since the access token was signed.
        """
        require_person(owner)
        secret = keys.PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        key = ApiKey(str(uuid.uuid4()), owner.user_id, name, secret[:SHOWN], scope, now, now + life, None)
        async with self._database.transaction(owner.user_id) as connection:
            if await users.get(connection, owner.user_id) is None:
                raise NotFound("account", owner.user_id)
            if await api_keys.count(connection, owner.user_id) >= MOST_KEYS:
                message = f"there may be {MOST_KEYS} API keys at a time: delete one first"
                raise FailedPrecondition("LIMIT_REACHED", message, resource="API key", limit=MOST_KEYS)
            await api_keys.add(connection, key, _hash(secret))
            await self._audit.record(connection, "api_key_created", owner.user_id, **_told(key))
        return key, secret

    async def delete(self, connection: AsyncConnection, owner: Principal, api_key_id: str) -> None:
        """Delete a key of its owner's.

        Raises:
            PermissionDenied: a key asks for it.
            NotFound: there is none, or it is another's.
        """
        require_person(owner)
        key = await api_keys.remove(connection, owner.user_id, api_key_id)
        await self._audit.record(connection, "api_key_deleted", owner.user_id, **_told(key))

    async def exchange(self, secret: str) -> tuple[str, datetime.datetime]:
        """Give an access token of the owner of a key, and when it ends.

        Raises:
            Unauthenticated: the key is unknown or expired, or its owner's account is disabled.
        """
        async with self._database.transaction() as connection:
            key = await api_keys.by_hash(connection, _hash(secret))
            user = await users.get(connection, key.user_id) if key else None
        if key is None or user is None or key.expires_time <= self._clock():
            raise keys.refused()
        async with self._database.transaction(key.user_id) as connection:
            await api_keys.note_use(connection, key.api_key_id)
        stand_in = StandIn(f"api_key:{key.api_key_id}", writes=key.scope == "write", life=TOKEN_LIFE)
        return await self._signer.stand_in_token(user, stand_in)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _told(key: ApiKey) -> dict[str, str]:
    return {"api_key_id": key.api_key_id, "name": key.name, "scope": key.scope}
