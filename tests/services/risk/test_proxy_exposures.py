"""Positions by proxies of their own: statsmodels and rules by hand, then over the wire."""

import dataclasses
from datetime import date

import grpc
import numpy as np
import pytest
import statsmodels.api as sm

from plimsoll.portfolio.v1.risk_settings_pb2 import StockFactorProxies
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1.result_service_pb2 import ReplayResultRequest, ReplayResultResponse
from services.risk.domain.inputs import BookProxies, Inputs, OwnProxies
from services.risk.domain.market_factor import MARKET
from services.risk.domain.position_factors import PositionFactorParameters
from services.risk.domain.proxy_exposures import SESSIONS, STOCK_PROXY_EXPOSURES, monthly_returns
from tests.services.risk import servers
from tests.services.risk.books import AAPL, CALL, MSFT, PORTFOLIO_ID, XOM, book, book_message, mark, market, option_mark
from tests.services.risk.conftest import refused
from tests.services.risk.histories import days, factor_history, history, history_of

ROWS = (AAPL, dataclasses.replace(XOM, quantity=-100.0), MSFT, CALL)
MARKS = [mark(1, 126.04), mark(2, 108.38), mark(3, 234.53), option_mark(4, 5.5)]
IDS = {"SPY": 20, "MTUM": 21, "VLUE": 22, "XLK": 23, "HPQ": 24, "DELL": 25, "MSFT": 3}
RANDOM = np.random.default_rng(11)


def drawn(sessions=SESSIONS - 1):
    """Daily returns of three stocks and six proxies: funds that are mostly the market, peers mostly their industry."""
    spy = RANDOM.normal(0.0004, 0.01, sessions)
    mtum, vlue = (0.95 * spy + RANDOM.normal(0, 0.004, sessions) for _ in range(2))
    xlk = 1.1 * spy + RANDOM.normal(0, 0.006, sessions)
    hpq, dell = (xlk + RANDOM.normal(0, 0.008, sessions) for _ in range(2))
    stocks = [0.7 * spy + 0.5 * xlk + RANDOM.normal(0, 0.01, sessions) for _ in range(3)]
    return np.column_stack([*stocks, spy, mtum, vlue, xlk, hpq, dell])


RETURNS = drawn()
HISTORY = history(RETURNS, (1, 2, 3, 20, 21, 22, 23, 24, 25))
FACTORS = factor_history(RETURNS[:, 3:6], (MARKET, "Momentum", "Value"))
DEFAULT = OwnProxies((("SPY",), ("MTUM",), ("VLUE",), ("XLK",), ()), (False,) * 5)
OWN = OwnProxies((("SPY",), ("MTUM",), ("VLUE",), ("XLK",), ("HPQ", "DELL")), (False, False, False, True, True))
BY_SYMBOL = {"AAPL": OWN, "XOM": DEFAULT, "MSFT": DEFAULT}


def inputs(rows=ROWS, ids=IDS, prices=HISTORY, factors=None, **own):
    proxies = BookProxies(BY_SYMBOL | own, ids)
    marks = market(*MARKS)
    return Inputs(book(rows, cash=[("USD", 5_000.0)]), marks, history=prices, factors=factors, proxies=proxies)


def found_in(given, **parameters):
    return STOCK_PROXY_EXPOSURES.compute(given, PositionFactorParameters(**parameters))


def exposed(given, **parameters):
    found = found_in(given, **parameters)
    assert found.body is not None, found.reason
    return {position.symbol: position for position in found.body.positions}


def test_betas_are_those_of_a_regression_by_statsmodels():
    apple = exposed(inputs())["AAPL"]
    months = monthly_returns(HISTORY, None).returns
    market, industry, peers = months[:, 3], months[:, 6], np.median(months[:, 7:], axis=1)
    beside = [sm.OLS(each, sm.add_constant(market)).fit().resid for each in (industry, peers)]
    fit = sm.OLS(months[:, 0], sm.add_constant(np.column_stack([months[:, 3:6], *beside]))).fit()
    assert [proxy.beta for proxy in apple.proxies] == pytest.approx(fit.params[1:], rel=1e-9)
    assert [proxy.standard_error for proxy in apple.proxies] == pytest.approx(fit.bse[1:], rel=1e-9)
    assert [proxy.t_stat for proxy in apple.proxies] == pytest.approx(fit.tvalues[1:], rel=1e-9)
    assert (apple.r2, apple.observations) == (pytest.approx(fit.rsquared), fit.nobs)
    assert apple.market_beta == pytest.approx(np.cov(months[:, 0], market)[0, 1] / market.var(ddof=1))


