"""Collinearity, fit out of sample, and leaning on the sector."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from statsmodels.stats.outliers_influence import variance_inflation_factor

from riskmath.factor_basis import collinearity, factor_basis, style_legs
from riskmath.factor_quality import out_of_sample_r2, shrunk_to_sector
from tests.riskmath import bundled
from tests.riskmath.test_factor_model import simulated

nan = np.nan


def test_inflation_equals_statsmodels():
    factors = np.column_stack([bundled.market(252), bundled.funds(252)])
    found = collinearity(factors)
    with_ones = np.column_stack([np.ones(252), factors])
    expected = [variance_inflation_factor(with_ones, column) for column in range(1, 7)]
    assert found.inflation == pytest.approx(expected, rel=1e-9)
    assert found.condition_number == pytest.approx(np.linalg.cond(np.corrcoef(factors.T)), rel=1e-9)


def test_funds_are_nearly_one_and_the_basis_is_not():
    raw = collinearity(np.column_stack([bundled.market(252), bundled.funds(252)]))
    basis = collinearity(factor_basis(bundled.market(252), bundled.funds(252)).returns)
    assert 460 < raw.condition_number < 1750
    assert raw.inflation[0] > 58
    assert basis.condition_number < 5
    assert basis.inflation[0] == pytest.approx(1.0, abs=1e-9)


def test_collinearity_leaves_out_sessions_with_gaps():
    factors = bundled.funds(100)
    holed = np.vstack([factors, np.where(np.arange(5) == 1, nan, 0.9)])
    assert collinearity(holed).inflation == pytest.approx(collinearity(factors).inflation, rel=1e-12)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (np.zeros((4, 2)), r"factors\[:, 0\] is the same on every session"),
        (np.eye(3)[:, :2][:2], "known together on 2 sessions: must be more than 2"),
        (np.arange(12.0)[:, None] ** 2 * [[1.0, 2.0]], "depend on each other"),
    ],
)
def test_collinearity_refuses_what_it_cannot_measure(factors, message):
    with pytest.raises(ValueError, match=message):
        collinearity(factors)


def test_out_of_sample_r2_equals_cross_validation_by_scikit_learn():
    returns, market, funds = simulated(1)
    design = np.column_stack([market, funds])
    found = out_of_sample_r2(returns, market, funds, ridge=0.0, folds=5)
    for row in range(4):
        y = returns[:, row]
        forecast = cross_val_predict(LinearRegression(), design, y, cv=KFold(5))
        mean = cross_val_predict(LinearRegression(), np.zeros((150, 1)), y, cv=KFold(5))
        expected = 1.0 - np.square(y - forecast).sum() / np.square(y - mean).sum()
        assert found[row] == pytest.approx(expected, rel=1e-9)


def test_out_of_sample_it_is_no_better_than_within():
    _, returns = bundled.stocks(252)
    found = out_of_sample_r2(returns, bundled.market(252), bundled.funds(252))
    assert 0.2 < found.mean() < 0.7
    assert found.max() < 1.0


def test_out_of_sample_r2_of_what_never_moves_is_missing():
    returns, market, funds = simulated(1)
    returns[:, 0] = 0.0
    returns[:100, 1] = nan
    assert np.isnan(out_of_sample_r2(returns, market, funds)).tolist() == [True, False, False, False]
    with pytest.raises(ValueError, match="folds is 1"):
        out_of_sample_r2(returns, market, funds, folds=1)


def test_young_instruments_lean_on_their_sector_by_hand():
    betas = [[1.0, 0.2], [2.0, 0.4], [9.0, 9.0], [nan, nan], [5.0, 5.0], [3.0, 3.0]]
    found = shrunk_to_sector(betas, [252, 60, 15, 0, 30, 252], [0, 0, 0, 0, 1, nan])
    assert found.betas[:3] == pytest.approx(np.array([[1.0, 0.2], [2.0, 0.4], [3.375, 2.475]]))  # 1/4 own, 3/4 mean
    assert found.betas[3] == pytest.approx([1.5, 0.3])
    assert np.isnan(found.betas[4]).all()  # nobody to lean on
    assert found.betas[5].tolist() == [3.0, 3.0]
    assert found.leaning.tolist() == [False, False, True, True, False, False]


def test_legs_of_the_styles():
    assert style_legs(3).tolist() == np.eye(3).tolist()
    assert style_legs(3, value=0, growth=2).tolist() == [[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
