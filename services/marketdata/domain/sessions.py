"""Sessions of the New York Stock Exchange, what is sealed of them, and which of them an answer may be about."""

from dataclasses import dataclass
from datetime import date, datetime

from chassis.errors import FailedPrecondition, InvalidFields, OutOfRange, Violation


@dataclass(frozen=True, slots=True)
class Session:
    """A day on which the exchange trades."""

    session_date: date
    close_time: datetime
    """UTC; earlier than usual on a half day."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The days that the stored calendar speaks of, and the version of the source that it was taken from."""

    first_date: date
    last_date: date
    source_version: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known and sealed of the market now."""

    newest_sealed: date | None
    """None: nothing has been sealed."""
    first_session: date | None
    """First session with a price. None: there is none."""
    data_version: int
    """Newest committed version. 0: none."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A session, and the version that an answer about it should read at."""

    session: Session
    previous_session_date: date | None
    """None: it is the first."""
    newest_sealed: date
    data_version: int


def pin(asked: date | None, standing: Standing, found: Session | None, previous: date | None) -> Pin:
    """Pin an answer to the session that a day means.

    Args:
        asked: the day. None: the newest sealed session.
        standing: what is known now.
        found: the last session on or before the day.
        previous: the session before that.

    Raises:
        FailedPrecondition: nothing is sealed, so nothing can be valued.
        OutOfRange: the session is not sealed yet, or lies before the first price.
    """
    first, newest = standing.first_session, standing.newest_sealed
    if first is None or newest is None:
        raise FailedPrecondition("MARKET_DATA_EMPTY", "no session of market data has been sealed yet")
    if found is None or not first <= found.session_date <= newest:
        outside = Violation("as_of_date", str(asked), f"is outside of what can be valued: {first} to {newest}")
        raise OutOfRange("DATE_OUT_OF_RANGE", outside, first=first, newest=newest)
    return Pin(found, previous, newest, standing.data_version)


def check_pinned(day: date, version: int, *, is_session: bool, newest_version: int) -> None:
    """Refuse to read at what is no session, or at a version that does not exist yet.

    Args:
        day: `as_of_date` of the request.
        version: `data_version` of the request.
        is_session: whether the day is one.
        newest_version: the newest there is. An answer about a later one could not be given again.

    Raises:
        InvalidFields: it names the field.
    """
    violations = []
    if not is_session:
        violations.append(Violation("as_of_date", str(day), "is not a session of the New York Stock Exchange"))
    if version > newest_version:
        violations.append(
            Violation("data_version", str(version), f"does not exist yet: the newest is {newest_version}")
        )
    if violations:
        raise InvalidFields(violations)
