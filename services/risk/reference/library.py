"""Reads our own scenarios, the JSON file beside this one. Whatever in it is not understood stops the start."""

from datetime import date
from importlib import resources
from typing import Annotated, Literal

import msgspec

from chassis.errors import CannotStart
from services.risk.domain.scenarios import FACTORS, Scenario, Severity, UnnamedMarket, severity

FILE = "scenarios.json"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Move = Annotated[float, msgspec.Meta(gt=-1.0, le=10.0)]
FactorKey = Literal["market", "value", "growth", "momentum", "quality", "size", "low_volatility"]


class _Shocks(msgspec.Struct, forbid_unknown_fields=True):
    factors: dict[FactorKey, Move] = {}  # msgspec copies an empty default
    yield_change_bp: Annotated[float, msgspec.Meta(ge=-1000.0, le=1000.0)] = 0.0
    volatility_change: Move | None = None


class _Replay(msgspec.Struct, forbid_unknown_fields=True):
    start_date: date
    end_date: date


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,60}$")]
    name: Text
    category: Literal["market", "rates", "rotation", "volatility", "crisis", "historical"]
    severity: Severity
    description: Text
    shocks: _Shocks
    unnamed_market: UnnamedMarket
    replay: _Replay | None = None


def read_library(content: bytes | None = None) -> tuple[Scenario, ...]:
    """Read the library, by category and name.

    content: of the file. None: that of our own.

    Raises:
        CannotStart: it is no JSON, lacks something, has a key or a value that we do not know, names a scenario twice,
            or calls it less or more severe than it is.
    """
    content = resources.files(__package__).joinpath(FILE).read_bytes() if content is None else content
    try:
        entries = msgspec.json.decode(content, type=list[_Entry])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise CannotStart(f"{FILE}: {error}") from None
    seen: set[str] = set()
    for entry in entries:
        if fault := _fault(entry, seen):
            raise CannotStart(f"{FILE}: {entry.id}: {fault}")
        seen.add(entry.id)
    return tuple(sorted(map(_scenario, entries), key=lambda one: (one.category, one.name)))


def _fault(entry: _Entry, seen: set[str]) -> str:
    """Say what is wrong with an entry that each of its fields does not show. Empty: nothing."""
    shocks, replay = entry.shocks, entry.replay
    measured = severity(shocks.factors.values(), shocks.yield_change_bp / 1e4, shocks.volatility_change)
    if entry.id in seen:
        return "is there twice"
    if not (shocks.factors or shocks.yield_change_bp or shocks.volatility_change):
        return "shocks nothing"
    if entry.severity != measured:
        return f"is called {entry.severity}, its largest shock is {measured}"
    if "market" in shocks.factors and entry.unnamed_market == "hold":
        return "names the market, and holds it"
    return "ends before it starts" if replay and replay.end_date <= replay.start_date else ""


def _scenario(entry: _Entry) -> Scenario:
    shocks, replay = entry.shocks, entry.replay
    return Scenario(
        id=entry.id,
        name=entry.name,
        category=entry.category,
        severity=entry.severity,
        description=entry.description,
        factors={key: shocks.factors[key] for key in FACTORS if key in shocks.factors},
        yield_change=shocks.yield_change_bp / 1e4,
        volatility_change=shocks.volatility_change,
        unnamed_market=entry.unnamed_market,
        start_date=replay.start_date.isoformat() if replay else "",
        end_date=replay.end_date.isoformat() if replay else "",
    )
