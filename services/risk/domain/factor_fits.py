"""The factor model of a book: a joint fit of everything it follows, and how its positions map onto the factors.

Options count through their underlyings, with their delta-adjusted exposure. What has too short a history for a fit of
its own is left out of the book and named in its coverage.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from threading import Lock
from typing import Final

import numpy as np
from cachetools import LRUCache, cached

from riskmath.arrays import BoolArray, FloatArray
from riskmath.factor_basis import Collinearity, collinearity
from riskmath.factor_model import MINIMUM, FactorFits, residuals
from riskmath.scenario import ScenarioModel, scenario_model
from services.risk.domain.analysis import Found, Lookback
from services.risk.domain.assessed import BOOKS_KEPT, Assessed, assess
from services.risk.domain.caveats import named_first
from services.risk.domain.currency_moves import foreign_cash
from services.risk.domain.factor_returns import WINDOWS_KEPT, FactorReturns, factor_returns, longest_returns
from services.risk.domain.inputs import FactorHistory, Inputs, Needs, newest
from services.risk.domain.instrument_fits import WINDOW, fits_of
from services.risk.domain.moves import Moves, moves, with_history

MODEL: Final = "market_plus_styles"
LONGEST: Final = 2520
"""Sessions of the factors that covariances and the residual volatilities of styles are measured on."""
LARGE_BETA: Final = 3.0
"""Beyond it a beta is flagged, never cut."""
FULL: Final = 0.9
"""Fewer observations than this part of the window are a limited history."""
CURVED: Final = 0.05
"""Options that are a larger part of the gross size than this bend the book noticeably."""

FITS = Needs(sessions=WINDOW + 1, factor_sessions=LONGEST, fits=True)
"""What the fits of a book are made of."""
MODEL_NEEDS = Needs(sessions=WINDOW + 1, factor_sessions=LONGEST, facts=True, fits=True)
"""What the fits are made of, and the covariances of factors and of what they leave, by sector."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedBook:
    """A book whose underlyings all have a fit, the largest net exposure first."""

    moved: Moves
    """The underlyings and their returns, (T, N); `moved.assessed` is the book without what has no fit."""
    factors: FactorReturns
    """Over the same sessions."""
    fits: FactorFits
    """Of the N underlyings, in their order."""

    @property
    def assessed(self) -> Assessed:
        """The book without what has no fit."""
        return self.moved.assessed

    @property
    def exposure(self) -> FloatArray:
        """(N,), delta-adjusted and netted by underlying, in base currency."""
        return self.moved.underlyings.exposure

    @property
    def betas(self) -> FloatArray:
        """(N, 1 + J), on the market and the residual styles: what variance and stress are made of."""
        return np.column_stack([self.fits.market_beta, self.fits.gamma])

    @property
    def residuals(self) -> FloatArray:
        """(T, N), what the factors leave of each return; NaN where one is missing."""
        return residuals(self.moved.returns, self.factors.market, self.factors.styles, self.fits)

    @property
    def limited(self) -> BoolArray:
        """(N,), which have a limited history."""
        return np.asarray(self.fits.observations < FULL * len(self.moved.returns))

    @property
    def lookback(self) -> Lookback:
        """The sessions on which all factors are known."""
        used = np.flatnonzero(~np.isnan(self.factors.returns).any(axis=1))
        dates = self.factors.dates
        return Lookback(WINDOW, used.size, dates[int(used[0]) + 1], dates[int(used[-1]) + 1])

    def collinearity(self) -> Collinearity:
        """How nearly the funds of the factors are one."""
        return collinearity(self.factors.returns)

    def warnings(self, inputs: Inputs) -> tuple[str, ...]:
        """What one should know of the fits."""
        return self.assessed.warnings + tuple(_warnings(inputs, self))


