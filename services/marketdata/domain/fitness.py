"""Judging the bars of a symbol by everything we know: what bars can be, the calendar, splits, and the closes before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import BarSeries, Days
from services.marketdata.domain.checks import NOT_A_SESSION, check_bars, unfit_rows
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import RejectedRow
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.known_bars import KnownBars

BEFORE_CALENDAR = "before_calendar"
"""Of a day before the first that our calendar knows."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """The bars of an instrument as somebody tells them, in order of days."""

    series: BarSeries
    kind: Kind
    source: str
    lines: NDArray[np.int64] | None = None
    """Line of each bar, if they are from a file."""


@dataclass(frozen=True, slots=True, eq=False)
class Circumstances:
    """What the bars of an instrument are judged by."""

    sessions: Days
    """Every session that the calendar knows, in order."""
    today: date
    splits: Sequence[CorporateAction]
    """Corporate actions of the symbol; others than splits do no harm."""
    known: KnownBars
    """What is stored of it, around the days of the bars."""


def judge(told: Told, by: Circumstances) -> tuple[BarSeries, Sequence[RejectedRow]]:
    """Give the bars that are fit to be stored, and the others with their reasons.

    A crypto-currency is traded on days on which the exchange is closed. Such a bar is right, and has no place among
    sessions: it is left out, and not rejected.
    """
    days = told.series.session_dates
    every_day = told.kind is Kind.CRYPTO
    reasons = check_bars(
        told.series,
        by.today,
        sessions=None if every_day else by.sessions,
        splits=by.splits,
        known=by.known.close_near(told.series),
    )
    reasons[(reasons == NOT_A_SESSION) & (days < by.sessions[:1])] = BEFORE_CALENDAR
    fit = (reasons == "") & np.isin(days, by.sessions)
    return told.series.rows(fit), unfit_rows(told.series, reasons, told.source, told.lines)
