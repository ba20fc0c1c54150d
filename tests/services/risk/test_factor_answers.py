"""Answers about factors: real prices against known figures, statsmodels and identities, then over the wire."""

import dataclasses
import math

import grpc
import msgspec
import numpy as np
import pytest
import statsmodels.api as sm
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1.result_service_pb2 import GetResultRequest, ReplayResultRequest, ReplayResultResponse
from services.risk.domain.active_risk import ACTIVE_RISK, ActiveRiskParameters
from services.risk.domain.analysis import NoParameters
from services.risk.domain.book import NO_BOOK
from services.risk.domain.factor_correlations import FACTOR_CORRELATIONS, FactorCorrelationParameters
from services.risk.domain.factor_exposures import FACTOR_EXPOSURES
from services.risk.domain.inputs import Inputs
from services.risk.domain.position_factors import POSITION_FACTOR_EXPOSURES, PositionFactorParameters
from services.risk.domain.variance_decomposition import VARIANCE_DECOMPOSITION, VarianceParameters
from tests.services.risk import bundled_book, servers
from tests.services.risk.books import AAPL, CALL, MSFT, PORTFOLIO_ID, XOM, book, book_message, mark, market, option_mark
from tests.services.risk.conftest import refused
from tests.services.risk.histories import factor_history, facts, history, history_of
from tests.services.risk.test_domain import numbers_in

RANDOM = np.random.default_rng(5)
NAMES = ("Market Beta", "Value", "Growth", "Quality")
MARKET = RANDOM.normal(0.0, 0.01, 252)
FUNDS = np.column_stack([MARKET, 0.9 * MARKET[:, None] + RANDOM.normal(0.0, 0.004, (252, 3))])
RETURNS = np.outer(MARKET, [1.2, 0.8, 1.0]) + RANDOM.normal(0.0, 0.01, (252, 3))
ROWS = (dataclasses.replace(AAPL, quantity=200.0), dataclasses.replace(XOM, quantity=-100.0), MSFT, CALL)
MARKS = [mark(1, 126.04), mark(2, 108.38), mark(3, 234.53), option_mark(4, 5.5)]
FACTORS = factor_history(FUNDS, NAMES, [("Size", "no_proxy")])


def inputs(rows=ROWS, cash=(("USD", 5_000.0),), **slices):
    known = {"history": history(RETURNS), "factors": FACTORS, "facts": facts(("Technology", "Energy", "Technology"))}
    return Inputs(book(rows, cash=cash), market(*MARKS), **(known | slices))


def exposures(given):
    found = FACTOR_EXPOSURES.compute(given, NoParameters())
    assert found.body is not None, found.reason
    return found.body


def test_twenty_stocks_as_one_book():
    found = exposures(bundled_book.inputs())
    assert found.market_beta == pytest.approx(0.7960, abs=0.001)
    assert found.diagnostics.r2 == pytest.approx(0.923, abs=0.001)
    assert found.diagnostics.out_of_sample_r2 == pytest.approx(found.diagnostics.r2, abs=0.03)
    assert found.diagnostics.condition_number > 400 > 10 > found.diagnostics.basis_condition_number
    assert [factor.name for factor in found.factors] == [
        "Low Volatility",
        "Market Beta",
        "Momentum",
        "Quality",
        "Size",
        "Value",
    ]
    assert [factor.name for factor in found.inactive_factors] == ["Growth", "Short Interest"]
    # what all funds together explain of the market's own move is the market beta, not the entry of that name
    raw = {factor.name: factor.beta for factor in found.factors}
    assert raw["Market Beta"] != pytest.approx(found.market_beta, abs=0.05)


def test_betas_are_exposures_by_value_and_the_errors_are_of_the_books_own_regression():
    given = inputs()
    found = exposures(given)
    rest = exposures(dataclasses.replace(given, book=book(ROWS, cash=[("USD", 25_000.0)])))
    for factor, other in zip(found.factors, rest.factors, strict=True):
        assert factor.beta == pytest.approx(factor.exposure_dollar / found.total_value)
        assert factor.t_stat == pytest.approx(other.t_stat)
        assert factor.standard_error / factor.beta == pytest.approx(other.standard_error / other.beta)
    spread = {factor.name: factor for factor in found.factors}
    assert spread["Value"].exposure_dollar == pytest.approx(-spread["Growth"].exposure_dollar)


def test_t_statistics_are_those_of_a_plain_regression_of_the_book():
    one = inputs(
        (dataclasses.replace(AAPL, quantity=200.0),), factors=factor_history(FUNDS[:, [0, 1, 3]], NAMES[:2] + NAMES[3:])
    )
    found = {factor.name: factor for factor in exposures(one).factors}
    fit = sm.OLS(RETURNS[:, 0], sm.add_constant(FUNDS[:, [0, 1, 3]])).fit()
    assert [found[name].t_stat for name in ("Market Beta", "Value", "Quality")] == pytest.approx(fit.tvalues[1:])


