"""Which bars are fit to be stored, and why the others are not. Arrays in, a reason per row out.

A source is believed about what can be. Prices that no market makes are set aside with a reason: none, not positive, of
the future, a high below its low, and a huge move that no split explains, which is a wrong decimal or a wrong unit far
more often than a market.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import BarSeries, Days, Prices
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.row_json import row_json

JUMP = 50.0
"""A close so many times the one before, or so many times less, is believed only with a split. It is half of the hundred
that a wrong unit makes, because the price moves in between: cents for dollars may well show as a factor of 97."""
COMPARABLE = np.timedelta64(370, "D")
"""Closes further apart are not compared: in years a price may well move a hundredfold."""
LEAST_PRICE, MOST_PRICE = 1e-12, 1e12
"""Of anything, in any currency: beyond lies a mistake, and products that overflow."""
NOT_A_NUMBER = "not_a_number"
NOT_POSITIVE = "not_positive"
NEGATIVE_VOLUME = "negative_volume"
IMPLAUSIBLE_PRICE = "implausible_price"
HIGH_BELOW_LOW = "high_below_low"
FUTURE_DATE = "future_date"
NOT_A_SESSION = "not_a_session"
DUPLICATE_DATE = "duplicate_date"
"""The same bar once more; the first of them is fit."""
CONTRADICTORY_DATE = "contradictory_date"
"""Different bars of one day: none of them is fit, as nobody can say which is right."""
JUMP_WITHOUT_SPLIT = "jump_without_split"

Reasons = NDArray[np.str_]
"""One per row; an empty text: the row is fit."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class KnownClose:
    """A close that is stored already, raw or adjusted as the series that is compared with it."""

    day: date
    close: float


def check_bars(
    series: BarSeries,
    today: date,
    *,
    sessions: Days | None = None,
    splits: Iterable[CorporateAction] = (),
    known: KnownClose | None = None,
) -> Reasons:
    """Check the bars of one symbol. `series.rows(reasons == "")` are those that are fit.

    Args:
        series: in order of days.
        today: no bar can be of a later day.
        sessions: the only days that can have a bar, in order. None: any day can.
        splits: those of the symbol; other actions among them are ignored. Adjusted prices need none.
        known: a close that is believed, of any day. None: the longest run of closes without a jump is believed.
    """
    reasons = np.full(len(series), "", dtype="U24")
    for reason, found in _flaws(series, today):
        reasons[found & (reasons == "")] = reason
    if sessions is not None:
        reasons[~np.isin(series.session_dates, sessions) & (reasons == "")] = NOT_A_SESSION
    reasons[_repeated(series) & (reasons == "")] = DUPLICATE_DATE
    reasons[contradicted(series.session_dates, reasons)] = CONTRADICTORY_DATE
    fit = np.flatnonzero(reasons == "")
    if len(fit):
        days, closes = series.session_dates[fit], series.close[fit]
        if series.price_basis is PriceBasis.RAW:
            closes, known = _without_splits(days, closes, splits, known)
        reasons[fit[_jumping(days, closes, known)]] = JUMP_WITHOUT_SPLIT
    return reasons


def _flaws(series: BarSeries, today: date) -> list[tuple[str, Mask]]:
    """Find what is wrong with rows by themselves; NaN in anything but a close is not known, and not wrong."""
    prices = np.stack([series.open, series.high, series.low, series.close])
    infinite: Mask = np.any(np.isinf(prices), axis=0)
    not_positive: Mask = np.any(prices <= 0, axis=0)
    implausible: Mask = np.any((prices < LEAST_PRICE) | (prices > MOST_PRICE), axis=0)
    with np.errstate(invalid="ignore"):
        return [
            (NOT_A_NUMBER, np.isnan(series.close) | np.isinf(series.volume) | infinite),
            (NOT_POSITIVE, not_positive),
            (IMPLAUSIBLE_PRICE, implausible),
            (NEGATIVE_VOLUME, series.volume < 0),
            (HIGH_BELOW_LOW, series.high < series.low),
            (FUTURE_DATE, series.session_dates > np.datetime64(today, "D")),
        ]


