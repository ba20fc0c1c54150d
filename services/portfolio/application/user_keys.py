"""One key for each user, which what is personal in append-only logs is encrypted with.

A log must not be edited, and a person may ask to be forgotten: when the user goes, so does the key, and what it sealed
can be read by nobody. The keys themselves are kept encrypted with the secret of the installation.
"""

import json
from collections.abc import Iterable, Mapping

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import CannotStart
from services.portfolio.application.sealing import box
from services.portfolio.storage import user_keys


class UserKeys:
    """Seals with the keys of users, and opens."""

    def __init__(self, secret: str) -> None:
        self._box = box(secret, "user keys")

    async def seal(self, connection: AsyncConnection, user_id: str, personal: Mapping[str, str]) -> bytes | None:
        """Encrypt what is personal to a user; makes the key at its first use. None: there is no such user."""
        stored = await user_keys.get_or_add(connection, user_id, self._box.encrypt(Fernet.generate_key()))
        if stored is None:
            return None
        return self._open(stored).encrypt(json.dumps(dict(personal), sort_keys=True).encode())

    async def open(
        self, connection: AsyncConnection, sealed: Iterable[tuple[str, bytes]]
    ) -> list[dict[str, str] | None]:
        """Decrypt what was sealed for users, in order; None where the user is gone, and the key with them."""
        wanted = list(sealed)
        stored = await user_keys.of_users(connection, {user_id for user_id, _ in wanted})
        keys = {user_id: self._open(key) for user_id, key in stored.items()}
        return [json.loads(keys[user_id].decrypt(payload)) if user_id in keys else None for user_id, payload in wanted]

    def _open(self, stored: bytes) -> Fernet:
        try:
            return Fernet(self._box.decrypt(stored))
        except InvalidToken:
            raise CannotStart("the keys of users cannot be read with this PLIMSOLL_KEY_SECRET") from None
