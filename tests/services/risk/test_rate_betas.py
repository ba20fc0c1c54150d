"""Rate betas of what a book follows, against statsmodels, and why there may be none."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm

from services.risk.domain.analysis import Found
from services.risk.domain.inputs import Inputs
from services.risk.domain.rate_betas import RatedBook, newest_yield, rate_book
from tests.services.risk.books import AAPL, AS_OF, MSFT, XOM, book, mark, market
from tests.services.risk.histories import history, market_history, yield_history

RANDOM = np.random.default_rng(8)
MARKET = RANDOM.normal(0.0, 0.01, 756)
CHANGE = RANDOM.normal(0.0, 0.0006, 756)
RETURNS = np.outer(MARKET, [1.2, 0.8, 1.0]) + np.outer(CHANGE, [7.0, -2.0, 0.0]) + RANDOM.normal(0.0, 0.008, (756, 3))
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0), MSFT)
MARKS = [mark(1, 126.04), mark(2, 108.38), mark(3, 234.53)]


def rated(returns=RETURNS, yields=None, factors=None, tenor="10Y", rows=ROWS):
    inputs = Inputs(
        book(rows, cash=[("USD", 5_000.0)]),
        market(*MARKS),
        history=history(returns),
        factors=factors or market_history(MARKET),
        yields=yields or yield_history(CHANGE[:, None]),
    )
    return rate_book(inputs, tenor)


def test_betas_and_errors_are_statsmodels():
    found = rated()
    assert isinstance(found, RatedBook)
    regressors = sm.add_constant(np.column_stack([CHANGE, MARKET]))
    for column in range(3):
        fit = sm.OLS(RETURNS[:, column], regressors).fit(cov_type="HAC", cov_kwds={"maxlags": 7})
        place = found.moved.underlyings.symbols.index(("AAPL", "XOM", "MSFT")[column])
        assert found.betas.rate_beta[place] == pytest.approx(fit.params[1], rel=1e-6)
        assert found.betas.t[place] == pytest.approx(fit.tvalues[1], rel=1e-6)
    assert (found.lookback.lookback_days, found.lookback.observations) == (756, 756)


def test_a_day_without_a_yield_is_left_out_and_nothing_is_carried_forward():
    yields = yield_history(CHANGE[:, None])
    gap = dataclasses.replace(yields, yields=yields.yields.copy())
    gap.yields[100] = np.nan
    found = rated(yields=gap)
    assert found.betas.observations.tolist() == [754, 754, 754]
    fewer = dataclasses.replace(yields, dates=yields.dates[:100] + yields.dates[101:])
    fewer = dataclasses.replace(fewer, yields=np.delete(yields.yields, 100, axis=0))
    assert rated(yields=fewer).betas.rate_beta.tolist() == found.betas.rate_beta.tolist()


def test_a_short_history_is_left_out():
    returns = RETURNS.copy()
    returns[:700, 1] = np.nan
    found = rated(returns=returns)
    assert found.moved.underlyings.symbols == ("AAPL", "MSFT")
    assert found.moved.columns_of(book(ROWS).held).tolist() == [0, -1, 1]


STILL = yield_history(0.0 * CHANGE[:, None])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rows": ()}, "no_exposure"),
        ({"tenor": "30Y"}, "no_yields"),
        ({"yields": dataclasses.replace(STILL, dates=(), tenors=(), yields=np.empty((0, 0)))}, "no_yields"),
        ({"factors": market_history(MARKET, "Value")}, "no_factor_data"),
        ({"yields": STILL}, "insufficient_overlap"),
        ({"returns": np.where(np.arange(756)[:, None] < 700, np.nan, RETURNS)}, "insufficient_overlap"),
    ],
)
def test_reasons(changes, reason):
    found = rated(**changes)
    assert isinstance(found, Found)
    assert (found.body, found.reason) == (None, reason)


def test_the_newest_yield_of_a_tenor():
    yields = yield_history(CHANGE[:, None])
    assert newest_yield(yields, "10Y") == (AS_OF, pytest.approx(0.03 + CHANGE.sum()))
    assert newest_yield(yields, "2Y") is None


def test_yields_are_part_of_what_an_answer_is_named_by():
    inputs = Inputs(book(ROWS), market(*MARKS), yields=yield_history(CHANGE[:, None], version=9))
    assert inputs.data_version == 9
    one_basis_point = dataclasses.replace(inputs, yields=yield_history(CHANGE[:, None], start=0.0301, version=9))
    assert inputs.digests()["yields"] != one_basis_point.digests()["yields"]
