"""Limits, factor proxies and expected returns, through the service as it is wired."""

import grpc
import pytest

from plimsoll.identity.v1.account_service_pb2 import UpdateProfileRequest
from plimsoll.portfolio.v1.change_pb2 import Change
from plimsoll.portfolio.v1.change_service_pb2 import ListChangesRequest
from plimsoll.portfolio.v1.risk_settings_pb2 import ExpectedReturns, FactorProxies, RiskLimits, StockFactorProxies
from plimsoll.portfolio.v1.risk_settings_service_pb2 import (
    GetExpectedReturnsRequest,
    GetFactorProxiesRequest,
    GetRiskLimitsRequest,
    PutExpectedReturnsRequest,
    PutFactorProxiesRequest,
    PutRiskLimitsRequest,
    ResetRiskLimitsRequest,
)
from services.portfolio.domain.risk_limits import RiskLimits as Limits
from tests.services.portfolio.books import NO_SUCH, enter_all, make, new, read, update
from tests.services.portfolio.conftest import Client, refused

DEFAULTS = {
    "max_volatility": 0.40,
    "max_loss": -0.25,
    "max_single_stock_weight": 0.40,
    "max_factor_contribution": 0.30,
    "max_market_contribution": 0.50,
    "max_industry_contribution": 0.30,
    "max_single_factor_loss": -0.10,
}
Stated = PutFactorProxiesRequest.StatedProxies


async def limits(client: Client, portfolio_id: str, revision: int = 0) -> RiskLimits:
    request = GetRiskLimitsRequest(portfolio_id=portfolio_id, portfolio_revision=revision)
    return await client.settings.GetRiskLimits(request)


async def put_limits(client: Client, portfolio_id: str, stated: dict[str, float], **more) -> RiskLimits:
    request = PutRiskLimitsRequest(portfolio_id=portfolio_id, limits=stated, **more)
    return await client.settings.PutRiskLimits(request)


async def test_limits_are_the_methodologys_until_stated_and_again_after_a_reset(alice):
    portfolio_id = (await make(alice)).portfolio_id
    at_first = await limits(alice, portfolio_id)
    assert (dict(at_first.limits), list(at_first.stated), dict(at_first.additional)) == (DEFAULTS, [], {})
    stated = {"max_volatility": 0.2, "max_loss": -0.5}
    put = await put_limits(alice, portfolio_id, stated, additional={"max_leverage": 2}, reason="calmer")
    assert put == await limits(alice, portfolio_id)
    assert dict(put.limits) == DEFAULTS | stated
    assert (list(put.stated), dict(put.additional)) == (["max_loss", "max_volatility"], {"max_leverage": 2})
    replaced = await put_limits(alice, portfolio_id, {"max_volatility": 0.3})
    assert (dict(replaced.limits), dict(replaced.additional)) == (DEFAULTS | {"max_volatility": 0.3}, {})
    reset = await alice.settings.ResetRiskLimits(ResetRiskLimitsRequest(portfolio_id=portfolio_id))
    assert (dict(reset.limits), reset.portfolio_revision) == (DEFAULTS, 4)
    then = [dict((await limits(alice, portfolio_id, revision)).limits)["max_volatility"] for revision in (1, 2, 3, 4)]
    assert then == [0.4, 0.2, 0.3, 0.4]


async def test_limits_that_differ_in_nothing_make_no_revision(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await put_limits(alice, portfolio_id, {"max_loss": -0.5})
    again = await put_limits(alice, portfolio_id, {"max_loss": -0.5})
    assert again.portfolio_revision == 2
    other = (await make(alice, "Other")).portfolio_id
    reset = await alice.settings.ResetRiskLimits(ResetRiskLimitsRequest(portfolio_id=other))
    assert reset.portfolio_revision == 1


async def test_contradictions_are_told_and_kept(alice):
    portfolio_id = (await make(alice)).portfolio_id
    told = (await limits(alice, portfolio_id)).contradictions
    assert [sentence.partition(" ")[0] for sentence in told] == ["max_single_stock_weight", "max_volatility"]
    assert "32.0%" in told[0]
    assert "max_loss -0.25" in told[0]
    put = await put_limits(alice, portfolio_id, {"max_loss": -0.25, "max_single_factor_loss": -0.3})
    assert put.contradictions[2].startswith("max_single_factor_loss -0.3 ")
    sound = {"max_loss": -0.33, "max_volatility": 0.2}
    assert list((await put_limits(alice, portfolio_id, sound)).contradictions) == []


def test_a_limit_at_its_edge_contradicts_nothing():
    edge = Limits({"max_loss": -0.4, "max_single_stock_weight": 0.5, "max_volatility": 0.2})
    assert edge.contradictions == []


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({}, "limits"),
        ({"max_volatlity": 0.2}, "limits"),
        ({"max_volatility": float("nan")}, "limits[max_volatility]"),
        ({"max_volatility": 0.0}, "limits[max_volatility]"),
        ({"max_volatility": 5.1}, "limits[max_volatility]"),
        ({"max_loss": 0.25}, "limits[max_loss]"),
        ({"max_loss": 0.0}, "limits[max_loss]"),
        ({"max_loss": -1.1}, "limits[max_loss]"),
        ({"max_single_stock_weight": 1.5}, "limits[max_single_stock_weight]"),
        ({"max_market_contribution": -0.5}, "limits[max_market_contribution]"),
    ],
)
async def test_what_cannot_be_a_limit_is_refused_by_name(alice, stated, field):
    portfolio_id = (await make(alice)).portfolio_id
    error = await refused(put_limits(alice, portfolio_id, stated))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [name.replace("[max_volatlity]", "") for name in error.fields] == [field]


