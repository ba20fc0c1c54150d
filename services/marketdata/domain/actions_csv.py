"""Corporate actions from a CSV file: symbol, ex_date, kind (`split` or `dividend`) and value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction, one_a_day
from services.marketdata.domain.csv_complaints import Complaints
from services.marketdata.domain.csv_table import Chunk, days, numbers, read_chunks
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.observation_checks import action_flaw
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.symbols import can_be_symbol

REQUIRED = ("symbol", "ex_date", "kind", "value")
KINDS = {"split": ActionKind.SPLIT, "dividend": ActionKind.DIVIDEND}


@dataclass(frozen=True, slots=True)
class ActionsFile:
    """What a file says."""

    row_count: int
    """Rows with anything in them, header excluded."""
    by_symbol: Mapping[str, Sequence[CorporateAction]]
    """Oldest first, at most one of each kind a day; in order of symbols, which are canonical."""
    rejected: Sequence[RejectedRow]
    """By line."""


def read_actions(content: bytes, source: str) -> ActionsFile:
    """Read a file, and check its values.

    Args:
        content: the file.
        source: who the rejected rows are from.

    Raises:
        InvalidRequest: the file cannot be read as a whole, or lacks a column.
    """
    found: dict[str, list[CorporateAction]] = {}
    rejected: list[RejectedRow] = []
    row_count = 0
    for chunk in read_chunks(content, REQUIRED):
        row_count += len(chunk.lines)
        day_column = days(chunk.columns["ex_date"])
        complaints = Complaints(chunk, day_column, RowKind.CORPORATE_ACTION, source)
        for action in _read(chunk, day_column, complaints):
            found.setdefault(action.symbol, []).append(action)
        rejected += complaints.rows()
    return ActionsFile(row_count, {symbol: one_a_day(actions) for symbol, actions in sorted(found.items())}, rejected)


def _read(chunk: Chunk, day_column: Days, complaints: Complaints) -> list[CorporateAction]:
    symbols = [canonical(cell) for cell in chunk.columns["symbol"]]
    kinds = [KINDS.get(cell.strip().lower()) for cell in chunk.columns["kind"]]
    values, bad = numbers(chunk.columns["value"])
    complaints.add("symbol", _mask(not can_be_symbol(symbol) for symbol in symbols), "invalid_symbol")
    complaints.add("ex_date", np.isnat(day_column), "unreadable_date")
    complaints.add("kind", _mask(kind is None for kind in kinds), "unknown_kind")
    complaints.add("value", bad, "not_a_number")
    complaints.add("value", np.isnan(values), "missing")
    actions = [
        CorporateAction(symbol, day, kind, value) if readable and kind is not None else None
        for symbol, day, kind, value, readable in zip(
            symbols, day_column.tolist(), kinds, values.tolist(), complaints.unblamed.tolist(), strict=True
        )
    ]
    flaws = [action_flaw(action) if action else "" for action in actions]
    for flaw in sorted(set(flaws) - {""}):
        complaints.add("value", _mask(one == flaw for one in flaws), flaw)
    return [action for action, flaw in zip(actions, flaws, strict=True) if action and not flaw]


def _mask(wrong: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(wrong, dtype=np.bool_)
