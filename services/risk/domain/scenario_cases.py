"""From a scenario as it is stated to joint moves of a book: what is named, what follows, what cannot be said."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.scenario import FactorShocks, ScenarioModel, translate
from services.risk.domain.inputs import FactorHistory, Inputs
from services.risk.domain.market_factor import MARKET
from services.risk.domain.scenarios import FACTORS, Scenario
from services.risk.domain.stressed_book import Case, StressedBook
from services.risk.domain.underlyings import closes_of

Plausibility = Literal["clipped", "as_stated"]
NO_SESSION: Final = "no_session"
SHOCKS_KEPT: Final = 256
"""What a scenario says of the factors is the same for every book of a session."""


@dataclass(frozen=True, slots=True, eq=False)
class Translated:
    """A scenario in the terms of a book. `reason` says why there are no cases."""

    scenario: Scenario
    reason: str = ""
    missing_factors: tuple[str, ...] = ()
    """Names of factors that it names and that no fund stands for."""
    ignored_instruments: tuple[str, ...] = ()
    """Symbols that it names and that the book does not follow."""
    ignored_currencies: tuple[str, ...] = ()
    """Currencies that it names and that nothing of the book is in, as another than its own."""
    shocks: FactorShocks | None = None
    direct: Case | None = None
    correlated: Case | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PastMoves:
    """What happened between two days. `reason` says why it is not known."""

    reason: str = ""
    proxied_factors: tuple[str, ...] = ()
    """Factors whose fund had no price then: they go where the others lead them."""
    proxied_instruments: tuple[str, ...] = ()
    """Underlyings without a price then: they follow the factors."""
    case: Case | None = None
    factors: Mapping[str, float] | None = None
    """Returns of the funds between the two days, by name."""


def translated(book: StressedBook, scenario: Scenario, plausibility: Plausibility) -> Translated:
    """Put a scenario into the terms of a book."""
    names = book.fitted.factors.names
    stated = {FACTORS[key]: move for key, move in scenario.factors.items()}
    missing = tuple(name for name in stated if name not in names)
    own, ignored = _own(book, scenario.instruments)
    foreign = {name: move for name, move in scenario.currencies.items() if name in book.foreign}
    found = Translated(
        scenario,
        missing_factors=missing,
        ignored_instruments=ignored,
        ignored_currencies=tuple(sorted(set(scenario.currencies) - set(foreign))),
    )
    if missing and MARKET not in stated:
        return replace(found, reason="factor_inactive")
    if scenario.yield_change and book.rate_beta is None:
        return replace(found, reason=book.rate_reason)
    styles = tuple(stated.get(name) for name in names[1:])
    hold_market, as_stated = scenario.unnamed_market == "hold", plausibility == "as_stated"
    shocks = _shocks(book.model, stated.get(MARKET), styles, hold_market, as_stated)
    direct, correlated = (
        Case(moves, scenario.yield_change, scenario.volatility_change, own, foreign)
        for moves in (shocks.direct, shocks.correlated)
    )
    return replace(found, shocks=shocks, direct=direct, correlated=correlated)


def past_moves(inputs: Inputs, book: StressedBook, start_date: date, end_date: date, *, instruments: bool) -> PastMoves:
    """Give what happened between the closes of two days; `instruments`: to single ones too, where that is known."""
    factors = inputs.factors
    assert factors is not None, "without factors there is no fit"
    if end_date > inputs.market.session.as_of_date:
        return PastMoves("after_as_of_date")
    start, end = _rows(factors.session_dates, start_date, end_date)
    if 0 <= start == end:
        return PastMoves(NO_SESSION)
    names = book.fitted.factors.names
    moves = [_factor_move(factors, name, start_date, end_date) for name in names]
    if np.isnan(moves[0]):
        return PastMoves("history_too_short")
    shocks = translate(book.model, moves[0], moves[1:], as_stated=True)
    own = np.full(len(book.fitted.moved.underlyings), np.nan)
    unknown: tuple[str, ...] = ()
    if instruments:
        own = _own_moves(inputs, book, start_date, end_date)
        symbols = book.fitted.moved.underlyings.symbols
        unknown = tuple(symbols[place] for place in np.flatnonzero(np.isnan(own)).tolist())
    return PastMoves(
        proxied_factors=tuple(name for name, move in zip(names, moves, strict=True) if np.isnan(move)),
        proxied_instruments=unknown,
        case=Case(shocks.correlated, 0.0, None, own),
        factors={name: move for name, move in zip(names, moves, strict=True) if not np.isnan(move)},
    )


@lru_cache(maxsize=SHOCKS_KEPT)
def _shocks(
    model: ScenarioModel,
    market: float | None,
    styles: tuple[float | None, ...],
    hold_market: bool,
    as_stated: bool,
) -> FactorShocks:
    moves = [np.nan if move is None else move for move in styles]
    return translate(model, market, moves, hold_market=hold_market, as_stated=as_stated)


def _own(book: StressedBook, instruments: Mapping[str, float]) -> tuple[FloatArray, tuple[str, ...]]:
    """Moves that are stated for underlyings, (N,), by symbols in capitals, and those that are none of them."""
    symbols = [symbol.upper() for symbol in book.fitted.moved.underlyings.symbols]
    own = np.array([instruments.get(symbol, np.nan) for symbol in symbols], dtype=np.float64)
    return own, tuple(sorted(set(instruments) - set(symbols)))


def _rows(dates: tuple[date, ...], start_date: date, end_date: date) -> tuple[int, int]:
    """Rows of the last sessions on or before two days; -1 where the day is before all of them."""
    return bisect_right(dates, start_date) - 1, bisect_right(dates, end_date) - 1


def _between(dates: tuple[date, ...], start_date: date, end_date: date) -> tuple[int, int] | None:
    """Rows of the last sessions on or before two days. None: they are one, or the first day is before all of them."""
    start, end = _rows(dates, start_date, end_date)
    return (start, end) if 0 <= start < end else None


def _factor_move(factors: FactorHistory, name: str, start_date: date, end_date: date) -> float:
    """Return of a factor: of its fund, or of its long fund less the other; NaN where one has no price."""
    rows = _between(factors.session_dates, start_date, end_date)
    if rows is None:
        return float("nan")
    columns = [column for column, factor in enumerate(factors.names) if factor == name]
    first, *others = _moves(factors.closes[:, columns], rows).tolist()
    return float(first - sum(others))


def _own_moves(inputs: Inputs, book: StressedBook, start_date: date, end_date: date) -> FloatArray:
    history, underlyings = inputs.history, book.fitted.moved.underlyings
    rows = _between(history.session_dates, start_date, end_date) if history else None
    if rows is None:
        return np.full(len(underlyings), np.nan)
    return _moves(closes_of(underlyings, history), rows)


def _moves(closes: FloatArray, rows: tuple[int, int]) -> FloatArray:
    start, end = rows
    with np.errstate(invalid="ignore"):
        known = np.where(closes[[start, end]] > 0.0, closes[[start, end]], np.nan)
    return np.asarray(known[1] / known[0] - 1.0)