async def test_stale_limits_are_refused(alice):
    portfolio_id = (await make(alice)).portfolio_id
    first = await put_limits(alice, portfolio_id, {"max_loss": -0.5})
    await enter_all(alice, portfolio_id, new())
    second = await put_limits(alice, portfolio_id, {"max_loss": -0.4}, revision=first.portfolio_revision)
    assert second.portfolio_revision == 4, "a position in between is no change of limits"
    stale = await refused(put_limits(alice, portfolio_id, {"max_loss": -0.3}, revision=first.portfolio_revision))
    assert (stale.reason, stale.info.metadata["current"]) == ("STALE_REVISION", "4")


async def test_a_new_portfolio_begins_with_the_limits_of_its_owners_profile(alice, mallory):
    await alice.account.UpdateProfile(UpdateProfileRequest(default_risk_limits={"max_volatility": 0.15}))
    made = (await make(alice)).portfolio_id
    began = await limits(alice, made)
    assert (dict(began.limits), list(began.stated)) == (DEFAULTS | {"max_volatility": 0.15}, ["max_volatility"])
    assert began.portfolio_revision == 1
    hers = await limits(mallory, (await make(mallory)).portfolio_id)
    assert list(hers.stated) == []


async def proxies(client: Client, portfolio_id: str, revision: int = 0) -> FactorProxies:
    request = GetFactorProxiesRequest(portfolio_id=portfolio_id, portfolio_revision=revision)
    return await client.settings.GetFactorProxies(request)


async def put_proxies(client: Client, portfolio_id: str, stated: dict[str, Stated], **more) -> FactorProxies:
    request = PutFactorProxiesRequest(portfolio_id=portfolio_id, proxies=stated, **more)
    return await client.settings.PutFactorProxies(request)


async def test_proxies_default_by_exchange_and_industry(alice):
    portfolio_id = (await make(alice)).portfolio_id
    option = new("JPM230120C00150000", entry_date="2022-12-01")
    sold = new("VOD", exit_date="2022-02-01", exit_price=1)
    await enter_all(alice, portfolio_id, new("AAPL"), new("XOM"), option, sold)
    found = await proxies(alice, portfolio_id)
    assert dict(found.proxies) == {
        "AAPL": StockFactorProxies(market="VOD", momentum="VOD", value="VOD"),
        "JPM": StockFactorProxies(market="SPX", momentum="XOM", value="JPM", industry="AAPL"),
        "XOM": StockFactorProxies(market="SPX", momentum="XOM", value="JPM", industry="QUIET"),
    }
    assert (found.exchange_proxies_version, found.industry_proxies_version) == (3, 4)


