"""Accounts and their sessions."""

import datetime
from dataclasses import dataclass
from typing import Literal

Role = Literal["member", "admin"]
Tier = Literal["public", "registered", "paid"]
RECENT_LOGIN = datetime.timedelta(minutes=5)
"""How long after a login its session may do what cannot be undone."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account."""

    user_id: str
    email: str
    display_name: str
    role: Role
    tier: Tier
    created_time: datetime.datetime
    disabled_time: datetime.datetime | None = None
    """Since when the account is closed to its owner. None: it is open."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and what proves that it is them."""

    user: User
    password_hash: str | None
    """None: the account is opened by another identity provider alone."""
    email_verified: bool
    """Whether somebody whom we trust has said that the address is this user's."""


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """Whom another identity provider vouches for."""

    issuer: str
    subject: str
    """The provider's own id of the user, which stays when the address changes."""
    email: str
    email_verified: bool
    """Whether the provider has made sure that the address is this user's."""
    name: str
    expires_time: datetime.datetime
    """When its word ends."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is stored: the hash stands for it, the family is the session that it belongs to."""

    family_id: str
    user_id: str
    login_time: datetime.datetime
    expires_time: datetime.datetime
    used: bool
    revoked: bool


def normal_email(text: str) -> str:
    """Give an address as it is stored and compared."""
    return text.strip().lower()