def test_positions_add_to_the_book():
    given = inputs()
    whole = {factor.name: factor.exposure_dollar for factor in exposures(given).factors}
    found = POSITION_FACTOR_EXPOSURES.compute(given, PositionFactorParameters()).body
    assert [position.symbol for position in found.positions] == [row.symbol for row in ROWS]
    for name, dollars in whole.items():
        assert math.fsum(each.exposure_dollars[name] for each in found.positions) == pytest.approx(dollars)
    share, _, _, option = found.positions
    assert option.exposures == share.exposures
    assert option.underlying_symbol == "AAPL"


def test_positions_come_in_pages_and_by_symbol():
    given = inputs()

    def page(**parameters):
        return POSITION_FACTOR_EXPOSURES.compute(given, PositionFactorParameters(**parameters)).body

    assert [each.symbol for each in page(limit=2, offset=1).positions] == ["XOM", "MSFT"]
    assert page(limit=2, offset=1).total == 4
    assert [each.symbol for each in page(symbols=("AAPL",)).positions] == ["AAPL", CALL.symbol]
    assert page(symbols=("NONE",)).total == 0
    assert page(offset=9).positions == ()


def test_without_a_value_there_are_amounts_and_no_betas():
    found = exposures(inputs(cash=[("USD", -1e6)]))
    assert (found.market_beta, found.total_value_reason) == (None, "net_asset_value_not_positive")
    assert {factor.beta for factor in found.factors} == {None}
    assert {factor.standard_error for factor in found.factors} == {None}
    assert found.market_exposure_dollar != 0.0
    assert found.diagnostics.r2 is not None


def test_positions_that_share_too_few_sessions_have_betas_and_no_errors():
    returns = RETURNS.copy()
    returns[:150, 0] = np.nan
    returns[180:, 1] = np.nan
    found = exposures(inputs(history=history(returns)))
    assert found.diagnostics.observations < 60
    assert (found.diagnostics.r2, found.market_beta_error) == (None, None)
    assert found.market_beta is not None


closes = arrays.arrays(
    np.float64,
    st.tuples(st.integers(0, 120), st.just(6)),
    elements=st.sampled_from([math.nan, 0.0, 100.0, 100.0, 101.0]) | st.floats(0.1, 1e3),
)


@settings(max_examples=60, deadline=None)
@given(closes, st.lists(st.floats(-1e4, 1e4).filter(lambda quantity: abs(quantity) > 1e-3), min_size=3, max_size=3))
def test_whatever_the_history_every_number_is_finite(closes, quantities):
    rows = [dataclasses.replace(row, quantity=size) for row, size in zip(ROWS, quantities, strict=False)]
    factors = dataclasses.replace(FACTORS, session_dates=history_of(closes).session_dates if len(closes) else ())
    factors = dataclasses.replace(factors, names=NAMES[:3], symbols=NAMES[:3], closes=closes[:, 3:])
    given = inputs(rows, cash=[("USD", 1e6)], history=history_of(closes[:, :3]), factors=factors)
    for analysis, parameters in ANALYSES:
        found = analysis.compute(given, parameters)
        assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found.body)))
        assert (found.body is None) == bool(found.reason)


ANALYSES = [
    (FACTOR_EXPOSURES, NoParameters()),
    (POSITION_FACTOR_EXPOSURES, PositionFactorParameters()),
    (VARIANCE_DECOMPOSITION, VarianceParameters()),
    (FACTOR_CORRELATIONS, FactorCorrelationParameters()),
    (ACTIVE_RISK, ActiveRiskParameters()),
]


def correlations(given, **parameters):
    return FACTOR_CORRELATIONS.compute(given, FactorCorrelationParameters(**parameters))


def test_correlations_of_factors_are_numpys_with_falling_weights():
    given = Inputs(NO_BOOK, market(), factors=FACTORS)
    found = correlations(given, covariance_method="ewma").body
    weight = 0.94 ** np.arange(251.0, -1.0, -1.0)
    expected = (FUNDS * weight[:, None]).T @ FUNDS
    deviation = np.sqrt(np.diag(expected))
    rows = [[found.matrix[name][other] for other in NAMES] for name in NAMES]
    assert rows == pytest.approx(expected / np.multiply.outer(deviation, deviation))
    assert list(found.basis_matrix) == ["Market Beta", "Growth less Value", "Quality"]
    assert found.condition_number > 10 > found.basis_condition_number
    plain = [sm.OLS(FUNDS[:, k], sm.add_constant(np.delete(FUNDS, k, axis=1))).fit().rsquared for k in range(4)]
    assert [each.variance_inflation for each in found.factors] == pytest.approx([1 / (1 - r2) for r2 in plain])


