"""What ended elsewhere, and what is kept of it here therefore has to go."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """A portfolio, or a whole account, that was deleted."""

    owner_id: str
    portfolio_id: str
    """Empty: the account itself, with everything that was kept of its user."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events that follow each other, the oldest first."""

    times: tuple[datetime, ...]
    """When each of them happened, whatever it was."""
    endings: tuple[Ending, ...]
    """Those among them that end something."""
    place: str
    """Where to go on after them, as the service that lists them wrote it."""

    def settled(self, before: datetime) -> int:
        """Give how many events at the beginning happened at a time or before it."""
        return next((row for row, time in enumerate(self.times) if time > before), len(self.times))
