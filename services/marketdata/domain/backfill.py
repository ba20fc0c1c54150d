"""Which days of a history are to be fetched: sessions that have no bar, unless a source has already said so."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days
from services.marketdata.domain.prices import PriceBasis

ASKED_AGAIN = 10
"""Sessions, back from the newest, whose bars are asked for again although there were none: vendors are late."""


@dataclass(frozen=True, slots=True)
class DayRange:
    """Some days, the first and the last included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The sessions of which an instrument has a bar, oldest first."""

    days: Days
    bases: NDArray[np.int16]
    """Numbers of `PriceBasis`."""

    @property
    def basis(self) -> PriceBasis:
        """Basis of the newest bar. UNSPECIFIED: there is none."""
        return PriceBasis(int(self.bases[-1])) if len(self.bases) else PriceBasis.UNSPECIFIED

    def on(self, basis: PriceBasis) -> Days:
        """Give the days of bars on one basis: a history is of one, and bars on another do not fill its gaps."""
        days: Days = self.days[self.bases == basis]
        return days


def missing(sessions: Days, present: Days, checked: DayRange | None) -> DayRange | None:
    """Give the shortest range that holds every session to be asked for.

    Args:
        sessions: those wanted, oldest first.
        present: days that have a bar.
        checked: days that sources were asked for before: what they did not have then they do not have now, but for the
            newest sessions. None: they were not asked, or shall be asked again.

    Returns:
        None: there is nothing to ask for.
    """
    lacking = ~np.isin(sessions, present)
    if checked is not None:
        asked = (sessions >= np.datetime64(checked.first, "D")) & (sessions <= np.datetime64(checked.last, "D"))
        asked[-ASKED_AGAIN:] = False
        lacking &= ~asked
    days = sessions[lacking]
    return DayRange(days[0].item(), days[-1].item()) if len(days) else None
