"""Reads the scenarios that a request states itself. What contradicts itself or names nothing we know is refused."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from chassis.dates import parse_date
from chassis.errors import InvalidFields, Violation
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from services.risk.domain.scenario_impacts import Replay
from services.risk.domain.scenarios import FACTORS, Scenario, UnnamedMarket, severity

CUSTOM: Final = "custom"
SYMBOL: Final = re.compile(".+", re.DOTALL)
CURRENCY: Final = re.compile("[A-Z]{3}")
KEYS: Final[Mapping[str, str]] = MappingProxyType({name: key for key, name in FACTORS.items()})
Stated = pb.RunStressTestRequest.CustomScenario


def read_custom(asked: Sequence[Stated]) -> tuple[Scenario, ...]:
    """Read scenarios, in their order.

    Raises:
        InvalidFields: a factor that there is not, a factor, a symbol, a currency or a name that stands twice, what is
            no symbol or no currency, a market that moves and is held, or nothing that moves.
    """
    _refuse_repeated("custom_scenarios", (one.name for one in asked))
    return tuple(_custom(f"custom_scenarios[{place}]", place, one) for place, one in enumerate(asked))


def read_replays(asked: Sequence[pb.RunStressTestRequest.DateRange]) -> tuple[Replay, ...]:
    """Read stretches of the past, in their order.

    Raises:
        InvalidFields: a day that is none, one that ends before it starts, or a name that stands twice.
    """
    _refuse_repeated("replays", (one.name for one in asked))
    return tuple(_replay(f"replays[{place}]", one) for place, one in enumerate(asked))


def _custom(field: str, place: int, asked: Stated) -> Scenario:
    factors = _factors(f"{field}.factors", asked.factors)
    held: UnnamedMarket = "hold" if asked.unnamed_market == "hold" else "expected"
    if held == "hold" and "market" in factors:
        rule = f"holds a market that factors moves by {factors['market']:g}"
        raise InvalidFields([Violation(f"{field}.unnamed_market", "hold", rule)])
    volatility = asked.volatility_change if asked.HasField("volatility_change") else None
    if not (factors or asked.instruments or asked.currencies or asked.yield_change_bp or volatility is not None):
        raise InvalidFields([Violation(field, asked.name, "must shock something")])
    instruments = _by_name(f"{field}.instruments", asked.instruments, SYMBOL, "is no symbol")
    currencies = _by_name(f"{field}.currencies", asked.currencies, CURRENCY, "is no currency: three letters (ISO 4217)")
    shift = asked.yield_change_bp / 1e4
    return Scenario(
        id=f"{CUSTOM}_{place + 1}",
        name=asked.name,
        category=CUSTOM,
        severity=severity(factors.values(), shift, volatility, [*instruments.values(), *currencies.values()]),
        description=asked.description,
        factors=factors,
        yield_change=shift,
        volatility_change=volatility,
        instruments=instruments,
        currencies=currencies,
        unnamed_market=held,
    )


def _factors(field: str, asked: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in sorted(asked):
        key = KEYS.get(name, name)
        if key not in FACTORS:
            rule = f"is no factor; there are {', '.join(FACTORS)}"
            raise InvalidFields([Violation(field, name, rule)])
        if key in found:
            rule = f"contradicts itself: {key} is moved by {found[key]:g} and by {asked[name]:g}"
            raise InvalidFields([Violation(field, name, rule)])
        found[key] = asked[name]
    return {key: found[key] for key in FACTORS if key in found}


def _by_name(field: str, asked: Mapping[str, float], named: re.Pattern[str], fault: str) -> dict[str, float]:
    """Read moves by symbol or code, whatever its case."""
    found: dict[str, float] = {}
    for written in sorted(asked):
        name = written.strip().upper()
        if not named.fullmatch(name):
            raise InvalidFields([Violation(field, written, fault)])
        if name in found:
            rule = f"contradicts itself: {name} is moved by {found[name]:g} and by {asked[written]:g}"
            raise InvalidFields([Violation(field, written, rule)])
        found[name] = asked[written]
    return dict(sorted(found.items()))


def _replay(field: str, asked: pb.RunStressTestRequest.DateRange) -> Replay:
    start = parse_date(f"{field}.start_date", asked.start_date)
    end = parse_date(f"{field}.end_date", asked.end_date)
    if end <= start:
        rule = f"must be after start_date, {asked.start_date}"
        raise InvalidFields([Violation(f"{field}.end_date", asked.end_date, rule)])
    return Replay(asked.name or f"{asked.start_date} to {asked.end_date}", asked.start_date, asked.end_date)


def _refuse_repeated(field: str, names: Iterable[str]) -> None:
    """Refuse names that readers of an answer could not tell apart. An empty one is none yet."""
    seen: dict[str, str] = {}
    for place, name in enumerate(names):
        read = " ".join(name.split()).casefold()
        if read and read in seen:
            raise InvalidFields([Violation(f"{field}[{place}].name", name, f"stands twice: {seen[read]!r} is there")])
        seen[read] = name
