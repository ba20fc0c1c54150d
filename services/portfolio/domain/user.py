"""Accounts and their sessions."""

import datetime
from dataclasses import dataclass
from typing import Literal

Role = Literal["member", "admin"]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account."""

    user_id: str
    email: str
    display_name: str
    role: Role
    created_time: datetime.datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and what proves that it is them."""

    user: User
    password_hash: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is stored: the hash stands for it, the family is the session that it belongs to."""

    family_id: str
    user_id: str
    expires_time: datetime.datetime
    used: bool
    revoked: bool


def normal_email(text: str) -> str:
    """Give an address as it is stored and compared."""
    return text.strip().lower()
