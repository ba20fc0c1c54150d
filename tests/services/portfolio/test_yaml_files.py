"""Files of the earlier file-based system, in and out of the service as it is wired."""

from decimal import Decimal

import grpc
import pytest
import yaml
from google.api.httpbody_pb2 import HttpBody

from plimsoll.portfolio.v1.cash_service_pb2 import GetCashBalancesRequest, PutCashBalancesRequest
from plimsoll.portfolio.v1.change_pb2 import Change
from plimsoll.portfolio.v1.change_service_pb2 import ListChangesRequest
from plimsoll.portfolio.v1.data_service_pb2 import GetCompletePortfolioRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    UpdatePortfolioRequest,
    UploadPortfolioRequest,
    UploadPortfolioResponse,
)
from plimsoll.portfolio.v1.risk_settings_service_pb2 import (
    GetExpectedReturnsRequest,
    GetFactorProxiesRequest,
    GetRiskLimitsRequest,
)
from services.portfolio.domain.cash_map import DEFAULT_ALIASES
from tests.services.portfolio.books import enter_all, listed, make, new, read
from tests.services.portfolio.conftest import Client, refused
from tests.services.portfolio.test_exports import exported

WHOLE = """
start_date: '2019-01-31'
end_date: '2022-12-20'
portfolio_input:
  AAPL: {dollars: 10000}
  JPM: {dollars: -3333.33}
  XOM: {shares: 12.5}
  CUR:USD: {dollars: -5078.62}
  USD CASH: {dollars: 0.01}
expected_returns: {AAPL: 0.12, XOM: 0.07}
stock_factor_proxies:
  AAPL: {market: SPX, subindustry: [JPM, XOM]}
portfolio_limits: {max_volatility: 0.2}
max_single_factor_loss: -0.15
additional_limits: {max_leverage: 2}
proxy_by_currency: {USD: SGOV, GBP: JPM}
"""


async def upload(
    client: Client, text: str, kind: str = "application/yaml", **fields: object
) -> UploadPortfolioResponse:
    given: dict[str, object] = {"portfolio_name": "Earlier", "commit": True} | fields
    if "portfolio_id" in given:
        del given["portfolio_name"]
    request = UploadPortfolioRequest(file=HttpBody(content_type=kind, data=text.encode()), **given)  # type: ignore[arg-type]
    answer: UploadPortfolioResponse = await client.portfolios.UploadPortfolio(request)
    return answer


async def worth(client: Client, portfolio_id: str, day: str = "") -> float:
    request = GetCompletePortfolioRequest(portfolio_id=portfolio_id, as_of_date=day)
    return (await client.data.GetCompletePortfolio(request)).net_asset_value


async def test_a_file_makes_a_portfolio_that_is_worth_what_it_says_to_the_cent(alice):
    answer = await upload(alice, WHOLE)
    assert (list(answer.report.errors), answer.report.positions_saved_count, answer.report.cash_saved_count) == (
        [],
        3,
        1,
    )
    portfolio = answer.portfolio
    assert (portfolio.name, portfolio.start_date, portfolio.end_date) == ("Earlier", "2019-01-31", "2022-12-20")
    assert (portfolio.revision, portfolio.position_count) == (2, 3)
    positions = await listed(alice, portfolio_id=portfolio.portfolio_id)
    assert [(p.symbol, p.entry_date, p.entry_price) for p in positions] == [
        ("AAPL", "2022-12-20", 126.04),
        ("JPM", "2022-12-20", 129.54),
        ("XOM", "2022-12-20", 105.0),
    ], "entered at the close of the last day that the file speaks of"
    stated = Decimal(10000) - Decimal("3333.33") + Decimal("12.5") * 105 - Decimal("5078.62") + Decimal("0.01")
    assert round(await worth(alice, portfolio.portfolio_id, "2022-12-20"), 2) == float(stated)
    (cash,) = (await alice.cash.GetCashBalances(GetCashBalancesRequest(portfolio_id=portfolio.portfolio_id))).balances
    assert (cash.currency, cash.amount, cash.balance_date) == ("USD", -5078.61, "2022-12-20"), (
        "two tickers, one currency"
    )


