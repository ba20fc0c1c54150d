"""Sums over positions by what they have in common: a tag, an underlying, a sector, a strategy, a currency."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from services.risk.domain.inputs import Inputs

NONE = ""
"""The group of what has no tag, no strategy, no known sector."""


def group_names(inputs: Inputs, group_by: str) -> list[Sequence[str]]:
    """Give the groups that each held position belongs to: one, or with several tags several."""
    return BY[group_by](inputs)


def _tags(inputs: Inputs) -> list[Sequence[str]]:
    return [tags or (NONE,) for tags in inputs.book.held.tags]


def _underlyings(inputs: Inputs) -> list[Sequence[str]]:
    return [(symbol,) for symbol in inputs.book.held.underlying_symbols]


def _sectors(inputs: Inputs) -> list[Sequence[str]]:
    assert inputs.facts is not None, "an analysis by sector needs facts"
    facts = inputs.facts
    return [(facts[followed].sector or NONE,) for followed in inputs.book.held.underlying_ids]


def _strategies(inputs: Inputs) -> list[Sequence[str]]:
    return [(strategy or NONE,) for strategy in inputs.book.held.strategies]


def _currencies(inputs: Inputs) -> list[Sequence[str]]:
    return [(currency,) for currency in inputs.book.held.currencies]


BY: Mapping[str, Callable[[Inputs], list[Sequence[str]]]] = MappingProxyType(
    {
        "tag": _tags,
        "underlying": _underlyings,
        "sector": _sectors,
        "strategy": _strategies,
        "currency": _currencies,
    }
)
