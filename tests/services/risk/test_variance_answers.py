"""The variance of a book and its active risk: known figures on real prices, sums, hedges, and over the wire."""

import dataclasses
import math

import numpy as np
import pytest

from plimsoll.risk.v1 import analytics_service_pb2 as pb
from services.risk.domain.active_risk import ACTIVE_RISK, ActiveRiskParameters
from services.risk.domain.factor_fits import fit_book
from services.risk.domain.variance_decomposition import VARIANCE_DECOMPOSITION, VarianceParameters
from services.risk.domain.variance_parts import sector_numbers, specific_of
from tests.services.risk import bundled_book, servers
from tests.services.risk.books import AAPL, PORTFOLIO_ID
from tests.services.risk.histories import factor_history, facts
from tests.services.risk.test_factor_answers import FUNDS, MARKET, NAMES, RETURNS, ROWS, fitted_stack, history, inputs

__all__ = ["fitted_stack"]
ONE = (dataclasses.replace(AAPL, quantity=200.0),)


def variance(given, **parameters):
    found = VARIANCE_DECOMPOSITION.compute(given, VarianceParameters(**parameters))
    assert found.body is not None, found.reason
    return found.body


def active(given, **parameters):
    return ACTIVE_RISK.compute(given, ActiveRiskParameters(**parameters))


def test_twenty_stocks_are_mostly_the_market():
    found = variance(bundled_book.inputs())
    assert 86.0 <= found.factor.variance_percent <= 93.0
    assert (
        found.factor.variance_percent + found.industry.variance_percent + found.specific.variance_percent
        == pytest.approx(100.0)
    )
    assert found.market.variance_percent + found.style.variance_percent == pytest.approx(found.factor.variance_percent)
    assert found.industry.variance_percent > 0.0
    assert 0.1 < found.volatility < 0.3


def test_contributions_add_up():
    found = variance(bundled_book.inputs())
    assert math.fsum(each.volatility_contribution for each in found.positions) == pytest.approx(found.volatility_dollar)
    assert math.fsum(each.variance_percent for each in found.positions) == pytest.approx(100.0)
    by_factor = math.fsum(each.volatility_contribution for each in found.factors)
    assert by_factor == pytest.approx(found.factor.volatility_contribution)


def test_a_marginal_volatility_is_what_one_more_unit_of_exposure_adds():
    parts = {"XOM": 0.5, "AAPL": 0.3, "CVX": -0.2}
    found = variance(bundled_book.inputs(weights=parts))
    more = variance(bundled_book.inputs(weights=parts | {"AAPL": 0.3001}))
    added = (more.volatility_dollar - found.volatility_dollar) / 10.0
    assert found.positions[1].marginal_volatility == pytest.approx(added, rel=1e-3)


def test_one_oil_company_against_another_is_a_hedge():
    found = variance(bundled_book.inputs(weights={"XOM": 1.0, "CVX": -1.0}, cash=[("USD", 100_000.0)]))
    assert found.industry.variance_percent < 0.0
    alone = variance(bundled_book.inputs(weights={"XOM": 1.0}))
    assert found.volatility_dollar < 0.7 * alone.volatility_dollar


def test_a_position_in_two_parts_changes_nothing():
    half = dataclasses.replace(AAPL, quantity=100.0)
    whole, split = variance(inputs(ONE)), variance(inputs((half, half)))
    assert split.volatility_dollar == pytest.approx(whole.volatility_dollar)
    assert split.specific.variance_percent == pytest.approx(whole.specific.variance_percent)


def test_factors_are_those_of_the_regression():
    found = variance(inputs())
    assert [factor.name for factor in found.factors] == ["Market Beta", "Growth less Value", "Quality"]
    assert found.factors[0].exposure_dollar == pytest.approx(found.factors[0].beta * found.total_value)


def test_the_other_covariance_is_another_answer():
    slow, fast = variance(inputs()), variance(inputs(), covariance_method="ewma")
    assert fast.covariance_method == "ewma"
    decay = 0.94 ** np.arange(251.0, -1.0, -1.0)
    expected = math.sqrt(252 * (decay @ MARKET**2) / decay.sum())
    assert fast.factors[0].factor_volatility == pytest.approx(expected)
    assert slow.factors[0].factor_volatility != pytest.approx(expected)


def test_a_book_that_never_moved_has_no_shares():
    found = variance(inputs(ONE, history=history(0.0 * RETURNS)))
    assert (found.volatility_dollar, found.factor.variance_percent, found.positions[0].variance_percent) == (
        0.0,
        None,
        None,
    )