def fit_book(inputs: Inputs) -> FittedBook | Found:
    """Fit everything that a book follows, or say why there is nothing to fit.

    Reasons: `no_market_data`, `no_exposure` (no position), `no_factor_data`, `insufficient_overlap` (less than half of
    the book has a fit).
    """
    return _fit(replace(inputs, history=newest(inputs.history, WINDOW + 1)) if inputs.history else inputs)


@cached(
    LRUCache(BOOKS_KEPT), key=lambda inputs: (inputs.book, inputs.market, inputs.history, inputs.factors), lock=Lock()
)
def _fit(inputs: Inputs) -> FittedBook | Found:
    assessed = assess(inputs)
    if not len(inputs.book.held):
        return assessed.unavailable("no_exposure")
    if not assessed.enough:
        return assessed.unavailable()
    moved = moves(inputs, assessed, WINDOW, MINIMUM)
    factors = factor_returns(inputs.factors, moved.dates, MINIMUM)
    if factors is None:
        return moved.assessed.unavailable("no_factor_data")
    fits = fits_of(moved.returns, factors, inputs.fits)
    moved, fits = _with_fit(inputs, moved, fits)
    if not moved.underlyings.symbols or not moved.assessed.enough:
        return moved.assessed.unavailable("insufficient_overlap")
    return FittedBook(moved, factors, fits)


def model_of(inputs: Inputs, fitted: FittedBook) -> ScenarioModel:
    """Measure the factors themselves over all the history there is of them: covariances, betas and deviations."""
    assert inputs.factors is not None, "without factors there is no fit"
    return _model(inputs.factors, fitted.factors)


@lru_cache(maxsize=WINDOWS_KEPT)
def _model(factors: FactorHistory, window: FactorReturns) -> ScenarioModel:
    longest = longest_returns(factors, window)
    return scenario_model(
        longest.market, longest.styles, value=longest.value, growth=longest.growth, window=len(window.returns)
    )


def factor_moves(inputs: Inputs, fitted: FittedBook, model: ScenarioModel) -> FloatArray:
    """Give all the moves there are of the market and the residual styles, (T, 1 + J): what covariances are made of."""
    assert inputs.factors is not None, "without factors there is no fit"
    longest = longest_returns(inputs.factors, fitted.factors)
    beside = longest.styles @ model.legs - np.multiply.outer(longest.market, model.delta @ model.legs)
    return np.column_stack([longest.market, beside])


def _with_fit(inputs: Inputs, moved: Moves, fits: FactorFits) -> tuple[Moves, FactorFits]:
    """Leave out what has no fit: of the sessions of an instrument too few may have all factors."""
    found = np.asarray(~np.isnan(np.column_stack([fits.market_beta, fits.gamma])).any(axis=1))
    kept = {field.name: getattr(fits, field.name)[found] for field in fields(FactorFits)}
    return with_history(inputs, moved, found), FactorFits(**kept)


def _warnings(inputs: Inputs, fitted: FittedBook) -> list[str]:
    symbols, told = fitted.moved.underlyings.symbols, []
    if fitted.factors.inactive:
        named = ", ".join(f"{factor.name} ({factor.reason})" for factor in fitted.factors.inactive)
        told.append(f"factors that are not in the model: {named}")
    if limited := [symbols[place] for place in np.flatnonzero(fitted.limited)]:
        told.append(f"fitted on a limited history: {named_first(limited)}")
    if large := [symbols[place] for place in np.flatnonzero(np.abs(fitted.fits.market_beta) > LARGE_BETA)]:
        told.append(f"market betas beyond {LARGE_BETA:g}, taken as they are: {named_first(large)}")
    if cash := foreign_cash(inputs.book, inputs.market):
        named = ", ".join(sorted(cash))
        told.append(f"cash in other currencies has no beta, and its rates of exchange are not in the model: {named}")
    size = np.where(np.isnan(fitted.assessed.valued.exposure), 0.0, fitted.assessed.valued.size)
    if size[inputs.book.held.is_option].sum() > CURVED * size.sum():
        told.append("options count with their delta: what their gamma adds in a large move is not in factor exposures")
    return told
