"""Factors as data: which funds stand for them, and whether they can be computed at a date."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

FEWEST_SESSIONS = 60
WINDOW_SESSIONS = 252
"""A proxy needs closes in so many of so many sessions: what a regression needs, of what it takes (methodology, 3)."""
STALE_SESSIONS = 3
"""Its newest close is at most this old."""


class AssetClass(StrEnum):
    """What portfolios are made of; each has its own factors."""

    STOCKS = "stocks"
    BONDS = "bonds"
    CRYPTO = "crypto"


class Inactive(StrEnum):
    """Why a factor cannot be computed; the texts are those of the contract."""

    NO_PROXY = "no_proxy"
    DISABLED = "disabled"
    NO_HISTORY = "no_history"


@dataclass(frozen=True, slots=True)
class FactorDefinition:
    """A driver of returns that many instruments share."""

    name: str
    description: str
    proxies: tuple[str, ...]
    """Symbols whose returns may stand for it, the preferred one first."""
    less_proxies: tuple[str, ...]
    """Symbols whose returns are subtracted. Empty: it is no spread."""
    display_order: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class FactorSet:
    """The factors of an asset class."""

    asset_class: AssetClass
    benchmarks: tuple[str, ...]
    """Symbols that portfolios are compared with, the preferred one first."""
    factors: tuple[FactorDefinition, ...]

    def symbols(self) -> Iterator[str]:
        """Give every symbol that it names, some more than once."""
        yield from self.benchmarks
        for factor in self.factors:
            yield from factor.proxies
            yield from factor.less_proxies


@dataclass(frozen=True, slots=True)
class FactorAt:
    """A factor at a date."""

    definition: FactorDefinition
    proxy: str
    """The symbol that stands for it. Empty: it is not active."""
    less_proxy: str
    """The symbol that is subtracted. Empty: it is not active, or no spread."""
    reason: str
    """Why it is not active. Empty: it is."""

    @property
    def key(self) -> str:
        """Its place in the list."""
        return f"{self.definition.display_order:09}/{self.definition.name}"

    @property
    def active(self) -> bool:
        """Whether it can be computed."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors of an asset class at a session."""

    factors: Sequence[FactorAt]
    """In display order."""
    benchmark: str
    version: int
    """Of the set."""
    session_date: date | None
    """None: no session was ever sealed, so no factor can be computed."""


def factors_at(factor_set: FactorSet, usable: Collection[str]) -> list[FactorAt]:
    """Say which factors can be computed with the symbols that have history, in display order."""
    in_order = sorted(factor_set.factors, key=lambda definition: (definition.display_order, definition.name))
    return [_factor_at(definition, usable) for definition in in_order]


def benchmark(factor_set: FactorSet, usable: Collection[str]) -> str:
    """Give the preferred benchmark that has history; the first if none has."""
    return _first(factor_set.benchmarks, usable) or factor_set.benchmarks[0]


def _factor_at(definition: FactorDefinition, usable: Collection[str]) -> FactorAt:
    proxy, less = _first(definition.proxies, usable), _first(definition.less_proxies, usable)
    if not definition.proxies:
        return FactorAt(definition, "", "", Inactive.NO_PROXY)
    if not definition.enabled:
        return FactorAt(definition, "", "", Inactive.DISABLED)
    if not proxy or (definition.less_proxies and not less):
        return FactorAt(definition, "", "", Inactive.NO_HISTORY)
    return FactorAt(definition, proxy, less, "")


def _first(symbols: Collection[str], usable: Collection[str]) -> str:
    return next((symbol for symbol in symbols if symbol in usable), "")
