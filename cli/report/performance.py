"""What a portfolio has earned since it began, and at which risk, in one line."""

from rich.text import Text

from cli.report.answers import known
from cli.report.figures import UNKNOWN, day, gain, percent
from cli.report.layout import as_written
from plimsoll.risk.v1.performance_pb2 import Performance


def performance_line(name: str, performance: Performance) -> Text:
    """Give return, volatility, Sharpe ratio and deepest drawdown of the period, or why there are none."""
    line = as_written(f"{name}: ")
    if not performance.available:
        return line.append(f"no performance ({performance.reason})")
    metrics = performance.metrics
    volatility, sharpe = known(metrics, "annualized_volatility"), known(metrics, "sharpe_ratio")
    line.append_text(gain(percent(100 * metrics.total_return), metrics.total_return))
    line.append(f" since {day(performance.start_date)}, {_a_year(volatility)} volatility a year, Sharpe ratio ")
    line.append(UNKNOWN if sharpe is None else f"{sharpe:.2f}")
    return line.append(f", deepest drawdown {percent(100 * metrics.max_drawdown)}")


def _a_year(volatility: float | None) -> str:
    return percent(None if volatility is None else 100 * volatility)
