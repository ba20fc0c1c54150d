"""What is exported of a portfolio: its contents at one revision, by section."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from services.portfolio.domain.book import CashBalance, CashMovement, Position
from services.portfolio.domain.cash_map import CashMap
from services.portfolio.domain.expected_return import ExpectedReturn
from services.portfolio.domain.factor_proxies import StockProxies
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.risk_limits import RiskLimits

Format = Literal["csv", "xlsx", "json", "yaml"]
BOOK_SECTIONS = ("positions", "closed_positions", "cash", "cash_movements")
SECTIONS: Mapping[Format, tuple[str, ...]] = {
    "csv": BOOK_SECTIONS,
    "xlsx": (*BOOK_SECTIONS, "risk_limits", "factor_proxies", "expected_returns", "cash_map"),
    "json": (*BOOK_SECTIONS, "risk_limits", "factor_proxies", "expected_returns", "cash_map"),
    "yaml": ("portfolio", "risk_limits", "cash_map"),
}
"""What each format has room for, in its order."""


@dataclass(frozen=True, slots=True)
class PortfolioContents:
    """Everything that a user stated of a portfolio, at the revision it stands at."""

    portfolio: Portfolio
    positions: tuple[Position, ...] = ()
    """Open and closed, in the order they were entered."""
    cash: tuple[CashBalance, ...] = ()
    movements: tuple[CashMovement, ...] = ()
    limits: RiskLimits = field(default_factory=RiskLimits)
    proxies: Mapping[str, StockProxies] = field(default_factory=dict)
    expected: tuple[ExpectedReturn, ...] = ()
    cash_map: CashMap = field(default_factory=CashMap)

    def only(self, sections: tuple[str, ...]) -> "PortfolioContents":
        """Give the contents with everything left out of the book that stands in none of some sections."""
        return replace(
            self,
            positions=tuple(p for p in self.positions if _section_of(p) in sections),
            cash=self.cash if "cash" in sections else (),
            movements=self.movements if "cash_movements" in sections else (),
        )


def _section_of(position: Position) -> str:
    return "positions" if position.exit_date is None else "closed_positions"
