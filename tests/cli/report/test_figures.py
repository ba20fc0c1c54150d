"""How figures are written."""

import pytest

from cli.report import figures


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "-"), (0.0, "0"), (-0.4, "0"), (0.5, "0"), (1234567.8, "1,234,568"), (-321480.6, "-321,481")],
)
def test_money_is_whole_units_and_unknown_is_a_dash(amount: float | None, text: str) -> None:
    assert figures.money(amount) == text


@pytest.mark.parametrize(
    ("points", "text"), [(None, "-"), (0.0, "0.0%"), (-0.04, "0.0%"), (-0.05001, "-0.1%"), (149.37, "149.4%")]
)
def test_percent_never_shows_minus_zero(points: float | None, text: str) -> None:
    assert figures.percent(points) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(688.4127, "688.4127"), (976.185, "976.185"), (-5000.0, "-5,000"), (100.0, "100"), (1410.9007, "1,410.9007")],
)
def test_quantity_keeps_the_decimals_it_has(amount: float, text: str) -> None:
    assert figures.quantity(amount) == text


@pytest.mark.parametrize(
    ("part", "whole", "points"),
    [
        (25.0, 200.0, 12.5),
        (-25.0, 200.0, -12.5),
        (1.0, None, None),
        (None, 1.0, None),
        (1.0, 0.0, None),
        (1.0, -5.0, None),
    ],
)
def test_share_is_unknown_without_a_positive_whole(
    part: float | None, whole: float | None, points: float | None
) -> None:
    assert figures.share(part, whole) == points


@pytest.mark.parametrize(
    ("amount", "text", "style"),
    [(12.0, "+12", "green"), (-12.0, "-12", "red"), (0.2, "0", ""), (-0.2, "0", ""), (None, "-", "dim")],
)
def test_gain_writes_its_sign_and_leaves_what_rounds_to_nothing_alone(
    amount: float | None, text: str, style: str
) -> None:
    shown = figures.gain(figures.money(amount), amount)
    assert (shown.plain, shown.style) == (text, style)


def test_day_is_written_out() -> None:
    assert (figures.day("2022-12-28"), figures.day("2023-03-07"), figures.day("")) == ("28 Dec 2022", "7 Mar 2023", "-")
