"""Rate betas of what a book follows, against statsmodels, and why there may be none."""

import dataclasses
import math

import grpc
import numpy as np
import pytest
import statsmodels.api as sm

from plimsoll.risk.v1.analytics_service_pb2 import GetInterestRateBetasRequest
from plimsoll.risk.v1.result_service_pb2 import ReplayResultRequest, ReplayResultResponse
from services.risk.domain.analysis import Found
from services.risk.domain.inputs import Inputs
from services.risk.domain.interest_rate_betas import INTEREST_RATE_BETAS, RateBetaParameters
from services.risk.domain.rate_betas import RatedBook, newest_yield, rate_book
from tests.services.risk import servers
from tests.services.risk.books import (
    AAPL,
    AS_OF,
    CALL,
    MSFT,
    PORTFOLIO_ID,
    XOM,
    book,
    book_message,
    mark,
    market,
    option_mark,
)
from tests.services.risk.conftest import refused
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


# --- the answer ---


def given(rows=ROWS, cash=(("USD", 5_000.0),), marks=MARKS, returns=RETURNS, yields=None):
    return Inputs(
        book(rows, cash=cash),
        market(*marks),
        history=history(returns),
        factors=market_history(MARKET),
        yields=yields or yield_history(CHANGE[:, None]),
    )


def answered(*args, **fields):
    found = INTEREST_RATE_BETAS.compute(given(*args, **fields), RateBetaParameters())
    assert found.body is not None, found.reason
    return found


def test_the_book_is_the_sum_of_its_positions_with_its_own_error():
    found = answered().body
    amounts = [each.delta_adjusted_exposure * each.sensitivity.rate_beta for each in found.positions]
    assert found.book.pnl_per_basis_point == pytest.approx(math.fsum(amounts) / 10_000.0)
    assert found.book.rate_beta == pytest.approx(math.fsum(amounts) / found.total_value)
    exposures = np.array([each.delta_adjusted_exposure for each in found.positions])
    regressors = sm.add_constant(np.column_stack([CHANGE, MARKET]))
    fit = sm.OLS(RETURNS @ exposures, regressors).fit(cov_type="HAC", cov_kwds={"maxlags": 7})
    assert found.book.t_stat == pytest.approx(fit.tvalues[1], rel=1e-6)
    assert found.book.standard_error == pytest.approx(fit.bse[1] / found.total_value, rel=1e-6)


def test_a_beta_that_may_as_well_be_nothing_is_marked():
    flags = {each.symbol: each.sensitivity.significant for each in answered().body.positions}
    assert flags["AAPL"]
    assert [abs(each.sensitivity.t_stat) >= 2.0 for each in answered().body.positions] == list(flags.values())


def test_an_option_has_the_beta_of_its_underlying():
    found = answered(rows=(*ROWS, CALL), marks=[*MARKS, option_mark(4, 5.5)])
    share, option = found.body.positions[0], found.body.positions[3]
    assert option.sensitivity.rate_beta == share.sensitivity.rate_beta
    assert 0.0 < option.delta_adjusted_exposure < 12_604.0
    assert any("rho" in warning for warning in found.warnings)


def test_without_a_value_there_are_amounts_and_betas_of_positions():
    found = answered(cash=[("USD", -1e6)]).body
    assert (found.book.rate_beta, found.total_value_reason) == (None, "net_asset_value_not_positive")
    assert found.book.pnl_per_basis_point != 0.0
    assert found.positions[0].sensitivity.rate_beta is not None


async def test_rate_betas_over_the_wire(stack):
    stack.portfolio.book = book_message(ROWS, cash=[("USD", 5_000.0)])
    stack.marketdata.known = {each.instrument_id: each for each in MARKS}
    stack.marketdata.history = history(RETURNS)
    stack.marketdata.factors = market_history(MARKET)
    stack.marketdata.yields = yield_history(np.column_stack([CHANGE, 0.5 * CHANGE]), ("10Y", "2Y"), version=9)

    def ask(**fields):
        request = GetInterestRateBetasRequest(portfolio_id=PORTFOLIO_ID, **fields)
        return stack.analytics.GetInterestRateBetas(request, metadata=servers.metadata())

    answer = await ask()
    expected = answered().body
    assert (answer.tenor, answer.yield_date, answer.metadata.data_version) == ("10Y", "2022-12-28", 9)
    assert answer.book.rate_beta == expected.book.rate_beta
    assert [each.sensitivity.t_stat for each in answer.positions] == [
        each.sensitivity.t_stat for each in expected.positions
    ]
    assert (answer.metadata.lookback_days, answer.metadata.observations) == (756, 756)
    assert (await ask(tenor="2Y")).book.rate_beta == pytest.approx(2.0 * answer.book.rate_beta)
    assert (await ask(tenor="30Y")).reason == "no_yields"
    assert await refused(ask(tenor="7Y")) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["tenor"])
    replay = ReplayResultRequest(result_id=answer.metadata.result_id)
    replayed = await stack.results.ReplayResult(replay, metadata=servers.metadata())
    assert ReplayResultResponse.Verdict.Name(replayed.verdict) == "IDENTICAL"
