"""The limits of a portfolio: defaults, bounds, and where they contradict each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULTS = {
    "max_volatility": 0.40,
    "max_loss": -0.25,
    "max_single_stock_weight": 0.40,
    "max_factor_contribution": 0.30,
    "max_market_contribution": 0.50,
    "max_industry_contribution": 0.30,
    "max_single_factor_loss": -0.10,
}
HIGHEST_VOLATILITY = 5.0
SINGLE_STOCK_FALL = 0.80
"""A fall of the largest issuer that the score reckons with (docs/methodology.md, limits and score)."""
ONE_YEAR_IN_TWENTY = 1.645
"""Standard deviations that a year's return falls short by once in twenty, as the score reckons."""


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """The limits that an owner stated, and further ones that nobody checks. What was not stated is the default."""

    stated: Mapping[str, float] = field(default_factory=dict)
    additional: Mapping[str, float] = field(default_factory=dict)

    @property
    def every(self) -> dict[str, float]:
        """Every limit by name, stated or default."""
        return {**DEFAULTS, **self.stated}

    @property
    def contradictions(self) -> list[str]:
        """Where keeping one limit does not keep another, one sentence each."""
        limits = self.every
        most = -limits["max_loss"]
        losses = {
            f"max_single_stock_weight {limits['max_single_stock_weight']:g} and a fall of {SINGLE_STOCK_FALL:.0%}": (
                limits["max_single_stock_weight"] * SINGLE_STOCK_FALL
            ),
            f"max_volatility {limits['max_volatility']:g} and a year of {ONE_YEAR_IN_TWENTY:g} deviations": (
                limits["max_volatility"] * ONE_YEAR_IN_TWENTY
            ),
            f"max_single_factor_loss {limits['max_single_factor_loss']:g} alone": -limits["max_single_factor_loss"],
        }
        return [
            f"{what} lose {loss:.1%}, which is more than max_loss {limits['max_loss']:g} allows"
            for what, loss in losses.items()
            if loss > most
        ]


def broken_rule(name: str, value: float) -> str:
    """Give the rule that a limit breaks. Empty: it breaks none."""
    if name.endswith("_loss"):
        return "" if -1 <= value < 0 else "must be a loss: at least -1, and below 0"
    highest = HIGHEST_VOLATILITY if name == "max_volatility" else 1.0
    return "" if 0 < value <= highest else f"must be above 0, and at most {highest:g}"
