"""What files of the earlier system state, before anything is looked up."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from services.portfolio.domain.cash_map import CashMap
from services.portfolio.domain.factor_proxies import StockProxies
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.risk_limits import RiskLimits

Measure = Literal["shares", "dollars", "weight"]


@dataclass(frozen=True, slots=True)
class Stake:
    """How much of a ticker is owned: so many shares, for so many dollars, or such a part of the whole."""

    line: int
    ticker: str
    measure: Measure
    number: Decimal


@dataclass(frozen=True, slots=True)
class StatedPortfolio:
    """A portfolio file."""

    start_date: datetime.date | None = None
    end_date: datetime.date | None = None
    stakes: tuple[Stake, ...] = ()
    expected_returns: Mapping[str, Decimal] = field(default_factory=dict)
    proxies: Mapping[str, StockProxies] = field(default_factory=dict)

    @property
    def weighted(self) -> bool:
        """Whether it says parts of a whole, whose size it does not say."""
        return any(stake.measure == "weight" for stake in self.stakes)


@dataclass(slots=True)
class Stated:
    """Everything that a file states; None is a part that it does not have."""

    portfolio: StatedPortfolio | None = None
    limits: RiskLimits | None = None
    cash_map: CashMap | None = None
    errors: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
