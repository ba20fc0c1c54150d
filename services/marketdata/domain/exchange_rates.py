"""What currencies are worth in another, session by session: the newest rate on or before each, with its age.

Rates are stored as they were told, most of them to the dollar. One that is stored the other way round is turned over;
two currencies of which neither direction is stored are exchanged by way of the dollar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days, Prices

DOLLAR: Final = "USD"
NO_FX_RATE: Final = "no_fx_rate"
OLDEST_RATE: Final = 10
"""Sessions after which a rate says nothing any more: some sources tell a week only when it is over."""
NO_AGE: Final = -1
Pair = tuple[str, str]
"""A currency, and the one that a unit of it is priced in."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredRates:
    """The rates of one pair as they are stored, oldest first."""

    days: Days
    rates: Prices
    data_versions: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class RateHistory:
    """What a currency is worth at S sessions, in one base currency."""

    currency: str
    rates: Prices
    """(S,); NaN where there is none that is young enough."""
    ages: NDArray[np.int32]
    """(S,): sessions since each; `NO_AGE` where there is none."""
    rate_date: date | None
    """The day of the last rate. None: there is none at the last session."""
    data_version: int
    """The newest that brought one of them. 0: none did."""

    @property
    def reason(self) -> str:
        """Why there is no rate at the last session. Empty: there is one."""
        return "" if self.rate_date else NO_FX_RATE


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """The newest rates on or before S sessions, (S,) each."""

    rates: Prices
    days: Days
    """NaT where there is none."""
    data_versions: NDArray[np.int32]

    def turned(self) -> "_Told":
        """The other direction."""
        return _Told(1.0 / self.rates, self.days, self.data_versions)

    def newer(self, other: "_Told") -> "_Told":
        """At each session the newer of two; of two of the same day its own."""
        own = np.isnat(other.days) | (self.days >= other.days)
        return self.where(own, other)

    def where(self, own: NDArray[np.bool_], other: "_Told") -> "_Told":
        """At some sessions its own, at the others another's."""
        return _Told(
            np.where(own, self.rates, other.rates),
            np.where(own, self.days, other.days),
            np.where(own, self.data_versions, other.data_versions),
        )

    def times(self, other: "_Told") -> "_Told":
        """One exchange after another: as old as the older of the two."""
        return _Told(
            self.rates * other.rates,
            np.minimum(self.days, other.days),
            np.maximum(self.data_versions, other.data_versions),
        )


def rate_histories(
    currencies: tuple[str, ...],
    base_currency: str,
    calendar: Days,
    session_count: int,
    stored: Mapping[Pair, StoredRates],
) -> list[RateHistory]:
    """Give what currencies are worth in a base currency at the last sessions of a calendar.

    Args:
        currencies: without the base currency.
        base_currency: that everything is told in.
        calendar: sessions in order; before the first that is wanted as many as a rate may be old.
        session_count: S, how many at its end are wanted.
        stored: rates by pair, of all these currencies and the dollar; a pair may be missing.
    """
    return [_history(currency, base_currency, calendar, session_count, stored) for currency in currencies]


def _history(
    currency: str, base: str, calendar: Days, session_count: int, stored: Mapping[Pair, StoredRates]
) -> RateHistory:
    sessions = calendar[-session_count:]
    found = _either_way(currency, base, sessions, stored)
    if DOLLAR not in (currency, base):
        by_dollar = _either_way(currency, DOLLAR, sessions, stored).times(_either_way(DOLLAR, base, sessions, stored))
        found = found.where(_ages(found.days, calendar, session_count) != NO_AGE, by_dollar)
    ages = _ages(found.days, calendar, session_count)
    known = ages != NO_AGE
    newest = found.days[-1] if session_count and known[-1] else None
    return RateHistory(
        currency=currency,
        rates=np.where(known, found.rates, np.nan),
        ages=ages,
        rate_date=newest.item() if newest is not None else None,
        data_version=int(found.data_versions[known].max(initial=0)),
    )


def _either_way(currency: str, base: str, sessions: Days, stored: Mapping[Pair, StoredRates]) -> _Told:
    straight = _as_of(stored.get((currency, base)), sessions)
    return straight.newer(_as_of(stored.get((base, currency)), sessions).turned())


def _as_of(stored: StoredRates | None, sessions: Days) -> _Told:
    if stored is None or not stored.days.size:
        count = len(sessions)
        nothing = np.full(count, "NaT", dtype="datetime64[D]")
        return _Told(np.full(count, np.nan), nothing, np.zeros(count, dtype=np.int32))
    place = np.searchsorted(stored.days, sessions, side="right") - 1
    known, place = place >= 0, np.maximum(place, 0)
    return _Told(
        np.where(known, stored.rates[place], np.nan),
        np.where(known, stored.days[place], np.datetime64("NaT")),
        np.where(known, stored.data_versions[place], np.int32(0)),
    )


def _ages(days: Days, calendar: Days, session_count: int) -> NDArray[np.int32]:
    """Count the sessions after each day up to its own; `NO_AGE` where there is none, or it is too old."""
    own = np.arange(len(calendar) - session_count, len(calendar)) + 1
    ages = own - np.searchsorted(calendar, days, side="right")
    return np.where(np.isnat(days) | (ages > OLDEST_RATE), NO_AGE, ages).astype(np.int32)
