"""Whom to ask: a provider that is named, or those of the settings in their order."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chassis.errors import InvalidFields, Violation
from services.marketdata.domain.backfill import DayRange
from services.marketdata.domain.fetched import Fetched
from services.marketdata.ports import Offer, Source

S = TypeVar("S", bound=Source)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[S]):
    """Who is asked for some kind of data."""

    source: S
    order: Sequence[str]
    """Names of the providers behind it. Empty: there is none."""


def whom(offer: Offer[S], provider: str) -> Asked[S] | None:
    """Say who is asked; a provider that does not offer this kind of data is nobody.

    Args:
        offer: who offers it.
        provider: its name. Empty: those of the settings.
    """
    if not provider:
        return Asked(offer.in_order, offer.order) if offer.order else None
    named = offer.by_name.get(provider)
    return Asked(named, (provider,)) if named else None


def whom_surely(offer: Offer[S], provider: str) -> Asked[S]:
    """Say who is asked, where there must be somebody.

    Raises:
        InvalidFields: there is nobody.
    """
    asked = whom(offer, provider)
    if asked is None:
        there = ", ".join(offer.by_name) or "nobody: none is set up"
        raise InvalidFields([Violation("provider", provider, f"does not offer this; who does is {there}")])
    return asked


async def ask_for_ranges(
    wanted: Mapping[str, DayRange], ask: Callable[[Collection[str], DayRange], Awaitable[Fetched[T]]]
) -> Fetched[T]:
    """Ask for keys, those with the same days together."""
    groups: dict[DayRange, list[str]] = {}
    for key, days in wanted.items():
        groups.setdefault(days, []).append(key)
    return together(await asyncio.gather(*(ask(keys, days) for days, keys in groups.items())))


def together(answers: Iterable[Fetched[T]]) -> Fetched[T]:
    """Put together answers about different keys."""
    found: dict[str, T] = {}
    whole = Fetched(found, {}, {}, [])
    for answer in answers:
        whole = Fetched(
            {**whole.found, **answer.found},
            {**whole.failed, **answer.failed},
            {**whole.sources, **answer.sources},
            [*whole.rejected, *answer.rejected],
        )
    return whole
