"""Signing access tokens, and the keys that do it.

Keys live in the database, encrypted; every process of this service reads them again once a minute, so that a key made
by one is known to all. A key is published for a while before it signs: verifiers that keep keys for five minutes then
know it in time.
"""

import datetime
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.database import Database
from chassis.errors import CannotStart
from chassis.tokens import ALGORITHM, KEYS_KEPT_SECONDS
from services.portfolio.application.sealing import base64url, box
from services.portfolio.domain.user import User
from services.portfolio.ports import Clock
from services.portfolio.storage import signing_keys
from services.portfolio.storage.signing_keys import StoredKey

REREAD_SECONDS = 60.0
PUBLISHED_BEFORE = datetime.timedelta(seconds=2 * KEYS_KEPT_SECONDS)
KEYS_KEPT = 2
"""Live keys: the one that signs, and the one before it (or the next), whose tokens are still in use."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, ready to sign."""

    kid: str
    private_key: Ed25519PrivateKey
    public_key: bytes
    signs_from: datetime.datetime


@dataclass(frozen=True, slots=True)
class StandIn:
    """What acts in a user's stead, and how far it may go."""

    actor: str
    """`api_key:` or `service:`, and which one."""
    writes: bool
    life: datetime.timedelta
    audiences: tuple[str, ...] = ()
    """The services that shall take the token, by name. None: all of them, as for a user."""


class Signer:
    """Signs access tokens with the newest key whose time has come, and publishes all."""

    def __init__(
        self,
        database: Database,
        secret: str,
        issuer: str,
        life_seconds: int,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._box = box(secret, "signing keys")
        self._issuer = issuer
        self._life = datetime.timedelta(seconds=life_seconds)
        self._clock = clock
        self._monotonic = monotonic
        self._keys: list[SigningKey] = []
        self._read = float("-inf")

    async def session_token(self, user: User, login_time: datetime.datetime) -> str:
        """Sign a token that proves a user for a while, in a session that began with a login."""
        claims = {
            "aud": self._issuer,
            "role": user.role,
            "scope": "read write",
            "auth_time": int(login_time.timestamp()),
        }
        return await self._sign(user, claims, self._clock() + self._life)

    async def stand_in_token(self, user: User, stand_in: StandIn) -> tuple[str, datetime.datetime]:
        """Sign a token for what acts in a user's stead, as a member and never as an admin; say when it ends."""
        expires = self._clock() + stand_in.life
        claims: dict[str, Any] = {"aud": list(stand_in.audiences) or self._issuer, "role": "member"}
        claims |= {"scope": "read write" if stand_in.writes else "read", "act": {"sub": stand_in.actor}}
        return await self._sign(user, claims, expires), expires

    async def _sign(self, user: User, claims: dict[str, Any], expires: datetime.datetime) -> str:
        now = self._clock()
        keys = await self._current()
        key = [key for key in keys if key.signs_from <= now][-1]
        claims |= {"iss": self._issuer, "sub": user.user_id, "tier": user.tier}
        claims |= {"iat": now, "exp": expires, "jti": secrets.token_urlsafe(12)}
        return jwt.encode(claims, key.private_key, algorithm=ALGORITHM, headers={"kid": key.kid})

    async def key_set(self) -> dict[str, Any]:
        """Give the public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "alg": ALGORITHM,
                    "use": "sig",
                    "kid": key.kid,
                    "x": base64url(key.public_key),
                }
                for key in await self._current()
            ]
        }

    async def prepare(self) -> None:
        """Make the first key of an installation, and check that the stored keys can be read.

        Raises:
            CannotStart: they cannot, with the secret of the settings.
        """
        async with self._database.transaction() as connection:
            await signing_keys.lock(connection)
            if not await signing_keys.every(connection):
                await signing_keys.add(connection, self._new_key(self._clock()))
        await self._current()

    async def rotate(self) -> str:
        """Make the next key, which signs once every verifier must know it; drop keys that signed before the last.

        Returns:
            The new key's id.
        """
        async with self._database.transaction() as connection:
            await signing_keys.lock(connection)
            made = self._new_key(self._clock() + PUBLISHED_BEFORE)
            await signing_keys.add(connection, made)
            stored = await signing_keys.every(connection)
            await signing_keys.drop(connection, [key.kid for key in stored[:-KEYS_KEPT]])
        self._read = float("-inf")
        return made.kid

    async def _current(self) -> list[SigningKey]:
        if self._monotonic() - self._read > REREAD_SECONDS:
            async with self._database.transaction() as connection:
                stored = await signing_keys.every(connection)
            self._keys = [self._open(key) for key in stored]
            self._read = self._monotonic()
        return self._keys

    def _new_key(self, signs_from: datetime.datetime) -> StoredKey:
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        sealed = self._box.encrypt(private.private_bytes_raw())
        return StoredKey(secrets.token_hex(8), public, sealed, signs_from)

    def _open(self, key: StoredKey) -> SigningKey:
        try:
            raw = self._box.decrypt(key.encrypted_private_key)
        except InvalidToken:
            message = f"signing key {key.kid} cannot be read with this PLIMSOLL_KEY_SECRET"
            raise CannotStart(message) from None
        return SigningKey(key.kid, Ed25519PrivateKey.from_private_bytes(raw), key.public_key, key.signs_from)
