"""What a careful reader must know about the figures: what they leave out and why, and what they were computed from."""

from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.report.answers import PortfolioAnswers
from cli.report.figures import money, percent
from cli.report.layout import as_written, section
from cli.report.reasons import in_words


def caveats(answers: PortfolioAnswers) -> RenderableType:
    """What is missing, what deserves care, and the inputs that the same figures can be computed from again."""
    return Group(_list("What is missing, and why", _missing(answers)), _list("Read with care", _care(answers)))


def provenance(answers: PortfolioAnswers) -> RenderableType:
    """The inputs of the answer."""
    metadata, served = answers.overview.metadata, answers.overview.served
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    closed = answers.overview.last_updated
    as_of = f"{metadata.as_of_date}" + (f", closed {closed.ToJsonString()}" if closed.seconds else "")
    grid.add_row("As of", as_of)
    inputs = f"portfolio revision {metadata.portfolio_revision}, market data version {metadata.data_version}"
    grid.add_row("Computed from", f"{inputs}, prices {metadata.price_basis or 'none'}, model {metadata.model_version}")
    grid.add_row("Result id", metadata.result_id)
    grid.add_row("Served", f"{'from cache' if served.cached else 'computed'} in {served.elapsed_ms:.1f} ms")
    return section("Where the figures come from", grid)


def _missing(answers: PortfolioAnswers) -> list[str]:
    overview, coverage = answers.overview, answers.overview.metadata.coverage
    lines = []
    if not overview.available:
        lines.append(f"The overview: {in_words(overview.reason)}.")
    if overview.total_value_reason:
        lines.append(f"Net asset value: {in_words(overview.total_value_reason)}.")
    if answers.complete.cash_reason and answers.complete.cash_reason != overview.total_value_reason:
        lines.append(f"Cash: {in_words(answers.complete.cash_reason)}.")
    for reason, count in Counter(excluded.reason for excluded in coverage.excluded).items():
        positions = "1 position" if count == 1 else f"{count} positions"
        lines.append(f"{positions} outside value, exposure and P&L: {in_words(reason)} ({reason}).")
    if coverage.excluded and coverage.HasField("modelled_percent"):
        of_gross = f"{money(coverage.modelled_gross_exposure)} of {money(coverage.gross_exposure)}"
        bound = "an option left out counts there with its whole notional, which is more than is at stake"
        lines.append(f"Modelled: {percent(coverage.modelled_percent)} of gross exposure, {of_gross}; {bound}.")
    return lines


def _care(answers: PortfolioAnswers) -> list[str]:
    quality, metadata = answers.complete.quality, answers.overview.metadata
    lines = []
    if quality.stale_count:
        prices = "1 price is" if quality.stale_count == 1 else f"{quality.stale_count} prices are"
        lines.append(f"{prices} older than three sessions.")
    # Both services may say the same.
    return lines + [_sentence(warning) for warning in dict.fromkeys([*quality.warnings, *metadata.warnings])]


def _sentence(warning: str) -> str:
    return f"{warning[:1].upper()}{warning[1:].rstrip('.')}."


def _list(title: str, lines: list[str]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for line in lines:
        grid.add_row(Text("-", style="dim"), as_written(line))
    return section(title, grid if lines else Text("nothing", style="dim"))
