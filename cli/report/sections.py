"""What the answers about the risk of a portfolio say, part by part. One that is not there says why."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from cli.report.answers import known
from cli.report.figures import UNKNOWN, day, money, percent
from cli.report.page import Bar, Grid, Path, Section
from cli.report.reasons import in_words
from cli.report.risk import RiskAnswers

WORST: Final = 5
"""Scenarios that are shown, those that lose the most."""
SHOWN: Final = 8
"""Components of the tail and options that are shown, the largest; the API has all of them."""


def risk_sections(answers: RiskAnswers) -> list[Section]:
    """Give the parts in the order in which they are read: what is at stake, how it went, and what is missing."""
    parts: Sequence[tuple[str, Any, Callable[[RiskAnswers], Section]]] = (
        (EXPOSURES, answers.exposures, _exposures),
        (FACTORS, answers.factors, _factors),
        (STRESS, answers.stress, _stress),
        (AT_RISK, answers.at_risk, _at_risk),
        (CLUSTERS, answers.clusters, _clusters),
        (GREEKS, answers.greeks, _greeks),
        (PERFORMANCE, answers.performance, _performance),
    )
    told = [
        make(answers) if answer.available else Section(title, notes=(_not_there(answer.reason),))
        for title, answer, make in parts
    ]
    return [*told, _coverage(answers)]


EXPOSURES: Final = "Exposure by sector"
FACTORS: Final = "Factors"
STRESS: Final = f"The {WORST} worst scenarios"
AT_RISK: Final = "Value at risk"
CLUSTERS: Final = "What moves together"
GREEKS: Final = "Greeks of the options"
PERFORMANCE: Final = "Performance"
COVERAGE: Final = "What could be computed, and of how much"


def _exposures(answers: RiskAnswers) -> Section:
    groups = answers.exposures.groups
    rows = [
        (
            group.name or "no sector",
            money(group.long_exposure),
            money(group.short_exposure),
            money(group.net_exposure),
            percent(known(group, "net_percent")),
        )
        for group in groups
    ]
    bars = tuple(Bar(group.name or "no sector", group.net_exposure, money(group.net_exposure)) for group in groups)
    note = f"Options count with delta times notional. Netted by underlying, gross exposure is \
{money(answers.exposures.gross_exposure_by_underlying)} of {money(answers.exposures.gross_exposure)}."
    return Section(EXPOSURES, bars, grid=Grid(("Sector", "Long", "Short", "Net", "of NAV"), rows), notes=(note,))


def _factors(answers: RiskAnswers) -> Section:
    found = answers.factors
    rows = [
        (
            factor.name,
            _decimals(known(factor, "beta")),
            _decimals(known(factor, "standard_error")),
            _decimals(known(factor, "t_stat"), 1),
            money(factor.exposure_dollar),
            factor.symbol,
        )
        for factor in found.factors
    ]
    notes = ["Each beta holds the other factors still; the whole sensitivity to the market is the market beta."]
    if (beta := known(found, "market_beta")) is not None:
        error = known(found, "market_beta_error")
        bound = "" if error is None else f", give or take {error:.2f}"
        notes.insert(0, f"Market beta {beta:.2f}{bound}.")
    if (r2 := known(found.diagnostics, "r2")) is not None:
        market = known(found.diagnostics, "market_r2") or 0.0
        notes.append(
            f"The factors explain {percent(100 * r2)} of the variance over {found.diagnostics.observations} sessions, "
            f"the market alone {percent(100 * market)}."
        )
    notes += [f"{each.name} is not in the model: {in_words(each.reason)}." for each in found.inactive_factors]
    titles = ("Factor", "Beta", "Std. error", "t", "Exposure", "Fund")
    return Section(FACTORS, grid=Grid(titles, rows), notes=tuple(notes))


def _stress(answers: RiskAnswers) -> Section:
    computed = [each for each in answers.stress.scenarios if each.available and not each.partial]
    worst = sorted(computed, key=lambda each: each.impact.dollar_impact)[:WORST]
    bars = tuple(
        Bar(
            each.name,
            each.impact.dollar_impact,
            f"{money(each.impact.dollar_impact)}  {percent(known(each.impact, 'percentage_impact'))}",
        )
        for each in worst
    )
    notes = ["Factors that a scenario does not name go where they are to be expected; options are valued again."]
    if partial := [each.name for each in answers.stress.scenarios if each.partial and each.available]:
        notes.append(f"Not ranked, because a factor that they name has no fund: {', '.join(partial)}.")
    reasons = {each.reason for each in answers.stress.scenarios if not each.available}
    notes += [
        f"Without an answer, because {in_words(reason)}: "
        + ", ".join(each.name for each in answers.stress.scenarios if each.reason == reason)
        + "."
        for reason in sorted(reasons)
    ]
    return Section(STRESS, bars, notes=tuple(notes))


def _at_risk(answers: RiskAnswers) -> Section:
    found, metrics = answers.at_risk, answers.metrics
    rows = [
        ("Value at risk", money(known(found, "value_at_risk")), percent(known(found, "value_at_risk_percent"))),
        (
            "Expected shortfall",
            money(known(found, "expected_shortfall")),
            percent(known(found, "expected_shortfall_percent")),
        ),
    ]
    largest = sorted(found.components, key=lambda part: -abs(part.component_expected_shortfall))[:SHOWN]
    bars = tuple(
        Bar(part.symbol, -part.component_expected_shortfall, money(-part.component_expected_shortfall))
        for part in largest
    )
    days = "day" if found.horizon_days == 1 else "days"
    notes = [
        f"{percent(100 * found.confidence_level)} of outcomes over {found.horizon_days} {days} are no worse; "
        f"{found.method.replace('_', ' ')}, {found.metadata.observations} sessions. "
        "The bars are the mean result of each symbol in the tail."
    ]
    if metrics.available:
        told = metrics.risk_metrics
        notes.append(
            f"Over {metrics.metadata.observations} sessions the present positions would have had a volatility of "
            f"{percent(100 * told.annualized_volatility)} a year, a deepest fall of {percent(100 * told.max_drawdown)} "
            f"and a beta of {_decimals(known(told, 'portfolio_beta'))} to {metrics.benchmark}."
        )
    return Section(AT_RISK, bars, grid=Grid(("Loss", "Amount", "of NAV"), rows), notes=tuple(notes))


def _clusters(answers: RiskAnswers) -> Section:
    found = answers.clusters
    rows = [
        (
            cluster.name,
            percent(100 * cluster.gross_weight),
            money(cluster.net_exposure),
            f"{cluster.average_correlation:.2f}",
            ", ".join(cluster.symbols),
        )
        for cluster in found.clusters
    ]
    if not rows:
        return Section(CLUSTERS, notes=("No two symbols move together so closely that they would be one cluster.",))
    notes = [
        "Symbols whose returns go together once the market is taken out. "
        f"{percent(100 * found.concentration)} of the exposure looked at lies in clusters."
    ]
    if found.unclustered:
        notes.append(f"In none: {', '.join(found.unclustered)}.")
    titles = ("Cluster", "Weight", "Net", "Correlation", "Symbols")
    return Section(CLUSTERS, grid=Grid(titles, rows, last_is_prose=True), notes=tuple(notes))


def _greeks(answers: RiskAnswers) -> Section:
    found = answers.greeks
    if not found.positions:
        return Section(GREEKS, notes=("There are no options.",))
    largest = sorted(found.positions, key=lambda each: -abs(each.greeks.delta_dollars))
    rows = [_greek_row(each.symbol, each.greeks) for each in largest[:SHOWN]]
    rows.append(_greek_row("All options", found.totals))
    titles = ("Option", "Delta", "Gamma", "Theta", "Vega", "Rho", "Delta dollars")
    more = f"The {SHOWN} largest of {len(largest)} are shown. " if len(largest) > SHOWN else ""
    units = "Gamma per 1.00 of spot, theta a calendar day, vega a volatility point, rho a percentage point."
    return Section(GREEKS, grid=Grid(titles, rows), notes=(more + units,))


def _greek_row(name: str, greeks: Any) -> tuple[str, ...]:
    figures = (greeks.delta, greeks.gamma, greeks.theta, greeks.vega, greeks.rho)
    return (name, *(f"{figure:,.1f}" for figure in figures), money(greeks.delta_dollars))


def _performance(answers: RiskAnswers) -> Section:
    found = answers.performance
    metrics = found.metrics
    rows = [
        (each.period, _points(known(each, "total_return")), _points(known(each, "benchmark_return")))
        for each in found.periods
    ]
    days = tuple(point.point_date for point in found.series)
    paths = [Path("Portfolio", days, tuple(point.cumulative_return for point in found.series))]
    if days and all(point.HasField("benchmark_cumulative_return") for point in found.series):
        paths.append(Path(found.benchmark, days, tuple(p.benchmark_cumulative_return for p in found.series)))
    volatility = _points(known(metrics, "annualized_volatility"))
    notes = [
        f"{day(found.start_date)} to {day(found.end_date)}: volatility {volatility} a year, "
        f"Sharpe ratio {_decimals(known(metrics, 'sharpe_ratio'))}, "
        f"deepest fall {_points(metrics.max_drawdown)}, beta {_decimals(known(metrics, 'beta'))}."
    ]
    if found.backfilled_count:
        notes.append(f"{found.backfilled_count} of {found.snapshot_count} snapshots were made afterwards.")
    grid = Grid(("Period", "Portfolio", found.benchmark or "Benchmark"), rows)
    return Section(PERFORMANCE, paths=tuple(paths) if days else (), grid=grid, notes=tuple(notes))


def _coverage(answers: RiskAnswers) -> Section:
    quality = answers.quality
    if not quality.available:
        return Section(COVERAGE, notes=(_not_there(quality.reason),))
    rows = [
        (
            each.name.replace("_", " "),
            "yes" if each.feasible else "no",
            f"{each.eligible_positions}/{quality.summary.position_count}",
            percent(known(each, "eligible_percent")),
            in_words(each.reason) if each.reason else "",
        )
        for each in quality.calculations
    ]
    left_out: dict[tuple[str, str], list[str]] = {}
    for position in quality.positions:
        for reason in dict.fromkeys(left.reason for left in position.left_out):
            calculations = ", ".join(p.calculation.replace("_", " ") for p in position.left_out if p.reason == reason)
            left_out.setdefault((reason, calculations), []).append(position.symbol)
    notes = [
        f"Left out of {calculations}, because {in_words(reason)}: {', '.join(symbols)}."
        for (reason, calculations), symbols in left_out.items()
    ]
    titles = ("Calculation", "Answer", "Positions", "of gross", "Why not")
    return Section(COVERAGE, grid=Grid(titles, rows, last_is_prose=True), notes=tuple(notes))


def _not_there(reason: str) -> str:
    told = in_words(reason)
    return f"There is no answer: {told}."


def _decimals(figure: float | None, places: int = 2) -> str:
    return UNKNOWN if figure is None else f"{figure:.{places}f}"


def _points(decimal: float | None) -> str:
    return percent(None if decimal is None else 100 * decimal)