async def test_its_settings_come_with_it_and_are_in_the_change_log(alice):
    portfolio_id = (await upload(alice, WHOLE)).portfolio.portfolio_id
    limits = await alice.settings.GetRiskLimits(GetRiskLimitsRequest(portfolio_id=portfolio_id))
    assert list(limits.stated) == ["max_single_factor_loss", "max_volatility"]
    assert (limits.limits["max_volatility"], dict(limits.additional)) == (0.2, {"max_leverage": 2})
    proxies = await alice.settings.GetFactorProxies(GetFactorProxiesRequest(portfolio_id=portfolio_id))
    assert (proxies.proxies["AAPL"].market, list(proxies.proxies["AAPL"].subindustry)) == ("SPX", ["JPM", "XOM"])
    expected = await alice.settings.GetExpectedReturns(GetExpectedReturnsRequest(portfolio_id=portfolio_id))
    assert {e.symbol: (e.expected_return, e.effective_date) for e in expected.expected_returns} == {
        "AAPL": (0.12, "2022-12-20"),
        "XOM": (0.07, "2022-12-20"),
    }
    changes = await alice.changes.ListChanges(ListChangesRequest(portfolio_id=portfolio_id, subjects=[Change.CASH_MAP]))
    assert [c.action for c in changes.changes] == [Change.CREATED]


async def test_what_is_exported_is_imported_to_the_same_and_exported_as_the_same_bytes(alice):
    first = (await upload(alice, WHOLE)).portfolio.portfolio_id
    content = await exported(alice, first, "yaml")
    second = (await upload(alice, content.decode(), portfolio_name="Again")).portfolio.portfolio_id
    assert await exported(alice, second, "yaml") == content
    assert await worth(alice, second, "2022-12-20") == await worth(alice, first, "2022-12-20")
    assert yaml.safe_load(content)["portfolio_input"]["XOM"] == {"shares": 12.5}


async def test_lots_are_summed_and_what_is_closed_is_left_out(alice):
    portfolio_id = (await make(alice)).portfolio_id
    lots = new("AAPL", 10), new("AAPL", 5), new("JPM", 7, exit_date="2022-06-01", exit_price=1)
    await enter_all(alice, portfolio_id, *lots, new("XOM", 3), new("XOM", -3))
    balances = PutCashBalancesRequest(portfolio_id=portfolio_id, balances={"USD": 12.34}, balance_date="2022-12-27")
    await alice.cash.PutCashBalances(balances)
    found = yaml.safe_load(await exported(alice, portfolio_id, "yaml", sections=["portfolio"]))
    assert found["portfolio_input"] == {"AAPL": {"shares": 15}, "CUR:USD": {"dollars": 12.34}}
    assert found["start_date"] == "2022-01-03"


async def test_shares_are_those_of_the_day_that_the_file_speaks_of(alice):
    """GOOGL was split 20 for 1 in July 2022."""
    portfolio_id = (await make(alice, end_date="2022-07-15")).portfolio_id
    await enter_all(alice, portfolio_id, new("GOOGL", 3))
    assert b"GOOGL:\n    shares: 3\n" in await exported(alice, portfolio_id, "yaml")
    await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=portfolio_id, end_date="2022-07-18"))
    content = await exported(alice, portfolio_id, "yaml")
    assert b"GOOGL:\n    shares: 60\n" in content
    again = (await upload(alice, content.decode(), portfolio_name="Again")).portfolio.portfolio_id
    assert await worth(alice, again) == await worth(alice, portfolio_id)


async def test_each_file_of_the_earlier_system_can_be_had_alone(alice):
    portfolio_id = (await upload(alice, WHOLE)).portfolio.portfolio_id
    limits = yaml.safe_load(await exported(alice, portfolio_id, "yaml", sections=["risk_limits"]))
    assert limits == {
        "portfolio_limits": {"max_volatility": 0.2, "max_loss": -0.25},
        "concentration_limits": {"max_single_stock_weight": 0.4},
        "variance_limits": {
            "max_factor_contribution": 0.3,
            "max_market_contribution": 0.5,
            "max_industry_contribution": 0.3,
        },
        "max_single_factor_loss": -0.15,
        "additional_limits": {"max_leverage": 2},
    }
    cash_map = yaml.safe_load(await exported(alice, portfolio_id, "yaml", sections=["cash_map"]))
    assert cash_map == {"proxy_by_currency": {"USD": "SGOV", "GBP": "JPM"}, "alias_to_currency": DEFAULT_ALIASES}
    other = (await make(alice, "Other")).portfolio_id
    settings = await upload(alice, yaml.safe_dump(limits), portfolio_id=other)
    assert (settings.portfolio.revision, settings.portfolio.name) == (2, "Other")


