"""Identity as a service under test sees it: keys that sign, and the key set that it can be asked for."""

import asyncio
import base64
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALICE = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
BOB = "7b1f3b0e-5a44-4a0b-8a51-6f1b2c3d4e5f"


class Identity:
    """Signs access tokens and publishes the keys that verify them; counts how often it was asked."""

    def __init__(self) -> None:
        self.keys = {"first": Ed25519PrivateKey.generate()}
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.failure: Exception | None = None
        """What asking raises, while it is set."""
        self.answers = asyncio.Event()
        """Cleared: whoever asks waits."""
        self.answers.set()

    def rotate(self, kid: str) -> None:
        """Replace all keys by a new one."""
        self.keys = {kid: Ed25519PrivateKey.generate()}

    async def fetch_keys(self) -> dict[str, Any]:
        """Give the JSON Web Key Set."""
        self.asked += 1
        self.was_asked.set()
        await self.answers.wait()
        if self.failure:
            raise self.failure
        return key_set(self.keys)

    def claims(self, **changed: object) -> dict[str, Any]:
        """Give the claims of a token that is valid for five minutes, with some changed; None leaves one out."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": "plimsoll", "aud": "plimsoll", "sub": ALICE, "iat": now, "exp": now + 300}
        claims |= {"jti": "1", "role": "member", "scope": "read write", "tier": "registered"}
        claims |= changed
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, user_id: str = ALICE, kid: str = "", **changed: object) -> str:
        """Sign a token with the newest key."""
        kid = kid or list(self.keys)[-1]
        claims = self.claims(sub=user_id, **changed)
        return jwt.encode(claims, self.keys[kid], algorithm="EdDSA", headers={"kid": kid})


def key_set(keys: dict[str, Ed25519PrivateKey]) -> dict[str, Any]:
    """Give the public halves of keys as a JSON Web Key Set."""
    fixed = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
    return {"keys": [{**fixed, "kid": kid, "x": base64url(public_bytes(key))} for kid, key in keys.items()]}


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Give a key's public half."""
    return key.public_key().public_bytes_raw()


def base64url(raw: bytes) -> str:
    """Encode as JSON Web Tokens do."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