def test_correlations_of_real_factors():
    found = correlations(Inputs(NO_BOOK, market(), factors=bundled_book.factors(252)))
    assert (found.lookback.observations, found.body.inactive_factors[0].name) == (252, "Growth")
    assert found.body.condition_number == pytest.approx(560.3, abs=0.1)
    assert found.body.matrix["Market Beta"]["Quality"] > 0.95
    assert abs(found.body.basis_matrix["Market Beta"]["Quality"]) < 0.5
    assert found.body.matrix["Value"]["Value"] == 1.0


def test_without_factors_there_are_no_correlations():
    found = correlations(Inputs(NO_BOOK, market(), factors=factor_history(FUNDS[:, 1:], NAMES[1:])))
    assert (found.body, found.reason) == (None, "no_factor_data")


@pytest.fixture
def fitted_stack(stack):
    stack.portfolio.book = book_message(ROWS, cash=[("USD", 5_000.0)])
    stack.marketdata.known = {each.instrument_id: each for each in MARKS}
    stack.marketdata.history = history(RETURNS)
    stack.marketdata.factors = FACTORS
    stack.marketdata.facts = facts(("Technology", "Energy", "Technology"))
    return stack


def told(answer):
    return MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


async def test_factor_exposures_over_the_wire(fitted_stack):
    request = pb.GetFactorExposuresRequest(portfolio_id=PORTFOLIO_ID)
    answer = await fitted_stack.analytics.GetFactorExposures(request, metadata=servers.metadata())
    assert (answer.available, answer.factor_model, answer.calculation_date) == (
        True,
        "market_plus_styles",
        "2022-12-28",
    )
    expected = exposures(inputs())
    assert [factor.name for factor in answer.factors] == ["Growth", "Market Beta", "Quality", "Value"]
    assert [factor.beta for factor in answer.factors] == [factor.beta for factor in expected.factors]
    assert told(answer)["inactive_factors"] == [{"name": "Size", "reason": "no_proxy"}]
    assert (answer.metadata.lookback_days, answer.metadata.observations) == (252, 252)


async def test_positions_over_the_wire(fitted_stack):
    def ask(**fields):
        request = pb.ListPositionFactorExposuresRequest(portfolio_id=PORTFOLIO_ID, **fields)
        return fitted_stack.analytics.ListPositionFactorExposures(request, metadata=servers.metadata())

    answer = await ask(limit=1, symbols=["xom, aapl", "MSFT"])
    assert (answer.total, answer.limit, answer.offset) == (4, 1, 0)
    assert set(answer.positions[0].exposures) == set(NAMES)
    assert (await ask()).limit == 50
    many = [",".join(f"S{number}" for number in range(201))]
    assert await refused(ask(symbols=many)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["symbols"])
    assert await refused(ask(symbols=[",, "])) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["symbols"])
    assert await refused(ask(limit=201)) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["limit"])


async def test_correlations_of_factors_need_no_portfolio_and_can_be_replayed(fitted_stack):
    request = pb.GetFactorCorrelationsRequest(lookback_days=100)
    call = {"metadata": servers.metadata()}
    answer = await fitted_stack.analytics.GetFactorCorrelations(request, **call)
    assert (answer.available, answer.metadata.lookback_days, answer.metadata.observations) == (True, 100, 100)
    assert set(answer.matrix["Market Beta"].fields) == set(NAMES)
    assert fitted_stack.portfolio.callers == []
    name = answer.metadata.result_id
    replayed = await fitted_stack.results.ReplayResult(ReplayResultRequest(result_id=name), **call)
    assert ReplayResultResponse.Verdict.Name(replayed.verdict) == "IDENTICAL"
    kept = await fitted_stack.results.GetResult(GetResultRequest(result_id=name), **call)
    assert (kept.result.portfolio_id, kept.result.kind) == ("", "factor_correlations")


@pytest.mark.parametrize("kind", ["GetFactorExposures", "GetVarianceDecomposition", "GetActiveRisk"])
async def test_a_replay_in_a_fresh_process_gives_the_same_bytes(fitted_stack, kind):
    call = {"metadata": servers.metadata()}
    request = getattr(pb, f"{kind}Request")(portfolio_id=PORTFOLIO_ID)
    answer = await getattr(fitted_stack.analytics, kind)(request, **call)
    assert answer.available
    request = ReplayResultRequest(result_id=answer.metadata.result_id)
    replayed = await fitted_stack.results.ReplayResult(request, **call)
    assert ReplayResultResponse.Verdict.Name(replayed.verdict) == "IDENTICAL"
