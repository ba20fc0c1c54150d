"""Rates of exchange as a table: what a unit of each currency was worth in the base currency, session by session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ExchangeRates:
    """What C currencies were worth at S sessions.

    Units: rates in base currency per unit of the currency, above 0; ages in sessions since the rate was told.
    NaN: no rate is known. The base currency is no column: a unit of it is worth 1, always.
    Source: methodology, section 1.
    """

    base_currency: str
    session_dates: NDArray[np.datetime64]
    """(S,), ascending."""
    currencies: tuple[str, ...]
    """(C,)"""
    rates: FloatArray
    """(S, C): the newest on or before each session."""
    ages: NDArray[np.int64]
    """(S, C); 0: told at the session itself."""

    def at(self, currencies: Sequence[str], days: Sequence[date]) -> FloatArray:
        """Rates of currencies on days, row by row.

        Shapes: both (N,), result (N,). A day that is no session has the rate of the last session before it, and one
        after the last session that of the last.
        NaN: a currency that is no column, a day before the first session.
        """
        if all(currency == self.base_currency for currency in currencies):
            return np.ones(len(currencies))
        rows = np.searchsorted(self.session_dates, np.array(days, dtype="datetime64[D]"), side="right") - 1
        found = self._padded(self.rates)[rows, self._places(currencies)]
        return np.where(self._is_base(currencies), 1.0, np.where(rows < 0, np.nan, found))

    def columns(self, currencies: Sequence[str], days: Sequence[date]) -> FloatArray:
        """Rates of currencies on the same days.

        Shapes: (N,) and (D,), result (D, N). NaN and days that are no sessions: as `at`.
        """
        return self._on(self.rates, currencies, days)

    def told(self, currencies: Sequence[str], days: Sequence[date]) -> FloatArray:
        """Rates that were told on the very days: what returns are made of, because none is filled forward.

        Shapes: (N,) and (D,), result (D, N). NaN: also where the rate of a day is an older one, or it is no session.
        """
        fresh = np.where(self.ages == 0, self.rates, np.nan)
        own = np.isin(np.array(days, dtype="datetime64[D]"), self.session_dates)
        found = np.where(own[:, None], self._on(fresh, currencies, days), np.nan)
        return np.where(self._is_base(currencies), 1.0, found)

    def _on(self, table: FloatArray, currencies: Sequence[str], days: Sequence[date]) -> FloatArray:
        rows = np.searchsorted(self.session_dates, np.array(days, dtype="datetime64[D]"), side="right") - 1
        found = np.where((rows < 0)[:, None], np.nan, self._padded(table)[rows][:, self._places(currencies)])
        return np.where(self._is_base(currencies), 1.0, found)

    def _places(self, currencies: Sequence[str]) -> list[int]:
        place = {currency: column for column, currency in enumerate(self.currencies)}
        return [place.get(currency, -1) for currency in currencies]

    def _padded(self, table: FloatArray) -> FloatArray:
        """The table with a row of no session and a column of no currency at its end: both are NaN."""
        return np.pad(table, ((0, 1), (0, 1)), constant_values=np.nan)

    def _is_base(self, currencies: Sequence[str]) -> NDArray[np.bool_]:
        return np.array([currency == self.base_currency for currency in currencies], dtype=bool)


def no_rates(base_currency: str) -> ExchangeRates:
    """The table of a book that has everything in its base currency."""
    nothing = np.empty((0, 0))
    return ExchangeRates(base_currency, np.empty(0, "datetime64[D]"), (), nothing, nothing.astype(np.int64))
