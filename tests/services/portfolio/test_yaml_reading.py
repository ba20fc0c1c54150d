"""Reading the files of the earlier file-based system: what they say, and what is refused."""

import datetime
from decimal import Decimal

import pytest

from chassis.errors import InvalidRequest
from services.portfolio.domain.factor_proxies import StockProxies
from services.portfolio.domain.yaml_files.reading import parse

PORTFOLIO = b"""
start_date: "2019-01-31"
end_date: 2022-12-28
portfolio_input:
  ON: {shares: 100}
  TW: {shares: -10.50}
  PCTY:
    dollars: 12_5
  CUR:USD: {dollars: -5078.62}
expected_returns: {TW: 0.15, ON: 0.1}
stock_factor_proxies:
  TW: {market: SPY, momentum: MTUM, value: IWD, industry: KCE, subindustry: [CME, ICE]}
  ON:
    market: ACWX
    subindustry: []
"""
LIMITS = b"""
portfolio_limits: {max_volatility: 0.40, max_loss: -0.25}
concentration_limits: {max_single_stock_weight: 0.40}
variance_limits: {max_factor_contribution: 0.30, max_market_contribution: 0.50, max_industry_contribution: 0.30}
max_single_factor_loss: -0.10
"""


def test_a_portfolio_file():
    found = parse(PORTFOLIO.replace(b"12_5", b"12.5"))
    assert found.errors == []
    portfolio = found.portfolio
    assert portfolio is not None
    assert (portfolio.start_date, portfolio.end_date) == (datetime.date(2019, 1, 31), datetime.date(2022, 12, 28))
    assert [(s.ticker, s.measure, s.number) for s in portfolio.stakes] == [
        ("ON", "shares", Decimal(100)),
        ("TW", "shares", Decimal("-10.50")),
        ("PCTY", "dollars", Decimal("12.5")),
        ("CUR:USD", "dollars", Decimal("-5078.62")),
    ], "ON is a ticker, and no boolean of YAML 1.1"
    assert portfolio.expected_returns == {"TW": Decimal("0.15"), "ON": Decimal("0.1")}
    assert portfolio.proxies == {
        "TW": StockProxies("SPY", "MTUM", "IWD", "KCE", ("CME", "ICE")),
        "ON": StockProxies(market="ACWX"),
    }


def test_limits_and_a_cash_map_may_stand_in_the_same_file():
    found = parse(LIMITS + b"proxy_by_currency: {USD: SGOV}\nalias_to_currency: {'USD cash': USD}\nauthor: me\n")
    assert found.errors == []
    assert found.portfolio is None
    assert found.limits is not None
    assert found.limits.stated["max_loss"] == -0.25
    assert len(found.limits.stated) == 7
    assert found.cash_map is not None
    assert found.cash_map.currency_of("usd CASH") == found.cash_map.currency_of("CASH") == "USD"
    assert [(w.line, w.field, w.reason) for w in found.warnings] == [(8, "author", "unknown_key")]


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (PORTFOLIO, [(8, "PCTY.dollars", "not_a_number")]),
        (b"portfolio_input: {A: {shares: 1, dollars: 2}}", [(1, "A", "ambiguous_size")]),
        (b"portfolio_input: {A: {}}", [(1, "A", "ambiguous_size")]),
        (b"portfolio_input: {A: [1]}", [(1, "A", "not_a_mapping")]),
        (b"portfolio_input: {A: {shares: .nan}}", [(1, "A.shares", "not_a_number")]),
        (b"portfolio_input: {A: {shares: .inf}}", [(1, "A.shares", "not_a_number")]),
        (b"portfolio_input: {A: {shares: 0x10}}", [(1, "A.shares", "not_a_number")]),
        (b"portfolio_input: {A: {shares: 1e80}}", [(1, "A.shares", "out_of_range")]),
        (b"portfolio_input: {A: {weight: 0.5}, B: {shares: 1}}", [(1, "B", "mixed_sizes")]),
        (b"portfolio_input: {A: {weight: 0.5}, B: {weight: 0.51}}", []),
        (b"portfolio_input: {A: {weight: 0.5}, B: {weight: 0.511}}", [(0, "portfolio_input", "weights_do_not_sum")]),
        (b"start_date: 31/01/2019\nportfolio_input: {}", [(1, "start_date", "not_a_date")]),
        (b"expected_returns: {A: -1, B: 11, C: 10%}", [(1, "expected_returns.A", "out_of_range")]),
        (b"portfolio_limits: {max_loss: 0.25}", [(1, "max_loss", "out_of_range")]),
        (b"portfolio_limits: {max_los: -0.25}", [(1, "max_los", "unknown_limit")]),
        (b"stock_factor_proxies: {A: {subindustry: B}}", [(1, "stock_factor_proxies.A", "not_a_list")]),
        (b"alias_to_currency: {CASH: dollars}", [(1, "cash_map", "unknown_currency")]),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content: bytes, reasons: list[tuple[int, str, str]]):
    found = [(issue.line, issue.field, issue.reason) for issue in parse(content).errors]
    assert found[: len(reasons)] == reasons
    assert bool(found) == bool(reasons)


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("j"))
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB, "line 1 has an anchor or alias"),
        (b"portfolio_input: &x {}\nexpected_returns: *x", "line 1 has an anchor or alias"),
        (b"portfolio_input: *x", "line 1 has an anchor or alias"),
        (b"portfolio_input: {<<: {A: {shares: 1}}}", "line 1 has a key that is no plain text"),
        (b"portfolio_input: {[a]: 1}", "line 1 has a key that is no plain text"),
        (b"portfolio_input:\n  A: {shares: 1}\n  A: {shares: 2}", "line 3 states 'A' again, after line 2"),
        (b"portfolio_input: " + b"[" * 50_000, "line 1 is nested more than 10 deep"),
        (b"portfolio_input: {}\n---\nportfolio_input: {}", "line 2 begins a second document"),
        (b"portfolio_input: {", "line 2 cannot be read"),
        (b"portfolio_input: \x00", "cannot be read"),
        (b"start_date: \xff", "line 1 is not UTF-8 text"),
        (b"- a\n", "the file must hold keys"),
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"name: x", "the file has none of the keys"),
        (b"x: " + b"a" * (2 << 20), "at most 2097152 are taken"),
        (b"portfolio_input: [" + b"1," * 500_000 + b"1]", "the file has more than 400000 parts"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole(content: bytes, message: str):
    with pytest.raises(InvalidRequest, match=message):
        parse(content)


def test_a_tag_does_nothing():
    found = parse(b"portfolio_input: !!python/object/apply:os.system [id]")
    assert [issue.reason for issue in found.errors] == ["not_a_mapping"]
