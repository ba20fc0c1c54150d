"""What of the corporate actions that a source tells is news, and what it takes back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.marketdata.domain.backfill import DayRange
from services.marketdata.domain.corporate_actions import CorporateAction
from services.marketdata.domain.fetched import Fetched, RejectedRow, RowKind
from services.marketdata.domain.observation_checks import action_flaw
from services.marketdata.domain.row_json import row_json, shown


@dataclass(frozen=True, slots=True)
class KnownAction:
    """A corporate action, and who said so."""

    action: CorporateAction
    source: str


@dataclass(frozen=True, slots=True)
class ActionNews:
    """What is left of told actions."""

    told: Sequence[KnownAction]
    """New ones, and those that say something else than the known one of their day."""
    withdrawn: Sequence[KnownAction]
    """Known ones that their own source does not tell any more."""
    rejected: Sequence[RejectedRow]
    in_force: Mapping[str, Sequence[CorporateAction]]
    """All that are believed now, by symbol."""


def action_news(
    fetched: Fetched[Sequence[CorporateAction]], days: DayRange | None, known: Mapping[str, Sequence[KnownAction]]
) -> ActionNews:
    """Compare what was fetched for some days with what is known.

    An action is taken back by silence: its own source was asked for its day, and does not tell it any more. Where rows
    of the symbol could not be used nothing is taken back, as it may be among them.

    Args:
        fetched: what sources answered.
        days: those they were asked for. None: they were not asked.
        known: what is in force, by symbol.
    """
    rejected = list(fetched.rejected)
    for symbol, actions in fetched.found.items():
        flaws = [(action, action_flaw(action)) for action in actions]
        rejected += [_rejected(action, fetched.sources[symbol], flaw) for action, flaw in flaws if flaw]
    garbled = {row.symbol for row in rejected}
    told: list[KnownAction] = []
    withdrawn: list[KnownAction] = []
    in_force = {symbol: {_key(one.action): one.action for one in actions} for symbol, actions in known.items()}
    for symbol, actions in fetched.found.items():
        source, now = fetched.sources[symbol], in_force.setdefault(symbol, {})
        fit = [action for action in actions if not action_flaw(action)]
        told += [KnownAction(action, source) for action in fit if now.get(_key(action)) != action]
        silent = [] if days is None or symbol in garbled else _silenced(known.get(symbol, ()), fit, source, days)
        withdrawn += silent
        for one in silent:
            del now[_key(one.action)]
        now.update((_key(action), action) for action in fit)
    return ActionNews(told, withdrawn, rejected, {symbol: list(now.values()) for symbol, now in in_force.items()})


def _key(action: CorporateAction) -> tuple[object, ...]:
    return action.ex_date, action.kind


def _silenced(
    known: Collection[KnownAction], told: Collection[CorporateAction], source: str, days: DayRange
) -> list[KnownAction]:
    """Give the known actions that their own source does not tell any more."""
    keys = {_key(action) for action in told}
    return [
        one
        for one in known
        if one.source == source and days.first <= one.action.ex_date <= days.last and _key(one.action) not in keys
    ]


def _rejected(action: CorporateAction, source: str, flaw: str) -> RejectedRow:
    row = {"ex_date": str(action.ex_date), "kind": action.kind.name.lower(), "value": action.value}
    return RejectedRow(
        kind=RowKind.CORPORATE_ACTION,
        symbol=action.symbol,
        row_date=action.ex_date,
        row_json=row_json(row),
        source=source,
        reason=flaw,
        field="value",
        value=shown(action.value),
    )