def test_unknown_sectors_stand_alone():
    given = facts(("Energy", "", "Energy"))
    assert sector_numbers(given, (1, 2, 3)).tolist()[::2] == [0.0, 0.0]
    assert np.isnan(sector_numbers(given, (1, 2, 3))[1])
    alike = np.column_stack([RETURNS[:, 0], RETURNS[:, 0], RETURNS[:, 0] + RETURNS[:, 2]])
    known = inputs(history=history(alike), facts=given)
    specific = specific_of(known, fit_book(known))
    assert specific[0, 1] == 0.0 < specific[0, 2]  # AAPL, XOM and MSFT by size


def test_without_a_value_there_are_amounts_alone():
    found = variance(inputs(cash=[("USD", -1e6)]))
    assert (found.volatility, found.total_value_reason) == (None, "net_asset_value_not_positive")
    assert found.volatility_dollar > 0.0


# --- active risk ---


def test_active_risk_adds_up_and_knows_the_beta():
    given = bundled_book.inputs()
    found = active(given).body
    assert found.benchmark == "SP500"
    assert found.beta_to_benchmark == pytest.approx(0.796, abs=0.03)
    parts = [each.volatility_contribution for each in (*found.positions, found.benchmark_contribution)]
    assert math.fsum(parts) == pytest.approx(found.tracking_error_dollar)
    assert (
        found.factor.variance_percent + found.industry.variance_percent + found.specific.variance_percent
        == pytest.approx(100.0)
    )
    assert 0.02 < found.tracking_error < variance(given).volatility
    assert found.factors[0].beta == pytest.approx(0.796 - 1.0, abs=0.001)


def test_a_book_that_is_the_benchmark_has_no_active_risk():
    returns = RETURNS.copy()
    returns[:, 0] = MARKET
    found = active(inputs(ONE, cash=(), history=history(returns))).body
    assert found.tracking_error == pytest.approx(0.0, abs=1e-6)
    assert found.beta_to_benchmark == pytest.approx(1.0)


def test_the_variance_of_the_difference_is_what_it_must_be():
    """sigma_active^2 = sigma_book^2 + sigma_benchmark^2 - 2 beta sigma_benchmark^2"""
    given = inputs()
    for symbol in ("", "QUALITY"):
        found, book = active(given, benchmark=symbol).body, variance(given)
        square = book.volatility**2 + (1.0 - 2.0 * found.beta_to_benchmark) * found.benchmark_volatility**2
        assert found.tracking_error**2 == pytest.approx(square)


@pytest.mark.parametrize(
    ("changes", "parameters", "reason"),
    [
        ({}, {"benchmark": "NONE"}, "no_benchmark_data"),
        ({"cash": [("USD", -1e6)]}, {}, "net_asset_value_not_positive"),
        ({"rows": ()}, {}, "no_exposure"),
        ({"factors": factor_history(FUNDS[:, 1:], NAMES[1:])}, {}, "no_factor_data"),
    ],
)
def test_reasons(changes, parameters, reason):
    found = active(inputs(**changes), **parameters)
    assert (found.body, found.reason) == (None, reason)


def test_another_benchmark_of_the_owner_is_told():
    given = inputs()
    found = active(dataclasses.replace(given, book=dataclasses.replace(given.book, benchmark="QQQ")))
    assert any("QQQ" in warning for warning in found.warnings)


async def test_variance_and_active_risk_over_the_wire(fitted_stack):
    ask, call = fitted_stack.analytics, {"metadata": servers.metadata()}
    request = pb.GetVarianceDecompositionRequest(portfolio_id=PORTFOLIO_ID, covariance_method="ewma")
    answer = await ask.GetVarianceDecomposition(request, **call)
    expected = variance(inputs(), covariance_method="ewma")
    assert (answer.available, answer.volatility) == (True, expected.volatility)
    assert [each.variance_percent for each in answer.positions] == [
        each.variance_percent for each in expected.positions
    ]
    assert len(answer.positions) == len(ROWS)
    answer = await ask.GetActiveRisk(pb.GetActiveRiskRequest(portfolio_id=PORTFOLIO_ID, benchmark="quality"), **call)
    assert answer.tracking_error == active(inputs(), benchmark="QUALITY").body.tracking_error
    assert answer.benchmark == "QUALITY"
