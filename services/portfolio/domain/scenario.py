"""What-if scenarios: target weights that stand in place of a portfolio's own."""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass

from chassis.errors import InvalidFields, Violation
from services.portfolio.domain.imports.symbols import CASH_PREFIX

SUM_TOLERANCE = 0.01
"""How far the weights of a whole book may miss 1: what rounding to percents leaves over."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner states of a scenario.

    Weights are market value over net asset value by symbol, signed; they are the whole book, cash included.
    """

    name: str
    description: str
    target_weights: Mapping[str, float]

    def __post_init__(self) -> None:
        total = math.fsum(self.target_weights.values())
        if abs(total - 1) > SUM_TOLERANCE + 1e-12:  # the last digit of a sum in binary
            rule = f"is their sum: weights of a whole book sum to 1 within {SUM_TOLERANCE:g}, cash (`CUR:USD`) included"
            raise InvalidFields([Violation("target_weights", f"{total:g}", rule)])

    @property
    def instruments(self) -> list[str]:
        """Symbols of what is no cash."""
        return [symbol for symbol in self.target_weights if not symbol.startswith(CASH_PREFIX)]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario over a base portfolio, and how often it was stated."""

    scenario_id: str
    portfolio_id: str
    terms: Terms
    revision: int
    created_time: datetime.datetime
    updated_time: datetime.datetime
