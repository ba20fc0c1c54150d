"""What every position of a book makes in joint moves of factors, yields, volatility and single instruments.

What is no option is linear in its underlying, whose return ends at -100 %; options are valued again at the moved spot,
volatility and rate. All cases are valued together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import BoolArray, FloatArray
from riskmath.option_revaluation import delta_gamma_pnl, prices_at
from riskmath.options import DAYS_A_YEAR
from riskmath.returns import SESSIONS_A_YEAR
from riskmath.scenario import ScenarioModel
from riskmath.stress import StressReturns, stress_returns
from riskmath.volatility_response import shocked_volatility, volatility_move
from services.risk.domain.analysis import Found
from services.risk.domain.currency_moves import foreign_cash
from services.risk.domain.factor_fits import FittedBook, model_of
from services.risk.domain.inputs import Inputs
from services.risk.domain.live_options import LiveOptions, live_options
from services.risk.domain.rate_betas import RatedBook
from services.risk.domain.sensitivities import deltas_and_gammas

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
    currencies: Mapping[str, float] = field(default_factory=dict)
    """Of other currencies against that of the book, by code; those that are not named stay."""


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
    gamma_impact: float
    """What gammas alone would say in place of `option_adjustment`."""
    by_currency: float
    """Of deltas, the cross term included."""
    cash: float
    """Of cash, by its currencies."""

    @property
    def pnl(self) -> float:
        """Of the book: the seven parts add to it."""
        return float(np.nansum(self.by_position)) + self.cash


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
    gamma: FloatArray
    """(O,), of one unit of each."""
    on_index: BoolArray
    """(O,), of the options."""
    base_currency: str
    priced_in: tuple[str, ...]
    """(N,), the currency of each underlying."""
    cash: Mapping[str, float]
    """Cash in other currencies, in base currency, by code."""

    @property
    def foreign(self) -> set[str]:
        """Currencies other than that of the book which positions or cash are in."""
        return {*self.priced_in, *self.cash} - {self.base_currency}

    @property
    def index_volatility(self) -> float:
        """Of the market, a year, as it is now."""
        return float(np.sqrt(self.model.covariance[0, 0] * SESSIONS_A_YEAR))

    def evaluate(self, cases: Sequence[Case]) -> list[Outcome]:
        """Value the book in every case."""
        if not cases:
            return []
        fx = np.array([[case.currencies.get(each, 0.0) for each in self.priced_in] for case in cases])
        returns = self._returns(cases, fx)
        spots = self._spot_returns(returns, fx)
        linear = np.where(self.column < 0, np.nan, self.exposure * returns.total[:, self.column])
        found = linear.copy()
        if len(self.options):
            found[:, self.options.rows] = self._options(cases, spots, fx[:, self.column[self.options.rows]])
        # an underlying whose return is not known has no weight, and its parts are missing too
        weight = np.where(np.isnan(returns.total), 0.0, self._netted())
        by_factor = np.einsum("cn,cnk->ck", weight, np.nan_to_num(returns.by_factor))
        sums = [
            _weighed(weight, returns.by_rate),
            _weighed(weight, returns.own),
            _weighed(weight, returns.floor_adjustment),
            np.nansum(found - linear, axis=1),
            np.where(np.isnan(found), 0.0, np.abs(self.exposure)).sum(axis=1),
            np.nansum(self._curved(spots), axis=1),
            _weighed(weight, returns.by_currency),
            np.array([sum(self.cash[each] * case.currencies.get(each, 0.0) for each in self.cash) for case in cases]),
        ]
        return [Outcome(*parts) for parts in zip(found, by_factor, *(each.tolist() for each in sums), strict=True)]

    def _returns(self, cases: Sequence[Case], fx: FloatArray) -> StressReturns:
        fits = self.fitted.fits
        return stress_returns(
            fits.market_beta,
            fits.gamma,
            np.array([case.factors for case in cases]),
            rate_beta=self.rate_beta,
            yield_change=[case.yield_change for case in cases],
            own=np.array([case.own for case in cases]),
            fx=fx,
        )

    def _spot_returns(self, returns: StressReturns, fx: FloatArray) -> FloatArray:
        """Of the options' underlyings, (C, O), before their currencies move."""
        before = np.where(fx == 0.0, returns.total, (1.0 + returns.total) / (1.0 + fx) - 1.0)
        return np.maximum(before[:, self.column[self.options.rows]], -1.0)

    def _curved(self, spot_returns: FloatArray) -> FloatArray:
        """What the second derivative says of each option, (C, O)."""
        terms, size, none = self.options.terms, self.options.size, np.zeros(len(self.options))
        return np.array([delta_gamma_pnl(size, terms.spot, none, self.gamma, each) for each in spot_returns])

    def _netted(self) -> FloatArray:
        """(N,), exposure of the positions that count, by underlying."""
        netted = np.zeros(len(self.fitted.moved.underlyings))
        there = self.column >= 0
        np.add.at(netted, self.column[there], self.exposure[there])
        return netted

    def _options(self, cases: Sequence[Case], spot_returns: FloatArray, fx: FloatArray) -> FloatArray:
        """Profit and loss of the options, (C, O): priced in their own currency, and then exchanged."""
        terms = self.options.terms
        # the price as it is now comes from the same call, so that no shock is no profit to the last bit
        prices = prices_at(
            terms,
            np.vstack([np.zeros(len(self.options)), spot_returns]),
            volatility=np.vstack([terms.volatility, self._volatilities(cases)]),
            rate_change=[0.0, *(case.yield_change for case in cases)],
        )
        return np.asarray((prices[1:] * (1.0 + fx) - prices[0]) * self.options.size)

    def _volatilities(self, cases: Sequence[Case]) -> FloatArray:
        """Of the options after the moves, (C, O)."""
        now = self.index_volatility
        markets = [max(float(case.factors[0]), LOWEST_MARKET) for case in cases]
        moved = [volatility_move(m, now, case.volatility_change) for m, case in zip(markets, cases, strict=True)]
        terms, options = self.options.terms, self.options
        days = terms.years_to_expiry * DAYS_A_YEAR
        return shocked_volatility(terms.volatility, moved, days, self.on_index, options.strike_specific)


def _weighed(weight: FloatArray, part: FloatArray) -> FloatArray:
    """Sum a part over the underlyings, (C,)."""
    return np.asarray((weight * np.nan_to_num(part)).sum(axis=1))


def stressed_book(inputs: Inputs, fitted: FittedBook, rated: RatedBook | Found | None) -> StressedBook:
    """Put together what a fitted book is stressed with; without rate betas, or with why there are none."""
    held, assessed = inputs.book.held, fitted.assessed
    options = live_options(inputs, assessed)
    market = fitted.factors.symbols[0]
    facts = inputs.facts or {}
    currency_of = dict(zip(held.underlying_ids, held.currencies, strict=True))
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
        gamma=deltas_and_gammas(held, inputs.market)[1][options.rows],
        on_index=np.array(on_index, dtype=bool),
        base_currency=inputs.book.base_currency,
        priced_in=tuple(currency_of[number] for number in fitted.moved.underlyings.instrument_ids),
        cash=foreign_cash(inputs.book, inputs.market),
    )


def _rate_betas(fitted: FittedBook, rated: RatedBook) -> FloatArray:
    known = dict(zip(rated.moved.underlyings.instrument_ids, rated.betas.rate_beta.tolist(), strict=True))
    return np.array([known.get(number, np.nan) for number in fitted.moved.underlyings.instrument_ids])