async def test_a_cash_map_says_which_tickers_are_cash(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await upload(alice, "alias_to_currency: {AAPL: USD}", portfolio_id=portfolio_id)
    answer = await upload(alice, "portfolio_input: {AAPL: {dollars: 5}}", portfolio_id=portfolio_id)
    assert (answer.report.positions_saved_count, answer.report.cash_saved_count) == (0, 1)


async def test_weights_need_to_be_told_of_how_much(alice):
    text = "portfolio_input: {AAPL: {weight: 0.7}, JPM: {weight: -0.2}, CASH: {weight: 0.505}}"
    assert list((await refused(upload(alice, text))).fields) == ["portfolio_value"]
    answer = await upload(alice, text, portfolio_value=100_000)
    assert round(await worth(alice, answer.portfolio.portfolio_id), 2) == 100_500.00


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("portfolio_input: {AAPL: {shares: 1}, NONE: {shares: 1}}", "unknown_instrument"),
        ("portfolio_input: {AAPL: {shares: 1}, SPX: {shares: 1}}", "not_tradable"),
        ("portfolio_input: {AAPL: {shares: 1}, QUIET: {shares: 1}}", "no_price"),
        ("portfolio_input: {AAPL: {shares: 1}, VOD: {dollars: 100}}", "no_fx_rate"),
        ("portfolio_input: {AAPL: {shares: 1}, CASH: {shares: 1}}", "cash_in_shares"),
        ("portfolio_input: {AAPL: {shares: 1}, JPM: {shares: 0}}", "zero_quantity"),
    ],
)
async def test_a_file_with_an_error_saves_nothing(alice, text: str, reason: str):
    answer = await upload(alice, text)
    assert [error.reason for error in answer.report.errors] == [reason]
    assert not answer.HasField("portfolio")
    assert (answer.report.positions_saved_count, answer.report.row_count) == (0, 2)


async def test_what_is_wrong_with_the_file_itself_is_told_before_anything_is_looked_up(alice):
    answer = await upload(alice, "portfolio_input: !!python/name:os.system {A: 1}\nstart_date: soon")
    assert [(e.field, e.reason) for e in answer.report.errors] == [("A", "not_a_mapping"), ("start_date", "not_a_date")]
    assert not answer.HasField("portfolio")


async def test_an_unknown_proxy_is_named(alice):
    text = "portfolio_input: {}\nstock_factor_proxies: {AAPL: {market: NONE}}\nexpected_returns: {NADA: 0.1}"
    assert set((await refused(upload(alice, text))).fields) == {
        "stock_factor_proxies[AAPL].market",
        "expected_returns[NADA]",
    }


async def test_a_portfolio_that_is_not_empty_is_not_added_to(alice):
    portfolio_id = (await upload(alice, WHOLE)).portfolio.portfolio_id
    before = await read(alice, portfolio_id)
    refusal = await refused(upload(alice, WHOLE, portfolio_id=portfolio_id))
    assert (refusal.code, list(refusal.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["portfolio_id"])
    assert (await refused(upload(alice, WHOLE))).code == grpc.StatusCode.ALREADY_EXISTS
    assert await read(alice, portfolio_id) == before


async def test_it_is_known_by_its_name_in_a_form(alice):
    body = "portfolio_limits: {max_loss: -0.5}"
    form = f'--X\r\ncontent-disposition: form-data; name="file"; filename="risk_limits.yml"\r\n\r\n{body}\r\n--X--\r\n'
    portfolio_id = (await make(alice)).portfolio_id
    answer = await upload(alice, form, "multipart/form-data; boundary=X", portfolio_id=portfolio_id)
    assert answer.portfolio.revision == 2
    assert list((await refused(upload(alice, body))).fields) == ["portfolio_id"]
    assert list((await refused(upload(alice, body, commit=False))).fields) == ["commit"]


async def test_anothers_portfolio_is_as_good_as_none(alice, mallory):
    portfolio_id = (await make(alice)).portfolio_id
    for text in (WHOLE, "portfolio_limits: {max_loss: -0.5}"):
        assert (await refused(upload(mallory, text, portfolio_id=portfolio_id))).code == grpc.StatusCode.NOT_FOUND
