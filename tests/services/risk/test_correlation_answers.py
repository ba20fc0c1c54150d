"""Correlations, clusters and diversification of a book, against numpy and arithmetic by hand."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chassis.errors import InvalidFields
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import correlation_pb2
from services.risk.domain import comovement
from services.risk.domain.correlation_clusters import CORRELATION_CLUSTERS, ClusterParameters
from services.risk.domain.correlation_matrix import CORRELATION_MATRIX, CorrelationMatrixParameters
from services.risk.domain.diversification import DIVERSIFICATION_SCORE, DiversificationParameters
from services.risk.domain.inputs import Inputs
from services.risk.domain.result_id import Resolved
from services.risk.handlers.catalogue import KINDS
from services.risk.handlers.correlation_analytics import CorrelationAnalytics
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, MSFT, XOM, Row, book, mark, market, no_mark, option_mark
from tests.services.risk.histories import facts, history, history_of, market_history
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
LONG = dataclasses.replace(AAPL, quantity=200.0)
SHORT = dataclasses.replace(XOM, quantity=-200.0)
THIRD = dataclasses.replace(MSFT, quantity=100.0)
ROWS = (LONG, SHORT, THIRD)
SIZES = {"AAPL": 20_000.0, "XOM": -30_000.0, "MSFT": 12_000.0}
MARKS = [mark(1, 100.0), mark(2, 150.0), mark(3, 120.0)]
DRAWN = np.random.default_rng(7).normal(0.0, 0.01, (90, 4))
RETURNS = DRAWN[:, :3] + DRAWN[:, 3:] * [1.0, 0.5, 0.8]
LOGS = np.log1p(RETURNS)
EVERY = [
    (CORRELATION_MATRIX, CorrelationMatrixParameters()),
    (CORRELATION_CLUSTERS, ClusterParameters(lookback_days=90)),
    (CORRELATION_CLUSTERS, ClusterParameters(lookback_days=252, method="residual")),
    (DIVERSIFICATION_SCORE, DiversificationParameters()),
]


def answer(analysis, parameters, rows=ROWS, marks=MARKS, returns=RETURNS, **slices):
    slices = {"history": history(returns)} | slices
    return ask(OWNER, book(rows, cash=[("USD", 1000.0)]), market(*marks), analysis, parameters, **slices)


def matrix(rows=ROWS, returns=RETURNS, marks=MARKS, **parameters):
    return answer(CORRELATION_MATRIX, CorrelationMatrixParameters(**parameters), rows, marks, returns)


def clusters(rows=ROWS, returns=RETURNS, sectors=("", "", ""), factors=None, **parameters):
    known = {"lookback_days": 90} | parameters
    slices = {"facts": facts(sectors), "factors": factors}
    return answer(CORRELATION_CLUSTERS, ClusterParameters(**known), rows, MARKS, returns, **slices)


def score(rows=ROWS, returns=RETURNS, **parameters):
    return answer(DIVERSIFICATION_SCORE, DiversificationParameters(**parameters), rows, MARKS, returns)


def test_correlations_are_those_of_log_returns_and_a_short_turns_the_sign():
    found = matrix().summary
    rho = np.corrcoef(LOGS.T)
    assert list(found.data.matrix) == ["XOM", "AAPL", "MSFT"]  # the largest first
    assert found.data.matrix["AAPL"]["MSFT"] == pytest.approx(rho[0, 2], abs=1e-12)
    assert found.data.matrix["AAPL"]["XOM"] == found.data.matrix["XOM"]["AAPL"] == pytest.approx(-rho[0, 1], abs=1e-12)
    assert [found.data.matrix[symbol][symbol] for symbol in SIZES] == [1.0, 1.0, 1.0]
    assert found.data.average_correlation == pytest.approx((rho[0, 2] - rho[0, 1] - rho[1, 2]) / 3)
    assert (found.window, found.repair_distance) == ("common", 0.0)


def test_symbols_with_exposure_and_weight():
    found = matrix().summary
    assert {each.symbol: each.net_exposure for each in found.symbols} == pytest.approx(SIZES)
    assert [each.weight for each in found.symbols] == pytest.approx([30 / 62, 20 / 62, 12 / 62])


def test_positions_of_one_underlying_are_one_symbol():
    option = dataclasses.replace(CALL, quantity=-1.0)
    found = matrix((*ROWS, option), marks=[*MARKS, option_mark(4, 5.0)]).summary
    by_symbol = {each.symbol: each.net_exposure for each in found.symbols}
    assert set(by_symbol) == set(SIZES)
    assert 20_000.0 - 100 * 126.04 < by_symbol["AAPL"] < 20_000.0


def test_no_more_symbols_than_asked_for():
    found = matrix(max_symbols=2).summary
    assert [each.symbol for each in found.symbols] == ["XOM", "AAPL"]
    assert [(left.symbol, left.reason) for left in found.left_out] == [("MSFT", "beyond_max_symbols")]


@pytest.mark.parametrize(
    ("mode", "left_out"),
    [
        ("both", ["MSFT", "LOW"]),
        ("either", ["LOW"]),
        ("value_only", ["LOW", "MSFT"]),
        ("weight_only", ["LOW"]),
    ],
)
def test_small_symbols_are_left_out_and_named(mode, left_out):
    small = dataclasses.replace(MSFT, quantity=50.0)  # 6,000: less than 10,000, more than 1 %
    low = Row("LOW", 8, 1.0, 50.0)  # 50: neither
    marks = [*MARKS, mark(8, 50.0)]
    parameters = CorrelationMatrixParameters(filter_mode=mode)
    four = np.column_stack([RETURNS, DRAWN[:, 3]])
    histories = history(four, (1, 2, 3, 8))
    found = answer(CORRELATION_MATRIX, parameters, (LONG, SHORT, small, low), marks, history=histories).summary
    assert {(left.symbol, left.reason) for left in found.left_out} == {
        (symbol, "below_threshold") for symbol in left_out
    }


def test_a_large_value_may_have_a_small_weight():
    giant = Row("XOM", 2, 20_000.0, 1.0)  # 3,000,000, of which 20,000 are less than 1 %
    found = matrix((LONG, giant), filter_mode="either").summary
    assert [each.symbol for each in found.symbols] == ["XOM", "AAPL"]
    assert matrix((LONG, giant)).reason == "no_calculation_available"


def test_a_short_history_is_left_out():
    returns = RETURNS.copy()
    returns[:70, 2] = np.nan
    found = matrix(returns=returns).summary
    assert [(left.symbol, left.reason) for left in found.left_out] == [("MSFT", "insufficient_overlap")]
    assert (found.window, list(found.data.matrix)) == ("common", ["XOM", "AAPL"])


def test_where_too_few_sessions_are_common_each_pair_has_its_own():
    returns, gaps = RETURNS.copy(), {0: (0, 20), 1: (35, 55), 2: (70, 90)}
    for column, (first, last) in gaps.items():
        returns[first:last, column] = np.nan
    found = matrix(returns=returns)  # 28 sessions are common to all, 48 or 49 to two of them
    assert found.summary.window == "pairwise"
    shared = [*range(21, 70)]
    assert found.summary.data.matrix["AAPL"]["MSFT"] == pytest.approx(np.corrcoef(LOGS[shared][:, [0, 2]].T)[0, 1])
    assert any("histories differ" in warning and "48 or more" in warning for warning in found.metadata.warnings)


@pytest.mark.parametrize(("analysis", "parameters"), EVERY)
def test_one_symbol_has_nothing_to_correlate_with_and_the_answer_says_over_how_long(analysis, parameters):
    slices = {"history": history(RETURNS), "facts": facts(("", "", "")), "factors": market_history(DRAWN[:, 3])}
    inputs = Inputs(book((LONG,), cash=[("USD", 1.0)]), market(*MARKS), **slices)
    found = analysis.compute(inputs, parameters)
    expected = "insufficient_symbols" if analysis is DIVERSIFICATION_SCORE else "no_calculation_available"
    assert (found.body, found.reason) == (None, expected)
    assert found.beside == {"duration_days": parameters.lookback_days}


@pytest.mark.parametrize(("analysis", "parameters"), EVERY)
def test_a_book_that_cannot_be_valued_has_a_reason_instead(analysis, parameters):
    answered = answer(analysis, parameters, (LONG,), [no_mark(1, "no_price")])
    assert (answered.summary, answered.reason) == (None, "no_market_data")


def test_the_message_has_the_matrix_as_objects():
    inputs = Inputs(book(ROWS), market(*MARKS), history=history(RETURNS))
    parameters = CorrelationMatrixParameters()
    found = CORRELATION_MATRIX.compute(inputs, parameters)
    message = rendered(inputs, parameters, found)
    told = MessageToDict(message, preserving_proto_field_name=True)
    assert told["data"] == {
        "matrix": {symbol: dict(row) for symbol, row in found.body.data.matrix.items()},
        "average_correlation": found.body.data.average_correlation,
    }
    assert (message.available, message.duration_days) == (True, 90)
    assert (message.metadata.lookback_days, message.metadata.observations) == (90, 90)
    assert message.metadata.date_range.end_date == "2022-12-28"
    alone = Inputs(book((LONG,)), market(*MARKS), history=history(RETURNS))
    message = rendered(alone, parameters, CORRELATION_MATRIX.compute(alone, parameters))
    assert (message.available, message.reason, message.duration_days) == (False, "no_calculation_available", 90)


def rendered(inputs, parameters, found):
    told = msgspec.to_builtins(parameters)
    resolved = Resolved("correlation_matrix", OWNER, inputs.book.portfolio_id, 3, "2022-12-28", told)
    return correlation_pb2.CorrelationMatrix.FromString(
        KINDS["correlation_matrix"].render(resolved, "name", inputs, found)
    )


def test_clusters_are_chains_of_large_correlations():
    together = DRAWN[:, [3, 1, 3]] + DRAWN[:, [0, 1, 2]] * 0.1
    found = clusters(returns=together).summary
    (one,) = found.clusters
    rho = np.corrcoef(np.log1p(together).T)
    assert one.symbols == ("AAPL", "MSFT")
    assert (one.name, one.named_by) == ("AAPL", "largest_member")
    assert one.average_correlation == pytest.approx(rho[0, 2])
    assert (one.gross_exposure, one.net_exposure) == pytest.approx((32_000.0, 32_000.0))
    assert one.gross_weight == found.concentration == pytest.approx(32 / 62)
    assert found.unclustered == ("XOM",)
    assert clusters(returns=together, threshold=0.999).summary.clusters == ()


def test_a_hedge_is_in_the_cluster_of_what_it_hedges():
    together = DRAWN[:, [3, 3, 1]] + DRAWN[:, [0, 1, 2]] * 0.1
    (one,) = clusters(returns=together).summary.clusters
    assert one.symbols == ("XOM", "AAPL")
    assert (one.gross_exposure, one.net_exposure) == pytest.approx((50_000.0, -10_000.0))
    assert one.average_correlation > 0.9
    assert clusters(returns=together).summary.average_correlation < 0.0


def test_a_cluster_is_named_by_what_most_of_its_members_share():
    together = DRAWN[:, [3, 3, 3]] + DRAWN[:, :3] * 0.1
    tagged = tuple(dataclasses.replace(row, tags=("core",)) for row in ROWS)
    (by_tag,) = clusters(tagged, together, ("Energy",) * 3).summary.clusters
    (by_sector,) = clusters((*tagged[:2], THIRD), together, ("Energy",) * 3).summary.clusters
    (by_nothing,) = clusters((*tagged[:2], THIRD), together, ("Energy", "Energy", "")).summary.clusters
    assert (by_tag.name, by_tag.named_by) == ("core", "tag")  # two of three are less than 70 %
    assert (by_sector.name, by_sector.named_by) == ("Energy", "sector")
    assert (by_nothing.name, by_nothing.named_by) == ("XOM", "largest_member")


def test_residual_clusters_are_of_what_the_market_leaves():
    shared, own = DRAWN[:, 0], DRAWN[:, 1:]
    driven = np.column_stack([DRAWN[:, 3], DRAWN[:, 3], DRAWN[:, 3]]) + 0.2 * np.column_stack(
        [shared, own[:, 0], shared + 0.3 * own[:, 1]]
    )
    raw = clusters(returns=driven).summary
    assert [set(each.symbols) for each in raw.clusters] == [{"AAPL", "XOM", "MSFT"}]
    left = clusters(returns=driven, method="residual", factors=market_history(DRAWN[:, 3])).summary
    assert (left.method, [each.symbols for each in left.clusters]) == ("residual", [("AAPL", "MSFT")])


def test_the_market_itself_is_in_no_residual_cluster():
    driven = np.column_stack([DRAWN[:, 3], DRAWN[:, 3] * 2.0, DRAWN[:, 0]])
    assert clusters(returns=driven, method="residual", factors=market_history(DRAWN[:, 3])).summary.clusters == ()


UNKNOWN = dataclasses.replace(market_history(DRAWN[:, 3]), closes=np.full((91, 1), np.nan))


@pytest.mark.parametrize("factors", [None, market_history(DRAWN[:, 3], "Value"), UNKNOWN])
def test_residuals_need_a_market(factors):
    assert clusters(method="residual", factors=factors).reason == "no_benchmark_data"


def test_diversification_by_hand():
    found = score().summary
    rho, deviation = np.corrcoef(LOGS.T), LOGS.std(axis=0, ddof=1)
    weight = np.array([20.0, -30.0, 12.0]) / 62.0
    products = {(i, j): abs(weight[i] * weight[j]) for i, j in ((0, 1), (0, 2), (1, 2))}
    expected = sum(part * abs(rho[pair]) for pair, part in products.items()) / sum(products.values())
    assert found.portfolio_correlation == pytest.approx(expected)
    variance = weight @ (rho * np.outer(deviation, deviation)) @ weight
    assert found.diversification_ratio == pytest.approx(abs(weight) @ deviation / math.sqrt(variance))
    assert 1.0 <= found.effective_bets <= 3.0
    assert (found.symbols_included, found.calculation_date.isoformat()) == (3, "2022-12-28")


def test_twins_are_one_bet_and_strangers_two():
    twins = score((LONG, THIRD), DRAWN[:, [3, 1, 3]] + 0.0).summary
    assert (twins.portfolio_correlation, twins.diversification_ratio) == pytest.approx((1.0, 1.0))
    assert twins.effective_bets == pytest.approx(1.0)
    first = np.tile([0.01, 0.01, -0.01, -0.01], 22)
    second = np.tile([0.01, -0.01, 0.01, -0.01], 22)
    equal = (LONG, dataclasses.replace(XOM, quantity=20_000 / 150.0))
    strangers = score(equal, np.column_stack([first, second, second])).summary
    assert strangers.portfolio_correlation == pytest.approx(0.0, abs=1e-12)
    assert strangers.diversification_ratio == pytest.approx(math.sqrt(2.0))


def test_a_perfect_hedge_has_no_ratio():
    hedge = dataclasses.replace(XOM, quantity=-20_000 / 150.0)
    found = score((LONG, hedge), DRAWN[:, [3, 3, 1]]).summary
    assert found.portfolio_correlation == pytest.approx(1.0)
    assert found.average_correlation == pytest.approx(-1.0)
    assert found.diversification_ratio is None


def test_the_score_takes_every_symbol_however_many():
    rows = [Row(f"S{number}", number, 100.0, 1.0) for number in range(1, 61)]
    marks = [mark(number, 200.0) for number in range(1, 61)]
    returns = np.random.default_rng(3).normal(0.0, 0.01, (90, 60))
    histories = history(returns, range(1, 61))
    assert (
        answer(
            DIVERSIFICATION_SCORE, DiversificationParameters(), rows, marks, history=histories
        ).summary.symbols_included
        == 60
    )


@pytest.mark.parametrize(("analysis", "parameters"), EVERY[1:])
def test_more_symbols_than_can_be_looked_at_together_are_refused(analysis, parameters, monkeypatch):
    monkeypatch.setattr(comovement, "MOST_SYMBOLS", 2)
    slices = {"facts": facts(("", "", "")), "factors": market_history(DRAWN[:, 3])}
    refused = answer(analysis, parameters, **slices)
    assert (refused.summary, refused.reason) == (None, "too_many_symbols")
    monkeypatch.undo()
    assert answer(analysis, parameters, **slices).summary is not None


REQUESTS = {
    "GetCorrelationMatrix": pb.GetCorrelationMatrixRequest,
    "GetCorrelationClusters": pb.GetCorrelationClustersRequest,
    "GetDiversificationScore": pb.GetDiversificationScoreRequest,
}


@pytest.mark.parametrize(("method", "request_type"), REQUESTS.items())
@pytest.mark.parametrize(
    ("stated", "shown"), [({"min_overlap": 91}, "91"), ({"lookback_days": 60, "min_overlap": 61}, "61")]
)
async def test_no_more_sessions_in_common_than_are_looked_back_over(method, request_type, stated, shown):
    with pytest.raises(InvalidFields) as raised:
        await getattr(CorrelationAnalytics(None), method)(request_type(**stated), None)
    assert [(each.field, each.value) for each in raised.value.violations] == [("min_overlap", shown)]


closes = arrays.arrays(
    np.float64,
    st.tuples(st.integers(0, 50), st.just(3)),
    elements=st.sampled_from([math.nan, 0.0, 99.0, 100.0, 100.0, 101.0, 1e-9, 1e9]) | st.floats(0.01, 1e4),
)


@settings(max_examples=60)
@given(closes, st.lists(st.floats(-1e6, 1e6).filter(lambda quantity: abs(quantity) > 1e-6), min_size=3, max_size=3))
@pytest.mark.parametrize(("analysis", "parameters"), EVERY)
def test_whatever_the_history_every_number_is_finite(analysis, parameters, closes, quantities):
    rows = [dataclasses.replace(row, quantity=quantity) for row, quantity in zip(ROWS, quantities, strict=True)]
    short = dataclasses.replace(parameters, min_overlap=20, filter_mode="either")
    market_too = market_history(np.zeros(max(len(closes) - 1, 0)))
    factors = dataclasses.replace(market_too, closes=closes[:, :1]) if len(closes) else None
    slices = {"history": history_of(closes), "facts": facts(("", "Energy", "")), "factors": factors}
    found = answer(analysis, short, rows, **slices)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(found)))
    assert (found.summary is None) == bool(found.reason)
