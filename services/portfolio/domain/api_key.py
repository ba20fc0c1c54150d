"""API keys as they are kept: everything but the key."""

import datetime
from dataclasses import dataclass
from typing import Literal

Scope = Literal["read", "write"]
MOST_KEYS = 50
"""That one user may have at a time, expired ones included."""
SHOWN = 12
"""Characters of a key that its owner gets to see again: the prefix that all keys have, and seven of its own."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key."""

    api_key_id: str
    user_id: str
    name: str
    prefix: str
    scope: Scope
    created_time: datetime.datetime
    expires_time: datetime.datetime
    last_used_time: datetime.datetime | None
