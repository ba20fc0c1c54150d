"""The parts of a report about risk: what they say in a terminal and as HTML, and what where nothing is known."""

import copy
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli.report.html import html_page
from cli.report.page import Bar, Section
from cli.report.portfolio import full_page
from cli.report.risk import QUESTIONS, read_risk
from cli.report.sections import COVERAGE, STRESS, risk_sections
from cli.report.terminal import on_terminal

RISK = Path(__file__).parent / "answers" / "long_short_risk.json"
TITLES = [
    "Exposure by sector",
    "Factors",
    "The 5 worst scenarios",
    "Value at risk",
    "What moves together",
    "Greeks of the options",
    "Performance",
    "What could be computed, and of how much",
]


@pytest.fixture
def risk() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(RISK.read_text(encoding="utf-8"))
    return copy.deepcopy(told)


def part(risk: dict[str, Any], title: str) -> Section:
    return next(section for section in risk_sections(read_risk(risk)) if section.title == title)


def test_every_part_is_there_in_its_order(risk) -> None:
    assert [section.title for section in risk_sections(read_risk(risk))] == TITLES


def test_the_worst_scenarios_come_first_and_none_that_is_partial(risk) -> None:
    computed = [each for each in risk["stress"]["scenarios"] if each["available"] and not each["partial"]]
    losses = sorted(each["impact"]["dollar_impact"] for each in computed)
    shown = part(risk, STRESS)
    assert [bar.amount for bar in shown.bars] == losses[:5]
    assert {bar.label for bar in shown.bars} <= {each["name"] for each in computed}
    partial = [each["name"] for each in risk["stress"]["scenarios"] if each["partial"] and each["available"]]
    assert partial
    assert all(name in " ".join(shown.notes) for name in partial)


def test_factors_have_their_t_statistics(risk) -> None:
    (size,) = [each for each in risk["factors"]["factors"] if each["name"] == "Size"]
    row = next(row for row in part(risk, "Factors").grid.rows if row[0] == "Size")
    assert row[1:4] == (f"{size['beta']:.2f}", f"{size['standard_error']:.2f}", f"{size['t_stat']:.1f}")


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in ("metrics", "quality")])
def test_a_part_without_an_answer_says_why(risk, name) -> None:
    risk[name] = {"available": False, "reason": "no_market_data"}
    told = [section for section in risk_sections(read_risk(risk)) if section.grid is None and not section.bars]
    assert ("There is no answer: less than half of the gross exposure has a price.",) in [one.notes for one in told]


def test_a_position_that_is_left_out_is_named_with_the_calculation_and_the_reason(risk) -> None:
    risk["quality"]["positions"][0]["left_out"] = [{"calculation": "value_at_risk", "reason": "insufficient_history"}]
    symbol = risk["quality"]["positions"][0]["symbol"]
    expected = f"Left out of value at risk, because its history is too short: {symbol}."
    assert expected in part(risk, COVERAGE).notes


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_terminal_shows_all_of_it_within_its_width(long_short, risk, parse, show, width) -> None:
    page = show(full_page(parse(long_short), read_risk(risk)), width)
    assert max(map(len, page.splitlines())) <= width
    for title in TITLES:
        assert f"\n{title}" in page


def test_bars_start_where_nothing_is_and_are_as_long_as_their_amounts(show) -> None:
    bars = (Bar("a", -200.0, "-200"), Bar("b", 100.0, "100"), Bar("c", 0.0, "0"))
    lines = show(on_terminal(Section("Chart", bars)), 60).splitlines()[1:4]
    loss, gain, nothing = lines
    assert loss.count("█") == pytest.approx(2 * gain.count("█"), abs=1)
    assert loss.rindex("█") + 1 == gain.index("█") == nothing.index("▏")


def test_html_is_one_file_that_needs_nothing_else_and_escapes_everything(long_short, risk, parse) -> None:
    long_short["complete"]["portfolio"]["name"] = "<script>alert('x')</script> & Co"
    risk["clusters"]["clusters"][0]["name"] = "<img src=x onerror=alert(1)>"
    page = html_page(parse(long_short), risk_sections(read_risk(risk)))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; Co" in page
    assert re.findall(r"url\(|@import|https?:", page) == []
    body = page.split("</head>")[1].replace("</html>", "")
    tree = ElementTree.fromstring(body)
    attributes = {name for element in tree.iter() for name in element.attrib}
    assert attributes <= {"class", "viewBox", "role", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "points"} | {
        "text-anchor"
    }
    assert [heading.text for heading in tree.iter("h2")] == [*TITLES, "Positions"]
    rectangles = list(tree.iter("rect"))
    assert len(rectangles) == sum(len(section.bars) for section in risk_sections(read_risk(risk)))
    assert all(float(each.get("x")) >= 0.0 and float(each.get("width")) > 0.0 for each in rectangles)
    assert len(list(tree.iter("polyline"))) == 2


def test_the_positions_in_html_are_those_of_the_portfolio(long_short, risk, parse) -> None:
    page = html_page(parse(long_short), risk_sections(read_risk(risk)))
    assert "AAPL 17 Mar 2023 120 put" in page
    assert page.count("<tr>") > len(long_short["complete"]["positions"])
