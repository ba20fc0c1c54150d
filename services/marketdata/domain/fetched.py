"""What a source answered: what it knows by key, why it could not say the rest, and the rows that made no sense.

A key is what was asked for: a symbol, a tenor of yields (`10Y`), a currency pair (`EURUSD`). Every key asked for is
either found or failed, never both and never neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Reason(StrEnum):
    """Why nothing could be fetched for a key; the texts are those of the contract."""

    INVALID_SYMBOL = "invalid_symbol"
    """It cannot be any instrument's, so no source was asked."""
    NO_PROVIDER = "no_provider"
    """No source of this kind of data is set up."""
    UNKNOWN_SYMBOL = "unknown_symbol"
    """The source does not know it, or does not offer this of it."""
    NO_HISTORY = "no_history"
    """The source knows it and has nothing of the days asked for."""
    RATE_LIMITED = "rate_limited"
    """The source, or our own share of its rate, allowed no further call in time."""
    UNAVAILABLE = "provider_unavailable"
    """The source did not answer, or said that it could not."""
    TIMED_OUT = "provider_timed_out"
    """The source was not done when time ran out."""
    REFUSED = "provider_refused"
    """The source does not let us: the key is wrong, or the plan does not cover it."""
    MALFORMED = "provider_malformed"
    """The answer is not what the source's documents promise."""
    OTHER_BASIS = "other_price_basis"
    """The prices are adjusted in another way than those we have, and the source only stands in for another."""

    @property
    def is_of_the_source(self) -> bool:
        """Whether it says something of the source alone: the key may well exist."""
        return self not in (Reason.INVALID_SYMBOL, Reason.UNKNOWN_SYMBOL, Reason.NO_HISTORY)

    @property
    def is_worth_asking_elsewhere(self) -> bool:
        """Whether another source might answer."""
        return self is not Reason.INVALID_SYMBOL


class RowKind(StrEnum):
    """What a row was meant to be; the texts are those of the contract."""

    BAR = "bar"
    CORPORATE_ACTION = "corporate_action"
    YIELD = "yield"
    QUOTE = "quote"
    OPTION_QUOTE = "option_quote"
    FX = "fx"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be used, for the quarantine and for the report on a file."""

    kind: RowKind
    symbol: str
    """Empty: of none, as with a yield, or it cannot be read."""
    row_date: date | None
    """None: it has none that can be read."""
    row_json: str
    """The row as it came."""
    source: str
    reason: str
    """In snake case: `not_a_number`, `unreadable_date`, `not_positive`, ..."""
    field: str = ""
    """The field that is wrong, as the source names it. Empty: the row as a whole."""
    value: str = ""
    """What was found there, cut at 100 characters."""
    line: int = 0
    """Line of the file, from 1, header included. 0: it is of no file."""


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """The answer of one source, or of several in their order."""

    found: Mapping[str, T]
    failed: Mapping[str, Reason]
    sources: Mapping[str, str]
    """Name of the source of everything found, by key."""
    rejected: Sequence[RejectedRow] = ()

    def completed_by(self, other: "Fetched[T]") -> "Fetched[T]":
        """Add what another source knows of keys that have failed here.

        A key that has failed there too keeps the reason that says more about a source than about the key: while a
        source that might know it is down, nobody can say that it is unknown.
        """
        found = {**other.found, **self.found}
        reasons = {key: _more_telling(self.failed.get(key), reason) for key, reason in other.failed.items()}
        failed = {key: reason for key, reason in {**self.failed, **reasons}.items() if key not in found}
        sources = {**other.sources, **self.sources}
        return Fetched(found, failed, sources, [*self.rejected, *other.rejected])


def _more_telling(first: Reason | None, second: Reason) -> Reason:
    if first is None or (first is Reason.UNKNOWN_SYMBOL and second is Reason.NO_HISTORY):
        return second
    return second if second.is_of_the_source and not first.is_of_the_source else first


def fetched_from(
    source: str, found: Mapping[str, T], failed: Mapping[str, Reason], rejected: Sequence[RejectedRow] = ()
) -> Fetched[T]:
    """Make the answer of one source."""
    return Fetched(found, failed, dict.fromkeys(found, source), rejected)
