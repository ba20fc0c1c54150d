"""Judging yields and rates of exchange: those that are fit, and the others as rows for the quarantine."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days, Prices
from services.marketdata.domain.checks import KnownClose, Reasons
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.observation_checks import check_fx, check_yields
from services.marketdata.domain.observations import FxSeries, YieldSeries
from services.marketdata.domain.row_json import row_json, shown

Lines = NDArray[np.int64]


def judge_yields(
    series: YieldSeries, today: date, source: str, lines: Lines | None = None
) -> tuple[YieldSeries, Sequence[RejectedRow]]:
    """Give the yields of a tenor that are fit to be stored, and the others with their reasons.

    Args:
        series: in order of days.
        today: no yield can be of a later day.
        source: who says so.
        lines: line of each yield, if they are from a file.
    """
    reasons = check_yields(series, today)
    fit = YieldSeries(series.tenor, series.days[reasons == ""], series.yields[reasons == ""])
    # A yield is of no symbol; which tenor it is of stands in the row.
    rejected = _rejected(RowKind.YIELD, "", series.tenor, (series.days, series.yields), reasons, source, lines)
    return fit, rejected


def judge_fx(
    series: FxSeries, today: date, source: str, known: KnownClose | None = None, lines: Lines | None = None
) -> tuple[FxSeries, Sequence[RejectedRow]]:
    """Give the rates of a pair that are fit to be stored, and the others with their reasons; see `check_fx`."""
    reasons = check_fx(series, today, known)
    pair = series.base_currency + series.quote_currency
    fit = FxSeries(series.base_currency, series.quote_currency, series.days[reasons == ""], series.rates[reasons == ""])
    return fit, _rejected(RowKind.FX, pair, "rate", (series.days, series.rates), reasons, source, lines)


def _rejected(
    kind: RowKind,
    symbol: str,
    name: str,
    columns: tuple[Days, Prices],
    reasons: Reasons,
    source: str,
    lines: Lines | None,
) -> list[RejectedRow]:
    days, values = columns
    return [
        RejectedRow(
            kind=kind,
            symbol=symbol,
            row_date=days[place].item(),
            row_json=row_json({"date": str(days[place]), name: values[place].item()}),
            source=source,
            reason=str(reasons[place]),
            field=name,
            value=shown(values[place].item()),
            line=0 if lines is None else int(lines[place]),
        )
        for place in np.flatnonzero(reasons != "")
    ]