def test_months_are_those_that_are_over():
    months = monthly_returns(HISTORY, None)
    assert months.dates[-1] == date(2022, 11, 30)  # the book is of 28 December
    assert [day.day for day in months.dates[-3:]] == [30, 31, 30]
    closes = HISTORY.columns([20])[:, 0]
    place = {day: row for row, day in enumerate(days(len(closes)))}
    november = closes[place[date(2022, 11, 30)]] / closes[place[date(2022, 10, 31)]] - 1.0
    assert months.of([20])[-1, 0] == pytest.approx(november)


def test_it_is_said_whose_proxies_they_are():
    apple, exxon = (exposed(inputs())[symbol] for symbol in ("AAPL", "XOM"))
    assert [(proxy.name, proxy.symbols, proxy.stated) for proxy in apple.proxies] == [
        ("market", ("SPY",), False),
        ("momentum", ("MTUM",), False),
        ("value", ("VLUE",), False),
        ("industry", ("XLK",), True),
        ("subindustry", ("HPQ", "DELL"), True),
    ]
    assert (exxon.proxies[4].reason, exxon.proxies[4].beta) == ("no_proxy", None)
    assert "subindustry" not in exxon.exposures | exxon.exposure_dollars | exxon.t_stats


def test_an_option_has_the_betas_of_its_underlying():
    share, option = (exposed(inputs())[symbol] for symbol in ("AAPL", CALL.symbol))
    assert option.exposures == share.exposures
    for name, beta in option.exposures.items():
        assert option.exposure_dollars[name] == pytest.approx(option.delta_adjusted_exposure * beta)


def test_a_symbol_that_nobody_knows_is_named():
    ids = {symbol: number for symbol, number in IDS.items() if symbol not in {"XLK", "DELL"}}
    apple = exposed(inputs(ids=ids))["AAPL"]
    assert [(proxy.reason, proxy.unknown_symbols) for proxy in apple.proxies[3:]] == [
        ("unknown_symbol", ("XLK",)),
        ("", ("DELL",)),
    ]
    assert apple.observations == exposed(inputs())["AAPL"].observations


def test_nobody_is_a_peer_of_his_own():
    alone = OwnProxies((("SPY",), (), (), (), ("MSFT",)), (False,) * 4 + (True,))
    both = OwnProxies((("SPY",), (), (), (), ("MSFT", "HPQ")), (False,) * 4 + (True,))
    others = OwnProxies((("SPY",), (), (), (), ("HPQ",)), (False,) * 4 + (True,))
    assert exposed(inputs(MSFT=alone))["MSFT"].proxies[4].reason == "no_proxy"
    assert exposed(inputs(MSFT=both))["MSFT"].exposures == exposed(inputs(MSFT=others))["MSFT"].exposures


def test_without_a_market_a_position_is_left_out_and_named():
    nothing = OwnProxies(((),) * 5, (False,) * 5)
    found = found_in(inputs(MSFT=nothing))
    assert [position.symbol for position in found.body.positions] == ["AAPL", "XOM", CALL.symbol]
    assert [(each.symbol, each.reason) for each in found.coverage.excluded] == [("MSFT", "no_market_proxy")]
    assert found_in(inputs(AAPL=nothing, MSFT=nothing, XOM=nothing)).reason == "insufficient_overlap"


def test_a_fund_without_prices_stands_for_nothing():
    unpriced = HISTORY.closes.copy()
    unpriced[:, 3] = np.nan
    found = found_in(inputs(prices=history_of(unpriced, HISTORY.instrument_ids)))
    assert (found.body, found.reason) == (None, "insufficient_overlap")
    assert {each.reason for each in found.coverage.excluded} == {"no_market_proxy"}
    assert "proxies that have no prices: SPY" in found.warnings
    assert not any("proxies" in warning for warning in found_in(inputs()).warnings)


def test_a_default_without_prices_gives_way_to_the_fund_of_the_factor():
    known = {symbol: number for symbol, number in IDS.items() if symbol not in {"SPY", "VLUE"}}
    apple = exposed(inputs(ids=known, factors=FACTORS))["AAPL"]
    assert [(proxy.symbols, proxy.instead_of, proxy.unknown_symbols) for proxy in apple.proxies[:3]] == [
        (("MARKET BETA",), ("SPY",), ("SPY",)),
        (("MTUM",), (), ()),
        (("VALUE",), ("VLUE",), ("VLUE",)),
    ]
    assert apple.exposures == exposed(inputs())["AAPL"].exposures


def test_what_was_stated_never_gives_way():
    own = OwnProxies((("GONE",), ("MTUM",), (), (), ()), (True, False, False, False, False))
    found = found_in(inputs(factors=FACTORS, MSFT=own))
    assert [(each.symbol, each.reason) for each in found.coverage.excluded] == [("MSFT", "no_market_proxy")]


def test_too_few_months_are_no_fit():
    young = RETURNS.copy()
    young[:-500, 2] = np.nan
    found = found_in(inputs(prices=history(young, HISTORY.instrument_ids)))
    assert [(each.symbol, each.reason) for each in found.coverage.excluded] == [("MSFT", "insufficient_history")]
    ten_days = history_of(HISTORY.closes[-10:], HISTORY.instrument_ids)
    assert found_in(inputs(prices=ten_days)).reason == "insufficient_overlap"