async def test_stated_proxies_stand_over_the_defaults(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await enter_all(alice, portfolio_id, new("XOM"), new("AAPL"))
    stated = {"xom": Stated(market="spx", subindustry=["jpm", "AAPL", "JPM"]), "VOD": Stated(value="XOM")}
    put = await put_proxies(alice, portfolio_id, stated)
    assert put == await proxies(alice, portfolio_id)
    assert put.proxies["XOM"] == StockFactorProxies(
        market="SPX",
        momentum="XOM",
        value="JPM",
        industry="QUIET",
        subindustry=["JPM", "AAPL"],
        stated=["market", "subindustry"],
    )
    assert put.proxies["VOD"] == StockFactorProxies(market="VOD", momentum="VOD", value="XOM", stated=["value"])
    assert list(put.proxies["AAPL"].stated) == []
    again = await put_proxies(alice, portfolio_id, stated)
    assert again.portfolio_revision == put.portfolio_revision == 3
    reset = await put_proxies(alice, portfolio_id, {"VOD": Stated(market="JPM")}, reset_symbols=["xom", "AAPL"])
    assert list(reset.proxies["XOM"].stated) == []
    assert (reset.proxies["VOD"].market, list(reset.proxies["VOD"].stated)) == ("JPM", ["market"])
    then = await proxies(alice, portfolio_id, 3)
    assert list(then.proxies["XOM"].stated) == ["market", "subindustry"]
    stale = await refused(put_proxies(alice, portfolio_id, {"VOD": Stated(market="XOM")}, revision=3))
    assert stale.reason == "STALE_REVISION"


@pytest.mark.parametrize(
    ("stated", "more", "field"),
    [
        ({}, {}, "proxies"),
        ({"AAPL": Stated()}, {}, "proxies[AAPL]"),
        ({"AAPL": Stated(market="NOSUCH")}, {}, "proxies[AAPL].market"),
        ({"AAPL": Stated(subindustry=["JPM", "NOSUCH"])}, {}, "proxies[AAPL].subindustry[1]"),
        ({"NOSUCH": Stated(market="SPX")}, {}, "proxies[NOSUCH]"),
        ({"AAPL": Stated(market="SPX"), "aapl": Stated(market="JPM")}, {}, "proxies[AAPL]"),
        ({"AAPL": Stated(market="SPX")}, {"reset_symbols": ["aapl"]}, "reset_symbols"),
        ({"AAPL": Stated(market="x" * 33)}, {}, "proxies[AAPL].market"),
    ],
)
async def test_what_cannot_be_a_proxy_is_refused_by_place(alice, stated, more, field):
    portfolio_id = (await make(alice)).portfolio_id
    error = await refused(put_proxies(alice, portfolio_id, stated, **more))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [name.replace("aapl", "AAPL").removesuffix(".market[AAPL]") for name in error.fields] == [field]


async def expected(client: Client, portfolio_id: str, **wanted) -> list[tuple[str, float, str]]:
    request = GetExpectedReturnsRequest(portfolio_id=portfolio_id, **wanted)
    answer = await client.settings.GetExpectedReturns(request)
    return [(found.symbol, found.expected_return, found.effective_date) for found in answer.expected_returns]


async def put_expected(client: Client, portfolio_id: str, day: str, stated: dict[str, float]) -> ExpectedReturns:
    request = PutExpectedReturnsRequest(portfolio_id=portfolio_id, expected_returns=stated, effective_date=day)
    return await client.settings.PutExpectedReturns(request)


async def test_expectations_hold_from_their_day_on(alice):
    portfolio_id = (await make(alice)).portfolio_id
    assert await expected(alice, portfolio_id) == []
    await put_expected(alice, portfolio_id, "2022-01-01", {"AAPL": 0.08, "xom": 0.05})
    later = await put_expected(alice, portfolio_id, "2022-07-01", {"AAPL": 0.1, "JPM": -0.02})
    assert [(e.symbol, e.expected_return, e.revision) for e in later.expected_returns] == [
        ("AAPL", 0.1, 3),
        ("JPM", -0.02, 3),
        ("XOM", 0.05, 2),
    ]
    assert await expected(alice, portfolio_id, as_of_date="2021-12-31") == []
    spring = [("AAPL", 0.08, "2022-01-01"), ("XOM", 0.05, "2022-01-01")]
    assert await expected(alice, portfolio_id, as_of_date="2022-06-30") == spring
    autumn = [("AAPL", 0.1, "2022-07-01"), ("JPM", -0.02, "2022-07-01"), spring[1]]
    assert await expected(alice, portfolio_id, as_of_date="2022-07-01") == autumn
    assert await expected(alice, portfolio_id) == autumn
    assert await expected(alice, portfolio_id, portfolio_revision=2) == spring
    every = [spring[0], *autumn]
    assert await expected(alice, portfolio_id, history=True) == every


async def test_a_correction_of_a_day_replaces_it_and_earlier_revisions_keep_it(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await put_expected(alice, portfolio_id, "2022-01-01", {"AAPL": 0.8, "XOM": 0.05})
    corrected = await put_expected(alice, portfolio_id, "2022-01-01", {"AAPL": 0.08, "XOM": 0.05})
    assert [(e.symbol, e.expected_return, e.revision) for e in corrected.expected_returns] == [
        ("AAPL", 0.08, 3),
        ("XOM", 0.05, 2),
    ]
    assert await expected(alice, portfolio_id, history=True) == [
        ("AAPL", 0.08, "2022-01-01"),
        ("XOM", 0.05, "2022-01-01"),
    ]
    assert (await expected(alice, portfolio_id, portfolio_revision=2))[0] == ("AAPL", 0.8, "2022-01-01")
    same = await put_expected(alice, portfolio_id, "2022-01-01", {"AAPL": 0.08})
    assert same.portfolio_revision == 3


@pytest.mark.parametrize(
    ("day", "stated", "field"),
    [
        ("2022-01-01", {}, "expected_returns"),
        ("2022-01-01", {"AAPL": -1.0}, "expected_returns[AAPL]"),
        ("2022-01-01", {"AAPL": 10.5}, "expected_returns[AAPL]"),
        ("2022-01-01", {"AAPL": float("nan")}, "expected_returns[AAPL]"),
        ("2022-01-01", {"NOSUCH": 0.1}, "expected_returns[NOSUCH]"),
        ("2022-02-30", {"AAPL": 0.1}, "effective_date"),
        ("", {"AAPL": 0.1}, "effective_date"),
    ],
)
async def test_what_cannot_be_expected_is_refused_by_field(alice, day, stated, field):
    portfolio_id = (await make(alice)).portfolio_id
    error = await refused(put_expected(alice, portfolio_id, day, stated))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_settings_are_in_the_change_log(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await put_limits(alice, portfolio_id, {"max_loss": -0.5}, reason="braver")
    await put_proxies(alice, portfolio_id, {"AAPL": Stated(market="SPX")})
    await put_expected(alice, portfolio_id, "2022-01-01", {"AAPL": 0.08})
    await put_expected(alice, portfolio_id, "2022-01-01", {"AAPL": 0.09})
    await alice.settings.ResetRiskLimits(ResetRiskLimitsRequest(portfolio_id=portfolio_id))
    answer = await alice.changes.ListChanges(ListChangesRequest(portfolio_id=portfolio_id))
    told = [
        (
            Change.Subject.Name(change.subject),
            Change.Action.Name(change.action),
            change.subject_name if change.subject != Change.RISK_LIMITS else "",
            {field.field: (field.old_value, field.new_value) for field in change.fields},
        )
        for change in reversed(answer.changes)
    ]
    assert told[1:] == [
        ("RISK_LIMITS", "CREATED", "", {"limits": ("", '{"max_loss": -0.5}')}),
        ("FACTOR_PROXIES", "CREATED", "AAPL", {"market": ("", "SPX")}),
        (
            "EXPECTED_RETURN",
            "CREATED",
            "AAPL",
            {"effective_date": ("", "2022-01-01"), "expected_return": ("", "0.08")},
        ),
        ("EXPECTED_RETURN", "UPDATED", "AAPL", {"expected_return": ("0.08", "0.09")}),
        ("RISK_LIMITS", "DELETED", "", {"limits": ('{"max_loss": -0.5}', "")}),
    ]


async def test_anothers_settings_are_as_good_as_none(alice, mallory):
    portfolio_id = (await make(alice)).portfolio_id
    await put_limits(alice, portfolio_id, {"max_loss": -0.5})

    def attempts(portfolio_id: str):
        yield limits(mallory, portfolio_id)
        yield put_limits(mallory, portfolio_id, {"max_loss": -0.1})
        yield mallory.settings.ResetRiskLimits(ResetRiskLimitsRequest(portfolio_id=portfolio_id))
        yield proxies(mallory, portfolio_id)
        yield put_proxies(mallory, portfolio_id, {"AAPL": Stated(market="SPX")})
        yield expected(mallory, portfolio_id)
        yield put_expected(mallory, portfolio_id, "2022-01-01", {"AAPL": 0.1})

    foreign = [await refused(call) for call in attempts(portfolio_id)]
    absent = [await refused(call) for call in attempts(NO_SUCH)]
    assert {error.code for error in [*foreign, *absent]} == {grpc.StatusCode.NOT_FOUND}
    assert [e.message.replace(portfolio_id, "") for e in foreign] == [e.message.replace(NO_SUCH, "") for e in absent]
    assert (await read(alice, portfolio_id)).revision == 2


async def test_a_reset_of_a_position_does_not_touch_its_settings(alice):
    portfolio_id = (await make(alice)).portfolio_id
    (position,) = await enter_all(alice, portfolio_id, new())
    await put_proxies(alice, portfolio_id, {"AAPL": Stated(market="SPX")})
    await update(alice, position.position_id, exit_date="2022-02-01", exit_price=1)
    assert list((await proxies(alice, portfolio_id)).proxies["AAPL"].stated) == ["market"], "stated ones stay"
