"""Proof of who calls: access tokens of users, and service tokens between services.

An access token is a JWT signed with Ed25519 by identity; every service verifies it on its own against identity's
public keys. A service token is a JWT signed with the key that all services of one installation share. The two travel
in different metadata and are verified by different code, so neither can pass for the other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt
from cachetools import LRUCache

from chassis.call import Principal
from chassis.errors import Unauthenticated

ALGORITHM = "EdDSA"
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "jti", "role", "scope"]
LONGEST_TOKEN = 8192
KEYS_KEPT_SECONDS = 300.0
"""How long public keys are trusted without asking again; a new key is published this long before it signs."""
REFETCH_SECONDS = 5.0
"""An unknown key id makes us ask again, at most this often: a flood of forged ids must not reach identity."""
SERVICE_TOKEN_SECONDS = 60
VERIFIED_TOKENS_KEPT = 4096

KeySet = Mapping[str, Any]
"""A JSON Web Key Set (RFC 7517)."""


class TokenVerifier:
    """Verifies access tokens against the public keys of identity, which it fetches when first needed."""

    def __init__(self, issuer: str, audience: str, fetch_keys: Callable[[], Awaitable[KeySet]]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._fetch_keys = fetch_keys
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()
        # A signature check costs 0.1 ms; the same token comes with every call of a session.
        self._verified: LRUCache[str, tuple[Principal, float]] = LRUCache(VERIFIED_TOKENS_KEPT)

    async def verify(self, token: str) -> Principal:
        """Give the caller that a token proves.

        Raises:
            Unauthenticated: the token is expired, forged, damaged or meant for somebody else.
        """
        if known := self._verified.get(token):
            principal, expires = known
            if time.time() < expires and self._fresh():
                return principal
            del self._verified[token]
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("TOKEN_INVALID", "the access token is too long to be one of ours")
        claims = self._decode(token, await self._key(token))
        principal = Principal(claims["sub"], claims["role"], frozenset(str(claims["scope"]).split()))
        self._verified[token] = principal, float(claims["exp"])
        return principal

    def _fresh(self) -> bool:
        return time.monotonic() - self._fetched < KEYS_KEPT_SECONDS

    def _decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key=key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": REQUIRED_CLAIMS},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("TOKEN_EXPIRED", "the access token has expired: refresh it") from None
        except jwt.PyJWTError as error:
            raise Unauthenticated("TOKEN_INVALID", f"the access token is not valid: {error}") from None

    async def _key(self, token: str) -> jwt.PyJWK:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthenticated("TOKEN_INVALID", "the access token is not a JSON Web Token") from None
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise Unauthenticated("TOKEN_INVALID", f"the access token is not signed with {ALGORITHM} by a named key")
        if not self._fresh() or kid not in self._keys:
            await self._refresh(kid)
        if key := self._keys.get(kid):
            return key
        raise Unauthenticated("TOKEN_INVALID", "the access token is signed by a key that we do not know")

    async def _refresh(self, kid: str) -> None:
        async with self._lock:
            age = time.monotonic() - self._fetched
            if age < REFETCH_SECONDS or (kid in self._keys and self._fresh()):
                return
            keys = jwt.PyJWKSet.from_dict(dict(await self._fetch_keys()))
            self._keys = {key.key_id: key for key in keys.keys if key.key_id and key.key_type == "OKP"}
            self._fetched = time.monotonic()
            self._verified.clear()


class ServiceTokens:
    """Mints and verifies the tokens by which one service proves itself to another."""

    def __init__(self, service: str, key: str) -> None:
        self._service = service
        self._key = key
        self._minted: dict[str, tuple[str, float]] = {}

    def mint(self, audience: str) -> str:
        """Give a token for calls to a service; one token serves for half its life."""
        token, renew = self._minted.get(audience, ("", 0.0))
        now = time.time()
        if now >= renew:
            claims = {"iss": self._service, "aud": audience, "iat": int(now), "exp": int(now) + SERVICE_TOKEN_SECONDS}
            token = jwt.encode(claims, self._key, algorithm="HS256")
            self._minted[audience] = token, now + SERVICE_TOKEN_SECONDS / 2
        return token

    def verify(self, token: str) -> str:
        """Give the name of the service that a token proves, if it is meant for this service.

        Raises:
            Unauthenticated: it is not, or the token is expired or forged.
        """
        options: Any = {"require": ["exp", "iss", "aud"]}
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], audience=self._service, options=options)
        except jwt.PyJWTError as error:
            raise Unauthenticated("TOKEN_INVALID", f"the service token is not valid: {error}") from None
        return str(claims["iss"])
