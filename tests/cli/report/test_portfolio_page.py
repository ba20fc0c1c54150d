"""The page of one portfolio."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from cli.report.answers import PortfolioAnswers
from cli.report.portfolio import portfolio_page
from cli.report.summary import glance

Answers = dict[str, Any]
Parse = Callable[[Answers], PortfolioAnswers]
Show = Callable[..., str]


def valued_rows(page: str) -> list[list[str]]:
    """Cells of the lines of the table of valued positions, titles excluded, from the first position to NAV."""
    lines = page.split("Positions by market value", 1)[1].splitlines()[3:]
    last = next(number for number, line in enumerate(lines) if line.startswith("NAV "))
    return [re.split(r" {2,}", line.strip()) for line in lines[: last + 1] if line.strip()]


def test_every_position_stands_in_exactly_one_table(long_short: Answers, parse: Parse, show: Show) -> None:
    page = show(portfolio_page(parse(long_short)))
    valued, unvalued = page.split("Outside market value and NAV")
    for held in long_short["complete"]["positions"]:
        position = held["position"]
        terms = position.get("option")
        if terms:
            right = {"C": "call", "P": "put"}[terms["right"]]
            words = f"{terms['underlying_symbol']} .* {terms['strike']:g} {right} "
            assert len(re.findall(f"^{words}", unvalued, re.MULTILINE)) == 1, position["symbol"]
        else:
            assert len(re.findall(f"^{position['symbol']} ", valued, re.MULTILINE)) == 1, position["symbol"]


def test_valued_positions_run_from_the_largest_long_to_the_largest_short(
    long_short: Answers, parse: Parse, show: Show
) -> None:
    rows = valued_rows(show(portfolio_page(parse(long_short)), 100))
    values = [float(row[-4].replace(",", "")) for row in rows if row[0] not in {"Cash", "NAV"}]
    assert len(values) == 18
    assert values == sorted(values, reverse=True)


def test_weights_of_positions_and_cash_sum_to_one(long_short: Answers, parse: Parse, show: Show) -> None:
    rows = valued_rows(show(portfolio_page(parse(long_short)), 100))
    positions = [row[-3] for row in rows if row[0] not in {"Cash", "NAV"}]
    cash = [row[-1] for row in rows if row[0] == "Cash"]
    assert sum(float(weight.rstrip("%")) for weight in positions + cash) == pytest.approx(100, abs=1)
    assert cash == ["-10.0%"]


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
    page = " ".join(show(portfolio_page(parse(long_short))).split())
    coverage = long_short["overview"]["metadata"]["coverage"]
    assert "12 positions outside value, exposure and P&L: no model prices it yet (no_mark)." in page
    assert f"Modelled: {coverage['modelled_percent']:.1f}% of gross exposure" in page


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
    lilly = long_short["complete"]["positions"][0]
    lilly["reason"] = "no_price"
    for figure in ("price", "market_value", "unrealized_pnl"):
        del lilly[figure]
    page = show(portfolio_page(parse(long_short)))
    no_price, no_mark = page.split("Outside market value and NAV: ")[1:]
    assert no_price.startswith("no price is known")
    assert re.search(r"^LLY +long ", no_price, re.MULTILINE)
    assert no_mark.startswith("no model prices it yet")
    assert not re.search(r"^LLY +long ", no_mark, re.MULTILINE)


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
