"""The line that says what a portfolio has earned."""

from cli.report.performance import performance_line
from plimsoll.risk.v1.performance_pb2 import Performance


def test_what_is_not_known_is_a_dash() -> None:
    metrics = Performance.Metrics(total_return=-0.031, max_drawdown=-0.05)
    line = performance_line("Mine", Performance(available=True, start_date="2022-12-01", metrics=metrics))
    assert line.plain == ("Mine: -3.1% since 1 Dec 2022, - volatility a year, Sharpe ratio -, deepest drawdown -5.0%")


def test_a_reason_stands_where_there_is_no_performance() -> None:
    assert performance_line("Mine", Performance(reason="cash_unknown")).plain == "Mine: no performance (cash_unknown)"
