"""How long to wait before a call is repeated: longer each time, spread by chance, and as long as the vendor asks."""

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 300.0
"""Seconds. A vendor that asks for more is asked again after this: one wrong date must not shut it out for a year."""
SECONDS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with full jitter: callers who failed together do not come back together."""

    attempts: int = 3
    """Calls in all, the first included."""
    first_seconds: float = 0.5
    longest_seconds: float = 20.0
    chance: Callable[[], float] = random.random
    """A number from 0 to 1."""

    def delay(self, attempt: int) -> float:
        """Give the seconds to wait after the attempt of that number, from 1."""
        return self.chance() * min(self.longest_seconds, self.first_seconds * math.ldexp(1, attempt - 1))


def retry_after(header: str, now: datetime) -> float | None:
    """Read `Retry-After` as seconds from now: a number, or a date (RFC 9110, 10.2.3). None: it cannot be read."""
    text = header.strip()
    if SECONDS.fullmatch(text):
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second of a year, an hour or an offset of twenty digits
        return None
    if moment.tzinfo is None:  # "-0000" says: UTC, of a sender who does not know where he is
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
