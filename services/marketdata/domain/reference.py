"""Reference sets: facts that analyses are set up with, as data. A set is read and replaced as a whole."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from services.marketdata.domain.factors import AssetClass, FactorSet


class ReferenceKind(StrEnum):
    """Which set."""

    FACTOR_DEFINITIONS = "factor_definitions"
    CASH_PROXIES = "cash_proxies"
    CASH_ALIASES = "cash_aliases"
    EXCHANGE_PROXIES = "exchange_proxies"
    INDUSTRY_PROXIES = "industry_proxies"
    POSITION_LABELS = "position_labels"


@dataclass(frozen=True, slots=True)
class CashProxy:
    """The fund that stands for cash of a currency."""

    currency: str
    symbol: str


@dataclass(frozen=True, slots=True)
class CashAlias:
    """A name under which files state cash."""

    alias: str
    currency: str


@dataclass(frozen=True, slots=True)
class ExchangeProxy:
    """The funds that stand for the market, momentum and value on an exchange."""

    exchange: str
    market: str
    momentum: str
    value: str


@dataclass(frozen=True, slots=True)
class IndustryProxy:
    """The fund that stands for a sector or an industry."""

    industry: str
    symbol: str


@dataclass(frozen=True, slots=True)
class PositionLabel:
    """The name that a symbol is shown under."""

    symbol: str
    label: str


Entry: TypeAlias = CashProxy | CashAlias | ExchangeProxy | IndustryProxy | PositionLabel | FactorSet
ENTRIES: Mapping[ReferenceKind, type[Entry]] = {
    ReferenceKind.FACTOR_DEFINITIONS: FactorSet,
    ReferenceKind.CASH_PROXIES: CashProxy,
    ReferenceKind.CASH_ALIASES: CashAlias,
    ReferenceKind.EXCHANGE_PROXIES: ExchangeProxy,
    ReferenceKind.INDUSTRY_PROXIES: IndustryProxy,
    ReferenceKind.POSITION_LABELS: PositionLabel,
}

UPPER_CASE = {"symbol", "market", "momentum", "value", "alias"}


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """A set at one version."""

    entries: Sequence[Entry]
    """By key."""
    version: int


class InvalidReference(ValueError):
    """A reference set that cannot be used; the message names the set, the entry and what is wrong with it."""


def key_field(kind: ReferenceKind) -> str:
    """Give the name of the field that is different in every entry of a set: the first."""
    return fields(ENTRIES[kind])[0].name


def read_set(kind: ReferenceKind, rows: Any) -> list[Entry]:
    """Read a set from decoded JSON, by key.

    Raises:
        InvalidReference: an entry has a field that is not known, lacks one, has one of another type or an empty key,
            or two entries have the same key.
    """
    if not isinstance(rows, list):
        raise InvalidReference(f"{kind} is no list")
    entries = [_read(kind, row) for row in rows]
    key = key_field(kind)
    if twice := repeated(getattr(entry, key) for entry in entries):
        raise InvalidReference(f"{kind}: {key} {twice!r} is there more than once")
    return sorted(entries, key=lambda entry: str(getattr(entry, key)))


def rows_of(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Give a set as it is encoded in JSON."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(list(entries))
    return rows


def spelled(field: str, text: str) -> str:
    """Give the one spelling under which a text is kept: symbols and aliases in upper case."""
    return text.strip().upper() if field in UPPER_CASE else text.strip()


def repeated(keys: Iterable[str]) -> str:
    """Give the first key that comes a second time, or nothing."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return ""


def contradictions(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """Give what makes definitions of factors useless, each the name and what is wrong with it."""
    sets = {entry.asset_class: entry for entry in entries if isinstance(entry, FactorSet)}
    yield from ((str(asset_class), "has no factors") for asset_class in AssetClass if asset_class not in sets)
    for asset_class, factor_set in sets.items():
        if twice := repeated(factor.name for factor in factor_set.factors):
            yield f"{asset_class}: {twice}", "is there more than once"
        for factor in factor_set.factors:
            if factor.less_proxies and not factor.proxies:
                yield f"{asset_class}: {factor.name}", "has less_proxies and no proxies to subtract them from"
            if both := sorted({*factor.proxies} & {*factor.less_proxies}):
                yield f"{asset_class}: {factor.name}", f"has {both[0]} on both sides of its spread"


def _read(kind: ReferenceKind, row: Any) -> Entry:
    try:
        entry = msgspec.convert(row, ENTRIES[kind])
    except msgspec.ValidationError as error:
        raise InvalidReference(f"{kind}: {error}: {row}") from None
    if dropped := next(_dropped(row, msgspec.to_builtins(entry)), ""):
        raise InvalidReference(f"{kind}: there is no field {dropped!r}: {row}")
    if not getattr(entry, key_field(kind)):
        raise InvalidReference(f"{kind}: {key_field(kind)} is empty: {row}")
    return entry


def _dropped(told: Any, kept: Any) -> Iterator[str]:
    """Give the fields that were told and not kept, at any depth."""
    if isinstance(told, dict):
        yield from (field for field in told if field not in kept)
        for field in kept:
            yield from _dropped(told.get(field), kept[field])
    elif isinstance(told, list):
        for one, other in zip(told, kept, strict=True):
            yield from _dropped(one, other)