def _repeated(series: BarSeries) -> Mask:
    """Find rows that say the same of the same day as the row before them."""
    values = np.stack([series.open, series.high, series.low, series.close, series.volume])
    same_day = series.session_dates[1:] == series.session_dates[:-1]
    same_values = (values[:, 1:] == values[:, :-1]) | (np.isnan(values[:, 1:]) & np.isnan(values[:, :-1]))
    return np.concatenate([np.zeros(min(1, len(series)), dtype=np.bool_), same_day & same_values.all(axis=0)])


def contradicted(days: Days, reasons: Reasons) -> NDArray[np.intp]:
    """Find the fit rows whose day another fit row has too."""
    fit = np.flatnonzero(reasons == "")
    again = days[fit][1:] == days[fit][:-1]
    contradicted = np.zeros(len(fit), dtype=np.bool_)
    contradicted[1:] |= again
    contradicted[:-1] |= again
    return fit[contradicted]


def _without_splits(
    days: Days, closes: Prices, splits: Iterable[CorporateAction], known: KnownClose | None
) -> tuple[Prices, KnownClose | None]:
    """Express closes per share as it is after the last split."""
    factors = np.ones(len(days))
    known_factor = 1.0
    for split in splits:
        if split.kind is ActionKind.SPLIT:
            factors[days < np.datetime64(split.ex_date, "D")] /= split.value
            known_factor /= split.value if known is not None and known.day < split.ex_date else 1.0
    return closes * factors, known and KnownClose(known.day, known.close * known_factor)


def _jumping(days: Days, closes: Prices, known: KnownClose | None) -> Mask:
    """Find the closes that jump away from those believed.

    The closes fall into runs without a jump inside. From the run that is believed, or the close that is known, the
    others are judged outwards, each by the nearest that was believed: one wrong row does not spoil those after it.
    """
    with np.errstate(over="ignore"):  # to infinity, which is a jump
        moves = np.maximum(closes[1:] / closes[:-1], closes[:-1] / closes[1:])
    jumps = (moves >= JUMP) & (np.diff(days) <= COMPARABLE)
    starts = [0, *(np.flatnonzero(jumps) + 1).tolist()]
    runs = list(pairwise([*starts, len(closes)]))
    if known is None or np.abs(days - np.datetime64(known.day, "D")).min() > COMPARABLE:
        believed = max(range(len(runs)), key=lambda place: runs[place][1] - runs[place][0])
        before, after = runs[:believed], runs[believed + 1 :]
        first, last = closes[runs[believed][0]], closes[runs[believed][1] - 1]
    else:
        later = int(np.searchsorted(days[starts], np.datetime64(known.day, "D"), side="right"))
        before, after = runs[:later], runs[later:]
        first = last = known.close
    jumping = np.zeros(len(closes), dtype=np.bool_)
    for start, end in after:
        jumping[start:end] = not plausible(closes[start], last)
        last = last if jumping[start] else closes[end - 1]
    for start, end in reversed(before):
        jumping[start:end] = not plausible(closes[end - 1], first)
        first = first if jumping[start] else closes[start]
    return jumping


def plausible(close: float, believed: float) -> bool:
    """Say whether a close may follow another that is believed."""
    return float(believed) < float(close) * JUMP and float(close) < float(believed) * JUMP


def unfit_rows(
    series: BarSeries, reasons: Reasons, source: str, lines: NDArray[np.int64] | None = None
) -> Sequence[RejectedRow]:
    """Give the rows that are not, for the quarantine.

    Args:
        series: as it was checked.
        reasons: what the check said.
        source: name of the source.
        lines: line of each row, if they are from a file.
    """
    rejected = []
    for place in np.flatnonzero(reasons != ""):
        day: date = series.session_dates[place].item()
        values = {name: getattr(series, name)[place].item() for name in ("open", "high", "low", "close", "volume")}
        row = {"date": str(day)} | {name: value for name, value in values.items() if value == value or name == "close"}
        rejected.append(
            RejectedRow(
                kind=RowKind.BAR,
                symbol=series.symbol,
                row_date=day,
                row_json=row_json(row),
                source=source,
                reason=str(reasons[place]),
                line=0 if lines is None else int(lines[place]),
            )
        )
    return rejected
