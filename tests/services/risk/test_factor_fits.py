"""The factor model of a book: real prices against known figures, and what is left out and why, by hand."""

import dataclasses

import numpy as np
import pytest

from services.risk.domain.analysis import Found
from services.risk.domain.factor_fits import FittedBook, fit_book, model_of
from services.risk.domain.factor_returns import factor_returns, longest_returns
from services.risk.domain.inputs import InactiveFactor, Inputs
from tests.services.risk import bundled_book
from tests.services.risk.books import AAPL, CALL, MSFT, XOM, book, mark, market, no_mark, option_mark
from tests.services.risk.histories import days, factor_history, history

NAMES = ("Market Beta", "Value", "Growth", "Quality")
RANDOM = np.random.default_rng(5)
MARKET = RANDOM.normal(0.0, 0.01, 252)
FUNDS = np.column_stack([MARKET, 0.9 * MARKET[:, None] + RANDOM.normal(0.0, 0.004, (252, 3))])
RETURNS = np.outer(MARKET, [1.2, 0.8, 1.0]) + RANDOM.normal(0.0, 0.01, (252, 3))
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0), MSFT)
MARKS = [mark(1, 126.04), mark(2, 108.38), mark(3, 234.53)]


def inputs(rows=ROWS, returns=RETURNS, factors=None, marks=MARKS):
    return Inputs(
        book(rows, cash=[("USD", 5_000.0)]),
        market(*marks),
        history=history(returns),
        factors=factors or factor_history(FUNDS, NAMES, [("Size", "no_proxy")]),
    )


def fitted(*args, **fields):
    found = fit_book(inputs(*args, **fields))
    assert isinstance(found, FittedBook), found
    return found


def test_twenty_stocks_have_the_market_beta_and_the_fit_that_are_known():
    found = fit_book(bundled_book.inputs())
    weights = found.exposure / found.exposure.sum()
    assert weights @ found.fits.market_beta == pytest.approx(0.7960, abs=0.001)
    assert [factor.name for factor in found.factors.inactive] == ["Growth", "Short Interest"]
    assert (found.lookback.observations, found.lookback.end_date.isoformat()) == (252, "2022-12-28")


def test_the_largest_exposure_stands_first_and_shorts_are_negative():
    found = fitted()
    assert found.moved.underlyings.symbols == ("AAPL", "XOM", "MSFT")
    assert found.exposure.tolist() == pytest.approx([25_208.0, -10_838.0, 2_345.30])
    slope = np.polyfit(MARKET, RETURNS[:, 0], 1)[0]
    assert found.fits.market_beta[0] == pytest.approx(slope)


def test_value_and_growth_are_one_regressor_and_mirror_each_other():
    found = fitted()
    assert found.factors.names == NAMES
    assert found.factors.regressors == ("Market Beta", "Growth less Value", "Quality")
    assert found.betas.shape == (3, 3)
    assert found.fits.coefficients[:, 1] == pytest.approx(-found.fits.coefficients[:, 2])


def test_an_option_counts_with_its_underlying_at_its_delta():
    rows = (*ROWS, CALL)
    plain, optional = fitted(), fitted(rows=rows, marks=[*MARKS, option_mark(4, 5.5)])
    assert optional.exposure[0] > plain.exposure[0]
    assert optional.moved.columns_of(book(rows).held).tolist() == [0, 1, 2, 0]
    assert optional.fits.market_beta.tolist() == plain.fits.market_beta.tolist()
    assert any("gamma" in warning for warning in optional.warnings(inputs(rows, marks=[*MARKS, option_mark(4, 5.5)])))


def test_a_short_history_is_left_out_and_a_limited_one_flagged():
    returns = RETURNS.copy()
    returns[:200, 1] = np.nan
    returns[:100, 2] = np.nan
    found = fitted(returns=returns)
    assert found.moved.underlyings.symbols == ("AAPL", "MSFT")
    assert [(each.symbol, each.reason) for each in found.assessed.coverage.excluded] == [
        ("XOM", "insufficient_history")
    ]
    assert found.moved.columns_of(book(ROWS).held).tolist() == [0, -1, 1]
    assert found.limited.tolist() == [False, True]
    told = found.warnings(inputs(returns=returns))
    assert "fitted on a limited history: MSFT" in told
    assert "factors that are not in the model: Size (no_proxy)" in told


