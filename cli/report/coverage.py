"""How complete price histories are: a line for each symbol, and in one sentence for all of them."""

from rich.console import Group, RenderableType
from rich.text import Text

from cli.report.answers import known
from cli.report.figures import day, percent
from cli.report.layout import as_written, numbers, prose, section, sheet, words
from plimsoll.marketdata.v1.marketdata_service_pb2 import CoverageReport, SymbolCoverage

USES = {
    "chat": "chat",
    "regression_minimum": "regression",
    "correlation": "correlation",
    "volatility": "volatility",
    "full": "everything",
}
"""The uses of the contract, from the one that needs least to the one that needs all the others and more."""


def coverage_page(report: CoverageReport) -> RenderableType:
    """Give a table of all symbols, and the sentence below."""
    table = sheet(expand=True)
    words(table, "Symbol", "First", "Last")
    numbers(table, "Sessions", "Unbroken", "Gaps", "Complete", "Quarantined")
    words(table, "Enough for")
    prose(table, "Sources")
    for symbol in report.symbols:
        table.add_row(*_row(symbol))
    return section(f"Coverage up to {day(report.as_of_date)}", table, Group(Text(), coverage_line(report)))


def coverage_line(report: CoverageReport) -> Text:
    """Say in one sentence what the histories are good for."""
    summary = report.summary
    full = next((need for need in summary.needs if need.use == "full"), None)
    text = f"Prices up to {day(report.as_of_date)}: {summary.covered_count} of {summary.symbol_count} instruments"
    if summary.HasField("mean_completeness"):
        text += f", {percent(100 * summary.mean_completeness)} of their sessions"
    if full is None:
        return Text(f"{text}.")
    text += f"; {full.met_count} have {full.sessions} sessions without a gap, enough for every calculation"
    if full.lacking_symbols:
        shown = ", ".join(full.lacking_symbols[:8]) + (", ..." if len(full.lacking_symbols) > 8 else "")
        text += f" (not {shown})"
    return as_written(f"{text}.")


def _row(symbol: SymbolCoverage) -> list[str | Text]:
    complete = known(symbol, "completeness")
    meets = USES.get(symbol.meets[-1], symbol.meets[-1]) if symbol.meets else ""
    return [
        as_written(symbol.symbol),
        day(symbol.first_date),
        day(symbol.last_date),
        f"{symbol.session_count:,}",
        f"{symbol.continuous_count:,}",
        str(symbol.gap_count),
        percent(None if complete is None else 100 * complete),
        str(symbol.quarantined_count or ""),
        Text(meets or "nothing", style="" if meets else "yellow"),
        as_written(", ".join(f"{source.name} {source.bar_count:,}" for source in symbol.sources)),
    ]
