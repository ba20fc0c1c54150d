"""Books with a past to test with: a few sessions, closes on them, and trades that can be worked out by hand."""

import dataclasses
from datetime import date, timedelta

import numpy as np

from services.risk.domain.book import CashMovement
from services.risk.domain.inputs import PriceHistory
from services.risk.domain.past_market import EXTRA_SESSIONS, PastMarket
from tests.services.risk.books import AS_OF, SESSION, book, mark, market

DAYS = tuple(AS_OF - timedelta(days=back) for back in (4, 3, 2, 1, 0))
"""Five sessions: the first is there to compare with."""


def priced(closes, instrument_ids=(1, 2), basis="raw", before=EXTRA_SESSIONS, version=5):
    """Closes of the five sessions, and the first of them on all sessions before."""
    rows = np.vstack([np.tile(closes[0], (before, 1)), np.asarray(closes, dtype=float)])
    days = tuple(AS_OF - timedelta(days=len(rows) - 1 - row) for row in range(len(rows)))
    return PriceHistory(days, tuple(instrument_ids), rows, (basis,) * len(instrument_ids), version)


def past(closes, instrument_ids=(1, 2), marks=None, earlier=(), rates=None, **changes):
    """The market of the five sessions; marks of the last session are its closes, unless they are given."""
    history = priced(closes, instrument_ids)
    newest = marks or [mark(number, close) for number, close in zip(instrument_ids, closes[-1], strict=True)]
    slices = {
        "quoted": history,
        "adjusted": history,
        "raw": None,
        "marks": (*earlier, market(*newest, rates=rates)),
    } | changes
    return PastMarket(DAYS, **slices)


def marks_on(day, *marks):
    return market(*marks, session=dataclasses.replace(SESSION, as_of_date=day))


def traded(held=(), closed=(), movements=(), **fields):
    """A book whose closed rows are pairs of a row and its exit date; movements are (kind, amount, day)."""
    made = book(held, tuple(row for row, _ in closed), **fields)
    ends = tuple(day for _, day in closed)
    moved = tuple(CashMovement(kind, "USD", amount, day) for kind, amount, day in movements)
    return dataclasses.replace(made, closed=dataclasses.replace(made.closed, exit_dates=ends), movements=moved)


def on(row, day, **changes):
    """The row, entered on a day."""
    return dataclasses.replace(row, entry_date=day, **changes)


LONG_AGO = date(2022, 1, 3)
