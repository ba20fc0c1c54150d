"""Boxes that only the holder of PLIMSOLL_KEY_SECRET can open: one for each purpose, so that none opens another's."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def base64url(raw: bytes) -> str:
    """Encode as JSON Web Tokens do."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def box(secret: str, purpose: str) -> Fernet:
    """Give the box for a purpose, such as `signing keys`."""
    derived = HKDF(SHA256(), 32, salt=None, info=f"plimsoll {purpose}".encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
