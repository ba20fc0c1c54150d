"""Proof of who calls: access tokens of users, and service tokens between services.

An access token is a JWT signed with Ed25519 by identity; every service verifies it on its own against identity's
public keys. A service token is a JWT signed with the key that all services of one installation share. The two travel
in different metadata and are verified by different code, so neither can pass for the other.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import jwt
from cachetools import LRUCache

from chassis.call import Principal
from chassis.errors import PermissionDenied, Unauthenticated
from chassis.public_keys import KEYS_KEPT_SECONDS as KEYS_KEPT_SECONDS  # for who signs: what its verifiers go by
from chassis.public_keys import KeySet, PublicKeys

ALGORITHM = "EdDSA"
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "jti", "role", "scope", "tier"]
LONGEST_TOKEN = 8192
SERVICE_TOKEN_SECONDS = 60
VERIFIED_TOKENS_KEPT = 4096
VERIFIED_SERVICES_KEPT = 64
"""Each calling process has one at a time."""


class TokenVerifier:
    """Verifies access tokens against the public keys of identity."""

    def __init__(
        self,
        issuer: str,
        audience: str | Sequence[str],
        fetch_keys: Callable[[], Awaitable[KeySet]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = PublicKeys(fetch_keys, clock)
        # A signature check costs 0.1 ms; the same token comes with every call of a session.
        self._verified: LRUCache[str, tuple[Principal, float, str]] = LRUCache(VERIFIED_TOKENS_KEPT)

    async def verify(self, token: str) -> Principal:
        """Give the caller that a token proves.

        Raises:
            Unauthenticated: the token is expired, forged, damaged or meant for somebody else.
            Unavailable: identity, which alone knows, does not answer.
        """
        if known := self._verified.get(token):
            principal, expires, kid = known
            if time.time() < expires and self._keys.fresh(kid):
                return principal
            del self._verified[token]
        kid = _key_id(token)
        claims = self._decode(token, await self._keys.get(kid))
        principal = _principal(claims)
        self._verified[token] = principal, float(claims["exp"]), kid
        return principal

    def _decode(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key=key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                # A clock of identity's that runs a second ahead must not lock out who has just signed in.
                options={"require": REQUIRED_CLAIMS, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("TOKEN_EXPIRED", "the access token has expired: refresh it") from None
        except jwt.PyJWTError as error:
            raise Unauthenticated("TOKEN_INVALID", f"the access token is not valid: {error}") from None


def _principal(claims: dict[str, Any]) -> Principal:
    return Principal(
        user_id=claims["sub"],
        role=claims["role"],
        scopes=frozenset(str(claims["scope"]).split()),
        tier=str(claims["tier"]),
        actor=str(claims.get("act", {}).get("sub", "")),
        login_time=float(claims.get("auth_time", 0)),
    )


def _key_id(token: str) -> str:
    """Give the id of the key that a token says it is signed with."""
    if len(token) > LONGEST_TOKEN:
        raise Unauthenticated("TOKEN_INVALID", "the access token is too long to be one of ours")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthenticated("TOKEN_INVALID", "the access token is not a JSON Web Token") from None
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(kid, str):
        raise Unauthenticated("TOKEN_INVALID", f"the access token is not signed with {ALGORITHM} by a named key")
    return kid


class ServiceTokens:
    """Mints and verifies the tokens by which one service proves itself to another."""

    def __init__(self, service: str, key: str) -> None:
        self._service = service
        self._key = key
        self._minted: dict[str, tuple[str, float]] = {}
        self._verified: LRUCache[str, tuple[str, float]] = LRUCache(VERIFIED_SERVICES_KEPT)

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
            PermissionDenied: it is not, or the token is expired or forged. Not Unauthenticated, which would reach the
                user on whose behalf the service calls, and tell him to sign in again.
        """
        if (known := self._verified.get(token)) and time.time() < known[1]:
            return known[0]
        options: Any = {"require": ["exp", "iss", "aud"], "verify_iat": False}
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], audience=self._service, options=options)
        except jwt.PyJWTError as error:
            message = f"the service token is not valid: {error}"
            raise PermissionDenied("PERMISSION_INSUFFICIENT", message, needs="a service token") from None
        self._verified[token] = str(claims["iss"]), float(claims["exp"])
        return str(claims["iss"])
