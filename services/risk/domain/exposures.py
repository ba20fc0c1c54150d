"""Exposures of a book, grouped: raw and delta-adjusted, long and short, and each group's part of the whole."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.exposure import exposure_totals
from riskmath.sums import sum_known
from services.risk.domain.aggregation import group_names
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.inputs import Inputs, Needs


@dataclass(frozen=True, slots=True)
class ExposureParameters:
    """What exposures are grouped by."""

    group_by: Literal["tag", "underlying", "sector", "strategy", "currency"] = "underlying"


@dataclass(frozen=True, slots=True)
class ExposureGroup:
    """The positions of one group, in base currency; percentages of net asset value in percentage points."""

    name: str
    position_count: int
    market_value: float
    raw_exposure: float
    long_exposure: float
    short_exposure: float
    gross_exposure: float
    net_exposure: float
    net_percent: float | None


@dataclass(frozen=True, slots=True)
class GroupedExposures:
    """A book by group."""

    group_by: str
    total_value: float | None
    total_value_reason: str
    groups: tuple[ExposureGroup, ...]
    gross_exposure: float
    """Of positions, each by itself."""
    gross_exposure_by_underlying: float
    """Of underlyings, each netted."""


def group_exposures(inputs: Inputs, parameters: ExposureParameters) -> Found:
    """Give the exposures of a book by group, the largest first."""
    assessed = assess(inputs)
    if not assessed.enough:
        return assessed.unavailable()
    warnings = list(assessed.warnings)
    rows = _rows_by_group(inputs, parameters.group_by)
    if parameters.group_by == "tag" and any(len(tags) > 1 for tags in inputs.book.held.tags):
        warnings.append("positions with several tags count in each of them, so the groups add to more than the book")
    raw = _raw(inputs, assessed)
    groups = [_group(name, members, raw, assessed) for name, members in rows.items()]
    netted = [_net(assessed, members) for members in _rows_by_group(inputs, "underlying").values()]
    body = GroupedExposures(
        group_by=parameters.group_by,
        total_value=assessed.net_asset_value,
        total_value_reason=assessed.cash_reason,
        groups=tuple(sorted(groups, key=lambda group: (-group.gross_exposure, group.name))),
        gross_exposure=assessed.measured.modelled,
        gross_exposure_by_underlying=sum_known(np.abs(np.array(netted))).total,
    )
    return Found(body, assessed.coverage, tuple(warnings))


EXPOSURES = Analysis(
    kind="exposures",
    parameters=ExposureParameters,
    needs=lambda parameters: Needs(facts=parameters.group_by == "sector"),
    compute=group_exposures,
    formulas=("valuation",),
)


def _rows_by_group(inputs: Inputs, group_by: str) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, names in enumerate(group_names(inputs, group_by)):
        for name in names:
            rows.setdefault(name, []).append(row)
    return rows


def _group(name: str, rows: list[int], raw: FloatArray, assessed: Assessed) -> ExposureGroup:
    valued = assessed.valued
    totals = exposure_totals(valued.exposure[rows])
    nav = assessed.net_asset_value
    return ExposureGroup(
        name=name,
        position_count=len(rows),
        market_value=sum_known(valued.market_value[rows]).total,
        raw_exposure=sum_known(raw[rows]).total,
        long_exposure=totals.long,
        short_exposure=totals.short,
        gross_exposure=totals.gross,
        net_exposure=totals.net,
        net_percent=100.0 * totals.net / nav if nav is not None and nav > 0.0 else None,
    )


def _raw(inputs: Inputs, assessed: Assessed) -> FloatArray:
    """Notionals as they are, signed by quantity; NaN for what is left out, 0 for what has expired and moves no more."""
    held, kept = inputs.book.held, ~np.isnan(assessed.valued.exposure)
    options = (inputs.market.marks[instrument_id].option for instrument_id in held.instrument_ids)
    live = np.array([not (option and option.expired) for option in options], dtype=np.float64)
    return np.where(kept, np.sign(held.quantity) * assessed.valued.size * live, np.nan)


def _net(assessed: Assessed, rows: list[int]) -> float:
    return sum_known(assessed.valued.exposure[rows]).total
