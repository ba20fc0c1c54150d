"""What every position of a book makes in joint moves of factors, yields, volatility and single instruments.

What is no option is linear in its underlying, whose return ends at -100 %; options are valued again at the moved spot,
volatility and rate. All cases are valued together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from riskmath.option_revaluation import prices_at
from riskmath.options import DAYS_A_YEAR
from riskmath.returns import SESSIONS_A_YEAR
from riskmath.scenario import ScenarioModel
from riskmath.stress import StressReturns, stress_returns
from riskmath.volatility_response import shocked_volatility, volatility_move
from services.risk.domain.analysis import Found
from services.risk.domain.factor_fits import FittedBook, model_of
from services.risk.domain.inputs import Inputs
from services.risk.domain.live_options import LiveOptions, live_options
from services.risk.domain.rate_betas import RatedBook

INDEX: Final = "INDEX"
LOWEST_MARKET: Final = -0.99
"""A market that has lost more than this says nothing more about volatility."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One joint move."""

    factors: FloatArray
    """(1 + J,), of the market and the residual styles."""
    yield_change: float
    """A decimal."""
    volatility_change: float | None
    """Relative, of the index. None: what the move of the market brings."""
    own: FloatArray
    """(N,), of underlyings by themselves, in place of all else; NaN for those that follow the factors."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Profit and loss of one case in base currency. The sums are over the positions whose result is known."""

    by_position: FloatArray
    """(R,), of the held positions; NaN for what is left out."""
    by_factor: FloatArray
    """(1 + J,), of deltas."""
    by_rate: float
    """Of deltas."""
    own: float
    """Of deltas, by moves that are stated for single instruments."""
    floor_adjustment: float
    """What the floor at -100 % takes back."""
    option_adjustment: float
    """What options valued again make beside their deltas."""
    modelled: float
    """Gross exposure whose result is known."""

    @property
    def pnl(self) -> float:
        """Of the book: the five parts add to it."""
        return float(np.nansum(self.by_position))


@dataclass(frozen=True, slots=True, eq=False)
class StressedBook:
    """A fitted book, and what else its positions answer to."""

    fitted: FittedBook
    model: ScenarioModel
    rate_beta: FloatArray | None
    """(N,), return per 1.00 of yield, NaN where it is not known. None: `rate_reason` says why there are none."""
    rate_reason: str
    """`no_yields` also where none were asked for."""
    exposure: FloatArray
    """(R,), of the held positions, in base currency; NaN for what is left out."""
    column: NDArray[np.int64]
    """(R,), the underlying that each follows; -1: left out."""
    options: LiveOptions
    on_index: BoolArray
    """(O,), of the options."""

    @property
    def index_volatility(self) -> float:
        """Of the market, a year, as it is now."""
        return float(np.sqrt(self.model.covariance[0, 0] * SESSIONS_A_YEAR))

    def evaluate(self, cases: Sequence[Case]) -> list[Outcome]:
        """Value the book in every case."""
        returns = [self._returns(case) for case in cases]
        total = np.array([one.total for one in returns]).reshape(len(cases), len(self.fitted.moved.underlyings))
        linear = np.where(self.column < 0, np.nan, self.exposure * total[:, self.column])
        found = linear.copy()
        if len(self.options) and cases:
            found[:, self.options.rows] = self._options(cases, total[:, self.column[self.options.rows]])
        netted = self._netted()
        return [
            self._outcome(one, np.where(np.isnan(one.total), 0.0, netted), found[row], linear[row])
            for row, one in enumerate(returns)
        ]

    def _outcome(self, moved: StressReturns, weight: FloatArray, found: FloatArray, linear: FloatArray) -> Outcome:
        """Sum up; an underlying whose return is not known has no weight, and its parts are missing too."""
        return Outcome(
            by_position=found,
            by_factor=weight @ np.nan_to_num(moved.by_factor),
            by_rate=float(weight @ np.nan_to_num(moved.by_rate)),
            own=float(weight @ np.nan_to_num(moved.own)),
            floor_adjustment=float(weight @ np.nan_to_num(moved.floor_adjustment)),
            option_adjustment=float(np.nansum(found - linear)),
            modelled=float(np.abs(self.exposure[~np.isnan(found)]).sum()),
        )

    def _returns(self, case: Case) -> StressReturns:
        fits = self.fitted.fits
        return stress_returns(
            fits.market_beta,
            fits.gamma,
            case.factors,
            rate_beta=self.rate_beta,
            yield_change=case.yield_change,
            own=case.own,
        )

    def _netted(self) -> FloatArray:
        """(N,), exposure of the positions that count, by underlying."""
        netted = np.zeros(len(self.fitted.moved.underlyings))
        there = self.column >= 0
        np.add.at(netted, self.column[there], self.exposure[there])
        return netted

    def _options(self, cases: Sequence[Case], spot_returns: FloatArray) -> FloatArray:
        """Profit and loss of the options, (C, O)."""
        terms = self.options.terms
        sigma = [self._volatility(case) for case in cases]
        # the price as it is now comes from the same call, so that no shock is no profit to the last bit
        prices = prices_at(
            terms,
            np.vstack([np.zeros(len(self.options)), spot_returns]),
            volatility=np.vstack([terms.volatility, *sigma]),
            rate_change=[0.0, *(case.yield_change for case in cases)],
        )
        return np.asarray((prices[1:] - prices[0]) * self.options.size)

    def _volatility(self, case: Case) -> FloatArray:
        market = max(float(case.factors[0]), LOWEST_MARKET)
        move = volatility_move(market, self.index_volatility, case.volatility_change)
        terms, options = self.options.terms, self.options
        days = terms.years_to_expiry * DAYS_A_YEAR
        return shocked_volatility(terms.volatility, move, days, self.on_index, options.strike_specific)


def stressed_book(inputs: Inputs, fitted: FittedBook, rated: RatedBook | Found | None) -> StressedBook:
    """Put together what a fitted book is stressed with; without rate betas, or with why there are none."""
    held, assessed = inputs.book.held, fitted.assessed
    options = live_options(inputs, assessed)
    market = fitted.factors.symbols[0]
    facts = inputs.facts or {}
    followed = [held.underlying_ids[row] for row in options.rows.tolist()]
    named = [held.underlying_symbols[row] for row in options.rows.tolist()]
    on_index = [
        symbol == market or (number in facts and facts[number].kind == INDEX)
        for number, symbol in zip(followed, named, strict=True)
    ]
    return StressedBook(
        fitted=fitted,
        model=model_of(inputs, fitted),
        rate_beta=_rate_betas(fitted, rated) if isinstance(rated, RatedBook) else None,
        rate_reason=rated.reason if isinstance(rated, Found) else "no_yields",
        exposure=assessed.valued.exposure,
        column=fitted.moved.columns_of(held),
        options=options,
        on_index=np.array(on_index, dtype=bool),
    )


def _rate_betas(fitted: FittedBook, rated: RatedBook) -> FloatArray:
    known = dict(zip(rated.moved.underlyings.instrument_ids, rated.betas.rate_beta.tolist(), strict=True))
    return np.array([known.get(number, np.nan) for number in fitted.moved.underlyings.instrument_ids])
