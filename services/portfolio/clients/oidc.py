"""Another identity provider, over OpenID Connect: what its ID tokens say, once everything about them is checked.

Only the issuer that the settings name is ever asked, at addresses of its own discovery document; nothing that a token
says is followed. Answers are bounded in size and time, and redirects are not followed.
"""

import datetime
import hmac
import ipaddress
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import jwt

from chassis.errors import Unauthenticated
from chassis.public_keys import KeySet, PublicKeys
from services.portfolio.domain.user import ProvenIdentity

ALGORITHMS = ["RS256", "ES256"]
REQUIRED_CLAIMS = ["iss", "aud", "sub", "exp", "iat", "nonce"]
CLOCK_SKEW_SECONDS = 60
LARGEST_ANSWER = 256 << 10
TIMEOUT_SECONDS = 2.0
SHORTEST_RSA_BITS = 2048
DISCOVERY_PATH = "/.well-known/openid-configuration"


class OidcProvider:
    """The identity provider that the settings name."""

    def __init__(self, issuer: str, client_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._on_loopback = is_loopback(issuer)
        self._keys_at = ""
        self._keys = PublicKeys(self._fetch_keys, clock, key_types=("RSA", "EC"), of="the identity provider")

    async def verify(self, id_token: str, nonce: str) -> ProvenIdentity:
        """Give whom a token proves.

        Raises:
            Unauthenticated: it is not the provider's, not for us, expired, damaged, or has another nonce.
            Unavailable: the provider, which alone has its keys, does not answer.
        """
        key = await self._keys.get(_key_id(id_token))
        if key.key_type == "RSA" and key.key.key_size < SHORTEST_RSA_BITS:
            raise _invalid(f"its RSA key has {key.key.key_size} bits, which is too short")
        claims = self._decode(id_token, key)
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise _invalid("its nonce is another one")
        # A token for several audiences names the one that asked for it.
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self._client_id:
            raise _invalid("it was issued to another client")
        return ProvenIdentity(
            issuer=self.issuer,
            subject=str(claims["sub"]),
            email=str(claims.get("email", "")),
            # Providers that write it as text exist, and a text "false" is not to be taken for yes.
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name", ""))[:100],
            expires_time=datetime.datetime.fromtimestamp(claims["exp"], datetime.UTC),
        )

    def _decode(self, id_token: str, key: jwt.PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                id_token,
                key=key,
                algorithms=ALGORITHMS,
                audience=self._client_id,
                issuer=self.issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": REQUIRED_CLAIMS},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("TOKEN_EXPIRED", "the ID token has expired: sign in at the provider again") from None
        except jwt.PyJWTError as error:
            raise _invalid(str(error)) from None

    async def _fetch_keys(self) -> KeySet:
        if not self._keys_at:
            found = await self._get(self.issuer.rstrip("/") + DISCOVERY_PATH)
            if found.get("issuer") != self.issuer:
                raise ValueError(f"the document of {self.issuer} says that its issuer is {found.get('issuer')!r}")
            self._keys_at = self._own_address(str(found.get("jwks_uri", "")))
        return await self._get(self._keys_at)

    def _own_address(self, address: str) -> str:
        """Refuse an address of keys that somebody on the way could answer at."""
        if urlsplit(address).scheme == "https" or (self._on_loopback and is_loopback(address)):
            return address
        raise ValueError(f"{self.issuer} has its keys at {address!r}, which is not https")

    async def _get(self, address: str) -> dict[str, Any]:
        from httpx import AsyncClient  # only where a provider is named, and then when the first user comes from there

        client = AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=not self._on_loopback)
        async with client, client.stream("GET", address, headers={"accept": "application/json"}) as answer:
            if answer.status_code != 200:
                raise ValueError(f"{address} answers {answer.status_code}")
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise ValueError(f"{address} answers more than {LARGEST_ANSWER} bytes")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError(f"{address} answers no JSON object")
        return found


def is_loopback(address: str) -> bool:
    """Whether a URL is of this machine, where nobody stands in between."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key_id(id_token: str) -> str:
    try:
        header = jwt.get_unverified_header(id_token)
    except jwt.PyJWTError:
        raise _invalid("it is no JSON Web Token") from None
    kid = header.get("kid")
    if header.get("alg") not in ALGORITHMS or not isinstance(kid, str):
        raise _invalid(f"it is not signed with {' or '.join(ALGORITHMS)} by a named key")
    return kid


def _invalid(why: str) -> Unauthenticated:
    return Unauthenticated("TOKEN_INVALID", f"the ID token is not valid: {why}")
