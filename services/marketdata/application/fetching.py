"""Fetching what is missing of histories, and what issuers did to their shares meanwhile."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.application.asking import Asked, ask_for_ranges
from services.marketdata.domain.backfill import DayRange, Held, missing
from services.marketdata.domain.bars import BarSeries, Days
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, Reason
from services.marketdata.domain.instruments import Instrument
from services.marketdata.ports import BarSource, CorporateActionSource
from services.marketdata.storage import history_checks, known_bars
from services.marketdata.storage.history_checks import Subject

NOTHING_HELD = Held(np.empty(0, "datetime64[D]"), np.empty(0, np.int16))


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is there of some instruments, and what is to be fetched."""

    sessions: Days
    """Those wanted, oldest first."""
    held: Mapping[str, Held]
    wanted: Mapping[str, DayRange]
    """Days to ask for, by symbol; one that lacks nothing is not there."""
    today: date

    def changes_basis(self, series: BarSeries) -> bool:
        """Say whether bars are on another basis than those held."""
        held = self.held[series.symbol]
        return len(held.days) > 0 and series.price_basis != held.basis

    def missing_on(self, series: BarSeries) -> DayRange | None:
        """Give the days that are missing on the basis of these bars."""
        return missing(self.sessions, self.held[series.symbol].on(series.price_basis), None)

    @property
    def whole(self) -> DayRange | None:
        """The days of all sessions wanted. None: none is."""
        return _ends(self.sessions) if len(self.sessions) else None


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is wanted of histories."""

    sessions: Days
    """Oldest first; all of them have closed."""
    order: Sequence[str]
    """Who will be asked."""
    anew: bool
    """Whether they are asked for all of these sessions, and not just for those that are missing."""
    insist: bool
    """Whether they are asked again for what they did not have before."""
    today: date


async def plan(connection: AsyncConnection, listed: Mapping[str, Instrument], wish: Wish) -> Plan:
    """Find out what is missing of instruments, by symbol."""
    sessions = wish.sessions
    if not len(sessions):
        return Plan(sessions, {}, {}, wish.today)
    ids = [instrument.instrument_id for instrument in listed.values()]
    held = await known_bars.held(connection, ids, sessions[0].item())
    if wish.anew:
        return Plan(sessions, _by_symbol(listed, held), dict.fromkeys(listed, _ends(sessions)), wish.today)
    checked = {} if wish.insist else await history_checks.checked(connection, ids, Subject.BARS, wish.order)
    by_symbol = _by_symbol(listed, held)
    ranges = {
        symbol: missing(sessions, by_symbol[symbol].on(by_symbol[symbol].basis), checked.get(one.instrument_id))
        for symbol, one in listed.items()
    }
    return Plan(sessions, by_symbol, {symbol: days for symbol, days in ranges.items() if days}, wish.today)


def _by_symbol(listed: Mapping[str, Instrument], held: Mapping[int, Held]) -> dict[str, Held]:
    return {symbol: held.get(one.instrument_id, NOTHING_HELD) for symbol, one in listed.items()}


def _ends(sessions: Days) -> DayRange:
    return DayRange(sessions[0].item(), sessions[-1].item())


async def fetch_bars(asked: Asked[BarSource], planned: Plan) -> Fetched[BarSeries]:
    """Fetch the missing bars.

    A history is of one basis. Who is asked first may change it, and is then asked for all of it; whoever stands in
    while others are down may not.
    """
    first = await _fetch(asked, planned.wanted, planned.today)
    changed = {s: series for s, series in first.found.items() if planned.changes_basis(series)}
    standing_in = [symbol for symbol in changed if first.sources[symbol] != asked.order[0]]
    more = {
        symbol: days
        for symbol, series in changed.items()
        if symbol not in standing_in and (days := planned.missing_on(series)) and days != planned.wanted[symbol]
    }
    second = await _fetch(asked, more, planned.today)
    same = [symbol for symbol in second.found if second.sources[symbol] == first.sources[symbol]]
    return _refused(_replaced(first, second, same), standing_in)


async def fetch_actions(
    asked: Asked[CorporateActionSource] | None, symbols: Collection[str], days: DayRange | None
) -> Fetched[Sequence[CorporateAction]]:
    """Fetch splits and dividends: all of them each time, as a vendor may also take one back."""
    if asked is None or days is None:
        return Fetched({}, {}, {})
    return await asked.source.fetch_corporate_actions(symbols, days.first, days.last)


async def _fetch(asked: Asked[BarSource], wanted: Mapping[str, DayRange], today: date) -> Fetched[BarSeries]:
    fetched = await ask_for_ranges(wanted, lambda keys, days: asked.source.fetch_bars(keys, days.first, days.last))
    return replace(
        fetched, found={symbol: _cut(series, wanted[symbol], today) for symbol, series in fetched.found.items()}
    )


def _cut(series: BarSeries, days: DayRange, today: date) -> BarSeries:
    """Leave out what was not asked for: the bar of a session that has not closed is no bar yet.

    Bars of the future stay, to be found by the checks.
    """
    told = series.session_dates
    asked_for = (told >= np.datetime64(days.first, "D")) & (told <= np.datetime64(days.last, "D"))
    return series.rows(asked_for | (told > np.datetime64(today, "D")))


def _replaced(first: Fetched[BarSeries], second: Fetched[BarSeries], symbols: Collection[str]) -> Fetched[BarSeries]:
    """Take what a second answer found of some symbols in place of the first."""
    found = {symbol: second.found[symbol] for symbol in symbols}
    return replace(first, found={**first.found, **found}, rejected=[*first.rejected, *second.rejected])


def _refused(fetched: Fetched[BarSeries], symbols: Collection[str]) -> Fetched[BarSeries]:
    """Take out what was found of some symbols."""
    found = {symbol: series for symbol, series in fetched.found.items() if symbol not in symbols}
    failed = {**fetched.failed, **dict.fromkeys(symbols, Reason.OTHER_BASIS)}
    return replace(fetched, found=found, failed=failed, sources={symbol: fetched.sources[symbol] for symbol in found})
