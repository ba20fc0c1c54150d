"""The page of one portfolio."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cli.report.answers import PortfolioAnswers, read_joined
from cli.report.portfolio import portfolio_page
from cli.report.summary import glance

Answers = dict[str, Any]
Parse = Callable[[Answers], PortfolioAnswers]
Show = Callable[..., str]
PUT, CALL = "AAPL230317P00120000", "XOM230217C00115000"
"""A put that is held, and a call that is written."""


def valued_rows(page: str) -> list[list[str]]:
    """Cells of the lines of the table of valued positions, titles excluded, from the first position to NAV."""
    lines = page.split("Positions by market value", 1)[1].splitlines()[3:]
    last = next(number for number, line in enumerate(lines) if line.startswith("NAV "))
    return [re.split(r" {2,}", line.strip()) for line in lines[: last + 1] if line.strip()]


def without_value(answers: Answers, *symbols: str, reason: str = "no_volatility") -> None:
    """Take the value of some positions away, as where nothing tells it."""
    excluded = answers["overview"]["metadata"]["coverage"]["excluded"]
    for held in answers["complete"]["positions"]:
        if held["position"]["symbol"] in symbols:
            held["reason"] = reason
            for figure in ("price", "market_value", "unrealized_pnl"):
                del held[figure]
            position = {name: held["position"][name] for name in ("position_id", "symbol")}
            excluded.append(position | {"reason": reason})


def in_words(position: dict[str, Any]) -> str:
    """The first words of a position's line, as a pattern."""
    if not (terms := position.get("option")):
        return f"^{position['symbol']} {{2,}}"
    right = {"C": "call", "P": "put"}[terms["right"]]
    return f"^{terms['underlying_symbol']} .* {terms['strike']:g} {right} "


def test_every_position_stands_in_exactly_one_table(long_short: Answers, parse: Parse, show: Show) -> None:
    without_value(long_short, PUT, CALL)
    page = show(portfolio_page(parse(long_short)))
    valued, unvalued = page.split("Outside market value and NAV")
    for held in long_short["complete"]["positions"]:
        position = held["position"]
        table = unvalued if position["symbol"] in {PUT, CALL} else valued
        assert len(re.findall(in_words(position), table, re.MULTILINE)) == 1, position["symbol"]


def test_a_narrow_page_writes_contracts_short(long_short: Answers, parse: Parse, show: Show) -> None:
    page = show(portfolio_page(parse(long_short)), 80)
    assert len(re.findall(r"^AAPL 230317 120P +40 ", page, re.MULTILINE)) == 1
    assert len(re.findall(r"^XOM 230217 115C +-25 ", page, re.MULTILINE)) == 1
    assert re.search(r"^Cash +-321,481 ", page, re.MULTILINE)


def test_valued_positions_run_from_the_largest_long_to_the_largest_short(
    long_short: Answers, parse: Parse, show: Show
) -> None:
    rows = valued_rows(show(portfolio_page(parse(long_short)), 100))
    values = [float(row[-4].replace(",", "")) for row in rows if row[0] not in {"Cash", "NAV"}]
    assert len(values) == 30
    assert values == sorted(values, reverse=True)


def test_weights_of_positions_and_cash_sum_to_one(long_short: Answers, parse: Parse, show: Show) -> None:
    rows = valued_rows(show(portfolio_page(parse(long_short)), 100))
    positions = [row[-3] for row in rows if row[0] not in {"Cash", "NAV"}]
    cash = [row[-1] for row in rows if row[0] == "Cash"]
    assert sum(float(weight.rstrip("%")) for weight in positions + cash) == pytest.approx(100, abs=1)
    assert cash == ["-9.8%"]


