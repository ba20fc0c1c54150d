"""Scenarios as people say them: moves of factors' funds, of yields, of volatility and of single instruments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

FACTORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "market": "Market Beta",
        "value": "Value",
        "growth": "Growth",
        "momentum": "Momentum",
        "quality": "Quality",
        "size": "Size",
        "low_volatility": "Low Volatility",
    }
)
"""Names of factors by the keys that scenarios use."""
SEVERITIES: Final = ((0.05, "mild"), (0.15, "moderate"), (0.35, "severe"))
"""Largest shock of each; beyond the last it is extreme."""
PER_YIELD: Final = 15.0
PER_VOLATILITY: Final = 0.1
"""What a move of yields, and a relative one of volatility, is as severe as: 100 bp as 15 % of a fund, 150 % as 15 %."""

UnnamedMarket = Literal["expected", "hold"]
Severity = Literal["mild", "moderate", "severe", "extreme"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A joint move, as it is stated."""

    id: str
    name: str
    category: str
    severity: str
    description: str
    factors: dict[str, float] = field(default_factory=dict)
    """Returns of funds by factor key, decimals."""
    yield_change: float = 0.0
    """Parallel shift of yields, a decimal: 0.01 is 100 bp."""
    volatility_change: float | None = None
    """Relative change of implied volatilities of the index. None: what the move of the market brings."""
    instruments: dict[str, float] = field(default_factory=dict)
    """Returns of single instruments by symbol, in place of what factors and yields would do to them."""
    currencies: dict[str, float] = field(default_factory=dict)
    """Returns of currencies against that of the book, by code."""
    unnamed_market: UnnamedMarket = "expected"
    """Whether a market that is not named goes where the named styles lead it, or stays."""
    start_date: str = ""
    end_date: str = ""
    """The days between which the thing happened. Empty: it is made up."""


def severity(
    factors: Iterable[float], yield_change: float, volatility_change: float | None, others: Iterable[float] = ()
) -> Severity:
    """Say how severe the largest of all shocks is; `others` are those of instruments and currencies."""
    size = max(
        (
            *map(abs, factors),
            *map(abs, others),
            PER_YIELD * abs(yield_change),
            PER_VOLATILITY * abs(volatility_change or 0.0),
        )
    )
    for largest, name in SEVERITIES:
        if size <= largest + 1e-12:
            return name  # type: ignore[return-value]  # the names of SEVERITIES are severities
    return "extreme"


def market_scenarios() -> tuple[Scenario, ...]:
    """Give moves of the market alone by 5, 10 and 20 %."""
    return tuple(
        Scenario(
            id=f"market_{'up' if move > 0 else 'down'}_{abs(move)}",
            name=f"Market {move:+d} %",
            category="market",
            severity=severity([move / 100.0], 0.0, None),
            description=f"The stock market {'rises' if move > 0 else 'falls'} by {abs(move)} %.",
            factors={"market": move / 100.0},
        )
        for move in (-20, -10, -5, 5, 10, 20)
    )


def rate_scenarios() -> tuple[Scenario, ...]:
    """Give parallel shifts of yields by 100 and 200 bp."""
    return tuple(
        Scenario(
            id=f"rates_{'up' if shift > 0 else 'down'}_{abs(shift)}",
            name=f"Rates {shift:+d} bp",
            category="rates",
            severity=severity([], shift / 1e4, None),
            description=f"All yields {'rise' if shift > 0 else 'fall'} by {abs(shift)} basis points.",
            yield_change=shift / 1e4,
        )
        for shift in (-200, -100, 100, 200)
    )