def test_a_proxy_that_is_another_gives_way_and_says_so():
    twice = OwnProxies((("SPY",), ("SPY",), ("VLUE",), ("XLK",), ()), (False,) * 5)
    proxies = exposed(inputs(XOM=twice))["XOM"].proxies
    assert [proxy.reason for proxy in proxies] == ["", "depends_on_other_proxies", "", "", "no_proxy"]


def test_positions_come_in_pages_and_by_symbol():
    body = found_in(inputs(), limit=2, offset=1).body
    assert ([each.symbol for each in body.positions], body.total) == (["XOM", "MSFT"], 4)
    assert list(exposed(inputs(), symbols=("AAPL",))) == ["AAPL", CALL.symbol]


def test_an_empty_book_has_nothing_to_say():
    assert found_in(inputs(rows=())).reason == "no_exposure"
    unpriced = dataclasses.replace(inputs(), market=market(*[mark(number, float("nan")) for number in (1, 2, 3, 4)]))
    assert found_in(unpriced).reason == "no_market_data"


# --- over the wire ---


@pytest.fixture
async def proxied_stack(stack):
    stack.portfolio.book = book_message(ROWS, cash=[("USD", 5_000.0)])
    stack.portfolio.settings.proxies = {
        "AAPL": StockFactorProxies(
            market="SPY",
            momentum="MTUM",
            value="VLUE",
            industry="XLK",
            subindustry=["HPQ", "GONE"],
            stated=["industry"],
        ),
        "XOM": StockFactorProxies(market="SPY"),
        "SOLD": StockFactorProxies(market="QQQ"),
    }
    stack.marketdata.known = {each.instrument_id: each for each in MARKS}
    stack.marketdata.history = HISTORY
    stack.marketdata.factors = FACTORS
    stack.marketdata.named = IDS
    return stack


def ask(stack, user_id=servers.OWNER, portfolio_id=PORTFOLIO_ID, **fields):
    return stack.asked("ListPositionFactorExposures", user_id, portfolio_id, model="stock_proxies", **fields)


async def test_proxies_over_the_wire(proxied_stack):
    answer = await ask(proxied_stack)
    assert (answer.available, answer.factor_model, answer.total) == (True, "stock_proxies", 3)
    apple = answer.positions[0]
    assert [(each.name, list(each.symbols), each.stated, each.reason) for each in apple.proxies] == [
        ("market", ["SPY"], False, ""),
        ("momentum", ["MTUM"], False, ""),
        ("value", ["VLUE"], False, ""),
        ("industry", ["XLK"], True, ""),
        ("subindustry", ["HPQ", "GONE"], False, ""),
    ]
    assert list(apple.proxies[4].unknown_symbols) == ["GONE"]
    assert dict(apple.exposures) == {each.name: each.beta for each in apple.proxies}
    assert [(each.symbol, each.reason) for each in answer.metadata.coverage.excluded] == [("MSFT", "no_market_proxy")]
    assert (answer.metadata.lookback_days, answer.metadata.observations) == (SESSIONS, 43)


async def test_histories_of_all_proxies_come_in_one_call_and_only_of_what_is_held(proxied_stack):
    await ask(proxied_stack)
    assert proxied_stack.marketdata.matrices_asked == [[1, 2, 3, 20, 21, 22, 23, 24]]
    assert proxied_stack.portfolio.settings.asked == [("risk", servers.OWNER, 3)]


async def test_the_default_is_the_other_model(proxied_stack):
    request = pb.ListPositionFactorExposuresRequest(portfolio_id=PORTFOLIO_ID, model="neither")
    call = proxied_stack.analytics.ListPositionFactorExposures(request, metadata=servers.metadata())
    assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["model"])
    assert await refused(ask(proxied_stack, portfolio_id="all")) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
        ["model"],
    )


async def test_another_users_portfolio_is_not_there(proxied_stack):
    code, reason, _ = await refused(ask(proxied_stack, user_id="22222222-2222-4222-8222-222222222222"))
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")
    assert proxied_stack.portfolio.settings.asked == []


async def test_a_replay_is_the_same_until_a_default_changes(proxied_stack):
    call = {"metadata": servers.metadata()}
    request = ReplayResultRequest(result_id=(await ask(proxied_stack)).metadata.result_id)

    async def replayed():
        answer = await proxied_stack.results.ReplayResult(request, **call)
        return ReplayResultResponse.Verdict.Name(answer.verdict), list(answer.changed)

    assert await replayed() == ("IDENTICAL", [])
    proxied_stack.portfolio.settings.proxies["AAPL"].momentum = ""
    verdict, changed = await replayed()
    assert verdict == "INPUT_CHANGED"
    assert "proxies" in changed