def test_summary_tells_value_exposure_profit_and_counts(long_short: Answers, parse: Parse, show: Show) -> None:
    page = show(portfolio_page(parse(long_short)))
    overview = long_short["overview"]
    for title, amount in (
        ("Net asset value", overview["total_value"]),
        ("Cash", overview["cash_balance"]),
        ("Long", overview["exposures"]["long_exposure"]),
        ("Short", overview["exposures"]["short_exposure"]),
        ("Gross", overview["exposures"]["gross_exposure"]),
        ("Net", overview["exposures"]["net_exposure"]),
    ):
        assert re.search(rf"{title} +{amount:,.0f}\b", page), title
    assert re.search(rf"Unrealised +\+{overview['pnl']['unrealized_pnl']:,.0f}\b", page)
    assert re.search(r"Options +12\b", page)


def test_missing_is_explained_with_its_reason_and_weight(long_short: Answers, parse: Parse, show: Show) -> None:
    without_value(long_short, PUT, CALL)
    coverage = long_short["overview"]["metadata"]["coverage"]
    coverage["modelled_percent"] = 93.25
    page = " ".join(show(portfolio_page(parse(long_short))).split())
    assert "2 positions outside value, exposure and P&L: nothing tells its volatility (no_volatility)." in page
    assert "Modelled: 93.2% of gross exposure" in page


def test_nothing_is_missing_where_everything_has_a_mark(long_short: Answers, parse: Parse, show: Show) -> None:
    page = show(portfolio_page(parse(long_short)))
    assert "Outside market value and NAV" not in page
    assert re.search(r"What is missing, and why *\nnothing", page)
    told = " ".join(page.split())
    assert "Options valued by a model: 12; their volatility is that of their underlyings over 90 sessions (12)." in told
    assert "options are valued at an assumed rate of 4 %." in told


def test_warnings_of_both_services_are_told_once_and_as_sentences(
    individual: Answers, parse: Parse, show: Show
) -> None:
    individual["complete"]["quality"]["warnings"] = ["the moon is full", "Tide is high."]
    individual["overview"]["metadata"]["warnings"] = ["the moon is full"]
    page = show(portfolio_page(parse(individual)))
    assert page.count("The moon is full.") == 1
    assert page.count("Tide is high.") == 1


def test_inputs_are_named_so_that_the_answer_can_be_computed_again(
    individual: Answers, parse: Parse, show: Show
) -> None:
    page = show(portfolio_page(parse(individual)))
    metadata = individual["overview"]["metadata"]
    assert metadata["result_id"] in page
    assert f"portfolio revision {metadata['portfolio_revision']}" in page
    assert f"market data version {metadata['data_version']}" in page
    assert "2022-12-28T21:00:00Z" in page


def test_unknown_cash_is_a_reason_and_never_a_zero(long_short: Answers, parse: Parse, show: Show) -> None:
    del long_short["overview"]["total_value"], long_short["overview"]["cash_balance"]
    del long_short["complete"]["net_asset_value"], long_short["complete"]["cash_balance"]
    long_short["overview"]["total_value_reason"] = long_short["complete"]["cash_reason"] = "cash_unknown"
    long_short["complete"]["cash"] = []
    page = show(portfolio_page(parse(long_short)))
    assert re.search(r"Net asset value +-  ", page)
    assert re.search(r"Cash +-  ", page)
    assert page.count("no cash was stated for a book with shorts or written options") == 1
    assert {row[-3] for row in valued_rows(page)[:-1]} == {"-"}


def test_an_unavailable_overview_still_shows_the_positions(long_short: Answers, parse: Parse, show: Show) -> None:
    overview = long_short["overview"]
    long_short["overview"] = {
        "available": False,
        "reason": "no_market_data",
        "portfolio_id": overview["portfolio_id"],
        "metadata": overview["metadata"],
    }
    answers = parse(long_short)
    page = show(portfolio_page(answers))
    assert "less than half of the gross exposure has a price" in page
    assert "Unrealised" not in page
    assert "LLY" in page
    assert "no_market_data" in show(glance([answers]))


