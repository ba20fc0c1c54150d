"""Who won and who lost: the profit and loss of a book by position, tag, type, sector or strategy.

Every position belongs to one group; one with several tags belongs to each of them in equal parts, so that the groups
add to the total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

import numpy as np

from riskmath.sums import sum_known
from services.risk.domain.aggregation import NONE
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.earned_pnl import EarnedPnl, earned_pnl
from services.risk.domain.inputs import Inputs, Needs

GroupBy = Literal["position", "tag", "type", "sector", "strategy"]


@dataclass(frozen=True, slots=True)
class AttributionParameters:
    """How to group, and since when (YYYY-MM-DD; empty: since entry)."""

    group_by: GroupBy = "position"
    start_date: str = ""


@dataclass(frozen=True, slots=True)
class AttributionGroup:
    """What the positions of one group have won or lost, in base currency."""

    name: str
    position_id: str
    total_pnl: float
    unrealized_pnl: float
    realized_pnl: float
    share_percent: float | None
    contribution_percent: float | None
    position_count: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Fields are named as in the contract."""

    group_by: str
    start_date: date | None
    end_date: date
    total_pnl: float
    unrealized_pnl: float
    realized_pnl: float
    start_value: float | None
    groups: tuple[AttributionGroup, ...]


def attribute(inputs: Inputs, parameters: AttributionParameters) -> Found:
    """Divide the profit and loss of a book among groups of its positions, the largest gain first."""
    earned = earned_pnl(inputs)
    if not earned.assessed.enough or (earned.before and not earned.before.enough):
        return Found(None, earned.coverage, earned.assessed.warnings, reason="no_market_data")
    total = sum_known(earned.pnl).total
    value = earned.before.net_asset_value if earned.before else None
    groups = [
        _group(name, members, earned, total, value, parameters.group_by)
        for name, members in _members(inputs, earned, parameters.group_by).items()
    ]
    body = Attribution(
        group_by=parameters.group_by,
        start_date=inputs.before.market.session.as_of_date if inputs.before else None,
        end_date=inputs.market.session.as_of_date,
        total_pnl=total,
        unrealized_pnl=sum_known(earned.unrealized).total,
        realized_pnl=sum_known(earned.realized).total,
        start_value=value,
        groups=tuple(sorted(groups, key=lambda group: (-group.total_pnl, group.name, group.position_id))),
    )
    return Found(body, earned.coverage, earned.assessed.warnings)


ATTRIBUTION = Analysis(
    kind="attribution",
    parameters=AttributionParameters,
    needs=lambda parameters: Needs(facts=parameters.group_by == "sector", closed=True, before=parameters.start_date),
    compute=attribute,
    formulas=("performance", "valuation"),
)


def _members(inputs: Inputs, earned: EarnedPnl, group_by: GroupBy) -> Mapping[str, Mapping[int, float]]:
    """Give the positions of each group that have a profit or loss, and the part of each that belongs to it."""
    found: dict[str, dict[int, float]] = {}
    names = _names(inputs, earned, group_by)
    for row in np.flatnonzero(~np.isnan(earned.pnl)).tolist():
        if _counts(inputs, earned, row):
            for name in names[row]:
                found.setdefault(name, {})[row] = 1.0 / len(names[row])
    return MappingProxyType(found)


def _counts(inputs: Inputs, earned: EarnedPnl, row: int) -> bool:
    """Whether a position was there at all since the beginning."""
    closed = earned.positions.exit_dates[row]
    return not (inputs.before and closed and closed <= inputs.before.market.session.as_of_date)


def _names(inputs: Inputs, earned: EarnedPnl, group_by: GroupBy) -> Sequence[Sequence[str]]:
    table = earned.positions
    match group_by:
        case "position":
            return [(number,) for number in table.position_ids]
        case "tag":
            return [tuple(dict.fromkeys(tags)) or (NONE,) for tags in table.tags]
        case "type":
            return [(name,) for name in table.position_types]
        case "strategy":
            return [(name or NONE,) for name in table.strategies]
        case "sector":
            assert inputs.facts is not None, "an attribution by sector needs facts"
            known = inputs.facts
            return [(known[followed].sector if followed in known else NONE,) for followed in table.underlying_ids]


def _group(
    name: str, members: Mapping[int, float], earned: EarnedPnl, total: float, value: float | None, group_by: GroupBy
) -> AttributionGroup:
    rows, parts = list(members), np.array(list(members.values()))
    pnl = sum_known(earned.pnl[rows] * parts).total
    unrealized = sum_known(earned.unrealized[rows] * parts).total
    single = group_by == "position"
    return AttributionGroup(
        name=earned.positions.symbols[rows[0]] if single else name,
        position_id=name if single else "",
        total_pnl=pnl,
        unrealized_pnl=unrealized,
        realized_pnl=pnl - unrealized,
        share_percent=100.0 * pnl / total if total else None,
        contribution_percent=100.0 * pnl / value if value and value > 0.0 else None,
        position_count=len(rows),
    )