def test_sessions_without_factors_do_not_count_as_history():
    returns, funds = RETURNS.copy(), FUNDS.copy()
    funds[210:, 3] = np.nan
    factors = factor_history(funds[:, [0, 3]], ("Market Beta", "Quality"))
    returns[:149, 1] = np.nan  # returns from session 150 on, and factors up to 210
    assert fitted(returns=returns, factors=factors).fits.observations.tolist() == [210, 60, 210]
    returns[149, 1] = np.nan
    assert fitted(returns=returns, factors=factors).moved.underlyings.symbols == ("AAPL", "MSFT")


@pytest.mark.parametrize(
    ("style", "reason"),
    [
        (0.9 * MARKET, "depends_on_other_factors"),
        (0.5 * FUNDS[:, 1] + 0.5 * FUNDS[:, 3], "depends_on_other_factors"),
        (0.0 * MARKET, "depends_on_other_factors"),
        (np.where(np.arange(252) < 200, np.nan, MARKET), "insufficient_history"),
    ],
)
def test_a_fund_that_cannot_be_a_factor_is_inactive_and_the_others_stay(style, reason):
    funds = np.column_stack([FUNDS[:, [0, 1, 3]], style])
    found = fitted(factors=factor_history(funds, ("Market Beta", "Value", "Quality", "Size")))
    assert found.factors.names == ("Market Beta", "Value", "Quality")
    assert found.factors.inactive == (InactiveFactor("Size", reason),)


def test_a_factor_that_is_a_spread_is_its_long_fund_less_the_other():
    funds = np.column_stack([FUNDS[:, [0, 1]], FUNDS[:, 3]])
    found = factor_returns(factor_history(funds, ("Market Beta", "Size", "Size")), days(253), 60)
    assert found.names == ("Market Beta", "Size")
    assert found.styles[:, 0] == pytest.approx(FUNDS[:, 1] - FUNDS[:, 3])


STILL = np.column_stack([0.0 * MARKET, FUNDS[:, 3]])
YOUNG = np.column_stack([np.where(np.arange(252) < 200, np.nan, MARKET), FUNDS[:, 3]])
SHORT = np.where(np.arange(252)[:, None] < 200, np.nan, RETURNS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": ()}, "no_exposure"),
        ({"marks": [no_mark(1, "no_price"), no_mark(2, "no_price"), no_mark(3, "no_price")]}, "no_market_data"),
        ({"factors": factor_history(FUNDS[:, 1:], NAMES[1:])}, "no_factor_data"),
        ({"factors": factor_history(STILL, ("Market Beta", "Quality"))}, "no_factor_data"),
        ({"factors": factor_history(YOUNG, ("Market Beta", "Quality"))}, "no_factor_data"),
        ({"returns": SHORT}, "insufficient_overlap"),
    ],
)
def test_reasons(changes, reason):
    found = fit_book(inputs(**changes))
    assert isinstance(found, Found)
    assert (found.body, found.reason) == (None, reason)


def test_a_price_that_never_moves_has_no_beta_and_is_no_trouble():
    returns = RETURNS.copy()
    returns[:, 1] = 0.0
    found = fitted(returns=returns)
    assert found.fits.market_beta[1] == found.fits.residual_volatility[1] == 0.0


def test_factors_are_measured_over_all_the_history_there_is():
    given = bundled_book.inputs()
    found = fit_book(given)
    longest = longest_returns(given.factors, found.factors)
    assert len(longest.returns) > 2_000
    model = model_of(given, found)
    assert model.covariance.shape == (6, 6)
    assert np.linalg.eigvalsh(model.covariance)[0] > 0.0
