"""Options on past sessions: at their marks where there are any, else by the model that makes such marks.

The model has the underlying's price of the day. Its volatility is realised over 90 sessions up to the day where the
mark of the contract has it so; otherwise what the nearest later mark implies is carried back, and that is said.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from riskmath.american import american
from riskmath.arrays import BoolArray, FloatArray
from riskmath.black_scholes import HANDFUL, european
from riskmath.options import CALL, DAYS_A_YEAR, PUT
from services.risk.domain.book import Positions
from services.risk.domain.market import MarketSlice, OptionMark
from services.risk.domain.past_cash import open_on
from services.risk.domain.past_market import PastMarket, Spots

REALISED: Final = "realised_90d"
SAME_SHARES: Final = 1e-6
"""A spot that differs by more is in other shares: a mark from before a split is of another contract."""
COLUMNS: Final = ("price", "delta", "gamma", "theta", "vega", "rho")


@dataclass(frozen=True, slots=True, eq=False)
class PastOptions:
    """P positions at S sessions; columns of what is no option, or of an option whose terms no mark tells, are NaN."""

    price: FloatArray
    """(S, P); NaN also where the position is not held."""
    greeks: FloatArray
    """(5, S, P), of one unit: delta, gamma, theta, vega, rho. Zero once it has expired."""
    modelled: BoolArray
    """(S, P): whether the price is not from a mark of the day, but from the model here."""
    carried_from: tuple[date | None, ...]
    """(P,): the day of the mark whose volatility was carried back. None: none was."""


@dataclass(frozen=True, slots=True, eq=False)
class _Valued:
    """What O options are valued with at S sessions, (S, O) each, and what their marks say of their prices."""

    contracts: tuple[OptionMark, ...]
    spot: FloatArray
    volatility: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    marked: BoolArray
    price: FloatArray
    """NaN where it is not marked, or the mark has none."""


def past_options(positions: Positions, spot: Spots, past: PastMarket) -> PastOptions:
    """Value the options among positions at each session."""
    sessions, count = spot.price.shape
    found = np.full((len(COLUMNS), sessions, count), np.nan)
    modelled = np.zeros((sessions, count), dtype=bool)
    carried: list[date | None] = [None] * count
    contracts = {row: _contract(positions.instrument_ids[row], past) for row in np.flatnonzero(positions.is_option)}
    rows = [int(row) for row, contract in contracts.items() if contract]
    if rows:
        volatility, rate, dividend_yield, price = np.full((4, sessions, len(rows)), np.nan)
        valued = _Valued(
            tuple(contract for contract in contracts.values() if contract),
            spot.price[:, rows],
            volatility,
            rate,
            dividend_yield,
            np.zeros((sessions, len(rows)), dtype=bool),
            price,
        )
        for place, row in enumerate(rows):
            carried[row] = _carry_back(valued, place, positions.instrument_ids[row], spot.volatility[:, row], past)
            _put_marks(valued, place, positions, row, past)
        paid = np.array(
            [_paid(each, positions, row, spot, past) for each, row in zip(valued.contracts, rows, strict=True)]
        )
        found[:, :, rows] = _values(valued, past.days, open_on(positions, past.days)[:, rows], paid)
        modelled[:, rows] = ~valued.marked
    return PastOptions(found[0], found[1:], modelled, tuple(carried))


def _contract(instrument_id: int, past: PastMarket) -> OptionMark | None:
    marks = (market.marks.get(instrument_id) for market in reversed(past.marks))
    return next((mark.option for mark in marks if mark and mark.option), None)


def _carry_back(valued: _Valued, place: int, instrument_id: int, realised: FloatArray, past: PastMarket) -> date | None:
    """Fill in what an option is valued with where it has no mark; the day whose volatility is carried back, if any."""
    # The mark before the last first: carried back, it joins the model to the marks without a step.
    for market in (*past.marks[-2:], *reversed(past.marks[:-2])):
        mark = market.marks.get(instrument_id)
        if not mark or not mark.option or math.isnan(mark.option.volatility):
            continue
        valued.rate[:, place], valued.dividend_yield[:, place] = mark.option.rate, mark.option.dividend_yield
        if mark.option.volatility_source == REALISED:
            valued.volatility[:, place] = realised
            return None
        valued.volatility[:, place] = mark.option.volatility
        return market.session.as_of_date
    return None


def _put_marks(valued: _Valued, place: int, positions: Positions, row: int, past: PastMarket) -> None:
    """Put marks in the place of what would be modelled, on the sessions that have them."""
    for market in past.marks:
        mark = market.marks.get(positions.instrument_ids[row])
        if mark is None or mark.option is None or market.session.as_of_date not in past.days:
            continue
        session = past.days.index(market.session.as_of_date)
        if _is_of_position(mark.option, market, positions, row, float(valued.spot[session, place]), past):
            valued.spot[session, place] = mark.option.underlying_price
            valued.volatility[session, place] = mark.option.volatility
            valued.rate[session, place] = mark.option.rate
            valued.dividend_yield[session, place] = mark.option.dividend_yield
            valued.price[session, place], valued.marked[session, place] = mark.price, True


def _is_of_position(
    option: OptionMark, market: MarketSlice, positions: Positions, row: int, spot: float, past: PastMarket
) -> bool:
    """Whether a mark is of the contract that a position has: that of the last session is, of what is still held."""
    newest = market is past.marks[-1] and positions.exit_dates[row] is None
    return newest or abs(option.underlying_price / spot - 1.0) < SAME_SHARES


def _values(valued: _Valued, days: Sequence[date], held: BoolArray, paid: FloatArray) -> FloatArray:
    """Give the columns, (6, S, O): of the model, of marks where there are any, and after an expiry what it paid, (O,).

    What is not held, (S, O), is not modelled.
    """
    expiry = np.array([contract.expiry_date for contract in valued.contracts], dtype="datetime64[D]")
    left = (expiry - np.array(days, dtype="datetime64[D]")[:, None]).astype(np.float64)
    found = np.full((len(COLUMNS), *left.shape), np.nan)
    for is_american, model in ((True, american), (False, european)):
        live = held & (left > 0.0) & [contract.is_american == is_american for contract in valued.contracts]
        if live.any():
            found[:, live] = _modelled(model, valued, left, live)
    found[0] = np.where(valued.marked, valued.price, found[0])
    ended = left <= 0.0
    found[0] = np.where(ended, paid, found[0])
    found[1:, ended] = 0.0
    return found


def _modelled(model: Callable[..., Any], valued: _Valued, left: FloatArray, live: BoolArray) -> FloatArray:
    """Value options that have not expired; a handful is padded, so that no bit depends on how many there are."""
    size = int(live.sum())
    padding = max(0, HANDFUL - size)

    def column(values: FloatArray) -> FloatArray:
        chosen = np.broadcast_to(values, live.shape)[live]
        return np.concatenate([chosen, chosen[:1].repeat(padding)])

    values = model(
        spot=column(valued.spot),
        strike=column(np.array([contract.strike for contract in valued.contracts])),
        years_to_expiry=column(left / DAYS_A_YEAR),
        volatility=column(valued.volatility),
        rate=column(valued.rate),
        dividend_yield=column(valued.dividend_yield),
        right=column(np.array([CALL if contract.is_call else PUT for contract in valued.contracts])),
    )
    return np.stack([getattr(values, name)[:size] for name in COLUMNS])


def _paid(contract: OptionMark, positions: Positions, row: int, spot: Spots, past: PastMarket) -> float:
    """Give what an option was worth at its last close. A mark after the expiry says so itself. NaN: it has not expired.

    It is the same on every session, and so worked out of all marks and closes, whichever sessions are looked at.
    """
    if contract.expiry_date > past.days[-1]:
        return math.nan
    for market in reversed(past.marks):
        day, mark = market.session.as_of_date, market.marks.get(positions.instrument_ids[row])
        if day < contract.expiry_date or mark is None or mark.option is None:
            continue
        if _is_of_position(mark.option, market, positions, row, spot.on(day, row), past):
            return mark.price
    gain = spot.on(contract.expiry_date, row) - contract.strike
    return max(0.0, gain if contract.is_call else -gain) if not math.isnan(gain) else math.nan