def test_positions_without_a_value_stand_under_their_reason(long_short: Answers, parse: Parse, show: Show) -> None:
    without_value(long_short, "LLY", reason="no_price")
    without_value(long_short, PUT, CALL)
    page = show(portfolio_page(parse(long_short)))
    no_price, no_volatility = page.split("Outside market value and NAV: ")[1:]
    assert no_price.startswith("no price is known")
    assert re.search(r"^LLY +long ", no_price, re.MULTILINE)
    assert no_volatility.startswith("nothing tells its volatility")
    assert not re.search(r"^LLY +long ", no_volatility, re.MULTILINE)
    assert re.search(r"^XOM 17 Feb 2023 115 call +written ", no_volatility, re.MULTILINE)


def test_stale_prices_are_marked(individual: Answers, parse: Parse, show: Show) -> None:
    individual["complete"]["positions"][0]["stale"] = True
    individual["complete"]["quality"]["stale_count"] = 1
    page = show(portfolio_page(parse(individual)))
    assert page.count(" stale ") == 1
    assert "1 price is older than three sessions." in page


def test_foreign_cash_is_shown_without_a_value_it_does_not_have(individual: Answers, parse: Parse, show: Show) -> None:
    individual["complete"]["cash"].append({"currency": "EUR", "amount": 1234.0, "balance_date": "2022-12-28"})
    rows = valued_rows(show(portfolio_page(parse(individual))))
    assert ["Cash", "EUR, as of 28 Dec 2022", "1,234"] in rows


def test_words_of_users_are_neither_markup_nor_terminal_commands(individual: Answers, parse: Parse, show: Show) -> None:
    individual["complete"]["portfolio"]["name"] = "[red]mine[/nothing] \x1b[2J"
    held = individual["complete"]["positions"][0]
    held["name"], held["position"]["tags"] = "[/]", ["\x1b]0;title\x07"]
    answers = parse(individual)
    for page in (show(portfolio_page(answers)), show(glance([answers]))):
        assert "\x1b" not in page
        assert "\x07" not in page
        assert "[red]mine[/nothing]" in page


def test_a_field_newer_than_this_report_is_left_out(individual: Answers, parse: Parse, show: Show) -> None:
    individual["overview"]["from_the_future"] = {"x": 1}
    assert "Individual" in show(portfolio_page(parse(individual)))


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int, long_short: Answers, parse: Parse, show: Show) -> None:
    answers = parse(long_short)
    for page in (show(portfolio_page(answers), width), show(glance([answers]), width)):
        assert max(map(len, page.splitlines())) <= width


@pytest.mark.parametrize("width", [80, 100, 120])
def test_only_names_and_tags_are_ever_cut(width: int, long_short: Answers, parse: Parse, show: Show) -> None:
    answers = parse(long_short)
    for held in answers.complete.positions:
        held.name = "x" * 100
        held.position.tags[:] = ["y" * 100]
    lines = (show(portfolio_page(answers), width) + show(glance([answers]), width)).splitlines()
    cut = [line for line in lines if re.search(r"[^xy]…", line) and not line.startswith("Cash ")]
    assert cut == []


def test_colour_changes_no_word(long_short: Answers, parse: Parse, show: Show) -> None:
    page = portfolio_page(parse(long_short))
    coloured = show(page, coloured=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == show(page)


def test_all_portfolios_as_one_have_no_value_that_the_overview_does_not_give(long_short: Answers, show) -> None:
    portfolios = [{"base_currency": name} for name in ("EUR", "USD", "USD")]
    overview = long_short["overview"]
    whole = read_joined(portfolios, overview)
    assert whole.market_value == pytest.approx(overview["total_value"] - overview["cash_balance"])
    assert "All portfolios (3)" in show(portfolio_page(whole))
    assert whole.complete.portfolio.base_currency == "USD"
    without = {name: value for name, value in overview.items() if name not in ("total_value", "cash_balance")}
    assert read_joined([], without).market_value is None
