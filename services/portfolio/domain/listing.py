"""Finding positions by what they have in common: filters and groups."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.portfolio.domain.book import Position

Status = Literal["open", "closed", "any"]
GroupBy = Literal["type", "strategy", "tag", "underlying", "sector"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which positions to list. Values of one field are alternatives; an empty one lets all pass."""

    symbols: tuple[str, ...] = ()
    type_names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    underlyings: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    status: Status = "open"


@dataclass(frozen=True, slots=True)
class Group:
    """Positions that have something in common; an empty key is for those that have none."""

    key: str
    position_ids: tuple[str, ...]


def grouped(positions: Sequence[Position], by: GroupBy, sectors: Mapping[int, str]) -> list[Group]:
    """Group positions, by key. One with several tags is in the group of each.

    Args:
        positions: what to group.
        by: what to group by.
        sectors: sector of the instrument that moves a position's price, by its id; needed to group by sector alone.
    """
    keys = _keys(by, sectors)
    members: dict[str, list[str]] = {}
    for position in positions:
        for key in keys(position):
            members.setdefault(key, []).append(position.position_id)
    return [Group(key, tuple(members[key])) for key in sorted(members)]


def _keys(by: GroupBy, sectors: Mapping[int, str]) -> Callable[[Position], Iterable[str]]:
    found: dict[GroupBy, Callable[[Position], Iterable[str]]] = {
        "type": lambda position: (position.type_name,),
        "strategy": lambda position: (position.strategy,),
        "tag": lambda position: position.tags or ("",),
        "underlying": lambda position: (position.underlying_symbol,),
        "sector": lambda position: (sectors.get(position.underlying_instrument_id, ""),),
    }
    return found[by]
