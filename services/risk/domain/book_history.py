"""From a book on past sessions to its snapshots: sums over positions, and what changed since the session before."""

import math
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray
from riskmath.exposure import coverage, exposure_totals
from riskmath.performance import time_weighted_returns
from riskmath.sums import exact_sum, sum_known
from services.risk.domain.book import Book
from services.risk.domain.coverage import is_enough
from services.risk.domain.market import STALE_SESSIONS, WEAKEST_FIRST
from services.risk.domain.past_book import PastBook, past_book
from services.risk.domain.past_cash import PastCash, past_cash
from services.risk.domain.past_market import PastMarket
from services.risk.domain.results import Excluded
from services.risk.domain.snapshot import Snapshot, digest_of

FROM_FIRST: Final = 1
"""The first session is only there to compare the next with."""


def snapshots(book: Book, past: PastMarket, newest_session: date) -> tuple[Snapshot, ...]:
    """Give a snapshot of each session but the first, which is the one before them.

    Args:
        book: on the last of the sessions.
        past: the market then.
        newest_session: a session before it is looked back at: its snapshot is `backfilled`.
    """
    positions, cash = past_book(book, past), past_cash(book, past.days, past.exchange(book.base_currency))
    found = [
        _snapshot(session, book, positions, cash, past, newest_session) for session in range(FROM_FIRST, len(past.days))
    ]
    return tuple(replace(each, digest=digest_of(each)) for each in found)


def book_returns(value: ArrayLike, contributions: ArrayLike, withdrawals: ArrayLike) -> FloatArray:
    """Give time-weighted returns from one snapshot to the next, (T - 1,).

    What came in since the one before is there from the start; what went out is earned on until the end. Both are sums
    since the beginning, so that a snapshot that was never taken loses no flow.
    """
    came, went = np.diff(np.asarray(contributions, dtype=float)), np.diff(np.asarray(withdrawals, dtype=float))
    gross = np.asarray(value, dtype=float) + np.concatenate([[0.0], went])
    return time_weighted_returns(gross, np.concatenate([[0.0], came - np.concatenate([[0.0], went[:-1]])]))


def _snapshot(
    session: int, book: Book, positions: PastBook, cash: PastCash, past: PastMarket, newest_session: date
) -> Snapshot:
    held, day = positions.open[session], past.days[session]
    value, exposure = positions.value[session, held], positions.exposure[session, held]
    quantity, pnl = positions.positions.quantity[held], positions.pnl[session]
    measured, totals = coverage(exposure, positions.notional[session, held]), exposure_totals(exposure)
    greeks = [sum_known(row).total for row in positions.greeks[:, session]]
    market_value, unrealized, realized = sum_known(value).total, sum_known(pnl[held]).total, sum_known(pnl[~held]).total
    total, reason = _total(float(cash.balance[session]) + market_value, cash, enough=is_enough(measured))
    return Snapshot(
        snapshot_date=day,
        portfolio_revision=book.revision,
        data_version=past.data_version,
        price_basis=_basis(positions, session),
        backfilled=day < newest_session,
        option_valuation_source=_option_source(positions, session),
        volatility_date=_carried(positions, session),
        performance_basis=cash.basis,
        total_value=total,
        total_value_reason=reason,
        cash_value=_number(float(cash.balance[session])),
        market_value=market_value,
        long_value=exact_sum(value[value > 0.0]),
        short_value=exact_sum(value[value < 0.0]),
        long_exposure=totals.long,
        short_exposure=totals.short,
        gross_exposure=totals.gross,
        net_exposure=totals.net,
        portfolio_delta=greeks[0],
        portfolio_gamma=greeks[1],
        portfolio_theta=greeks[2],
        portfolio_vega=greeks[3],
        portfolio_rho=greeks[4],
        daily_pnl=sum_known(positions.gain[session] - positions.gain[session - 1]).total,
        daily_return=_daily_return(session, positions, cash),
        unrealized_pnl=unrealized,
        realized_pnl=realized,
        cumulative_pnl=unrealized + realized,
        contributions=float(cash.contributions[session]),
        withdrawals=float(cash.withdrawals[session]),
        position_count=int(held.sum()),
        long_count=int((quantity > 0.0).sum()),
        short_count=int((quantity < 0.0).sum()),
        option_count=int(positions.positions.is_option[held].sum()),
        stale_count=int((held & positions.known[session] & (positions.age[session] > STALE_SESSIONS)).sum()),
        modelled_percent=None if measured.share is None else 100.0 * measured.share,
        excluded=_excluded(positions, session),
    )


def _total(value: float, cash: PastCash, *, enough: bool) -> tuple[float | None, str]:
    if math.isnan(value):
        return None, cash.reason or "cash_unknown"
    return (value, "") if enough else (None, "no_market_data")


def _daily_return(session: int, positions: PastBook, cash: PastCash) -> float | None:
    """Give the return since the session before. None: it has no basis, or other positions are left out."""
    pair = slice(session - 1, session + 1)
    if not cash.basis or (positions.known[session] != positions.known[session - 1]).any():
        return None
    value = cash.balance[pair] + np.nansum(positions.value[pair], axis=1)
    return _number(float(book_returns(value, cash.contributions[pair], cash.withdrawals[pair])[0]))


def _excluded(positions: PastBook, session: int) -> tuple[Excluded, ...]:
    table = positions.positions
    return tuple(
        Excluded(table.position_ids[row], table.symbols[row], positions.reason(session, row))
        for row in np.flatnonzero(~positions.known[session]).tolist()
    )


def _basis(positions: PastBook, session: int) -> str:
    counted = np.flatnonzero(positions.open[session] & positions.known[session]).tolist()
    bases = {positions.bases[row] for row in counted}
    return next((basis for basis in WEAKEST_FIRST if basis in bases), "")


def _option_source(positions: PastBook, session: int) -> str:
    counted = positions.positions.is_option & positions.open[session] & positions.known[session]
    if not counted.any():
        return ""
    return "model" if positions.modelled[session].any() else "mark"


def _carried(positions: PastBook, session: int) -> str:
    """Give the newest day whose implied volatility was carried back to this session."""
    rows = np.flatnonzero(positions.modelled[session]).tolist()
    days = [day for row in rows if (day := positions.carried_from[row])]
    return max(days).isoformat() if days else ""


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
