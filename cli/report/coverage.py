"""How complete price histories are: a line for each symbol, what is missing, and one sentence for all of them."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from cli.report.answers import known
from cli.report.figures import day, percent
from cli.report.layout import WIDE, as_written, numbers, prose, section, sheet, words
from plimsoll.marketdata.v1.marketdata_service_pb2 import CoverageReport, SymbolCoverage

USES = {
    "chat": "chat",
    "regression_minimum": "regression",
    "correlation": "correlation",
    "volatility": "volatility",
    "full": "everything",
}
"""The uses of the contract, from the one that needs least to the one that needs all the others and more."""
SHOWN_SYMBOLS, SHOWN_GAPS = 20, 3
"""Of what is missing: in so many symbols, and of each so many of the newest ranges. The API has all of them."""


def coverage_page(report: CoverageReport) -> RenderableType:
    """Give a table of all symbols, what is missing of them, and the sentence below."""
    lines = [*missing_lines(report), Text(), coverage_line(report)]
    return section(f"Coverage up to {day(report.as_of_date)}", CoverageTable(report), Text(), Group(*lines))


class CoverageTable:
    """A line for each symbol; where there is room also its gaps, its rows in quarantine, and its sources."""

    def __init__(self, report: CoverageReport) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= WIDE
        table = sheet(expand=True)
        prose(table, *([] if wide else ["Symbol"]))
        words(table, *(["Symbol"] if wide else []), "First", "Last")
        numbers(table, "Sessions", "Unbroken", "Complete", *(["Gaps", "Quarantined"] if wide else []))
        words(table, "Enough for")
        prose(table, *(["Sources"] if wide else []))
        for symbol in self._report.symbols:
            gaps = [str(symbol.gap_count or ""), str(symbol.quarantined_count or "")] if wide else []
            sources = [_sources(symbol)] if wide else []
            table.add_row(*_history(symbol), *gaps, _enough(symbol), *sources)
        yield table


def missing_lines(report: CoverageReport) -> list[Text]:
    """Say of each symbol that lacks something which sessions those are, and how many rows of it are in quarantine."""
    lacking = [symbol for symbol in report.symbols if symbol.gap_count or symbol.quarantined_count]
    lines = [as_written(f"{symbol.symbol}: {'; '.join(_lacks(symbol))}") for symbol in lacking[:SHOWN_SYMBOLS]]
    more = len(lacking) - len(lines)
    return [*lines, Text(f"... and {more} more symbols")] if more else lines


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


def _history(symbol: SymbolCoverage) -> list[str | Text]:
    complete = known(symbol, "completeness")
    return [
        as_written(symbol.symbol),
        day(symbol.first_date),
        day(symbol.last_date),
        f"{symbol.session_count:,}",
        f"{symbol.continuous_count:,}",
        percent(None if complete is None else 100 * complete),
    ]


def _enough(symbol: SymbolCoverage) -> Text:
    meets = USES.get(symbol.meets[-1], symbol.meets[-1]) if symbol.meets else ""
    return Text(meets or "nothing", style="" if meets else "yellow")


def _sources(symbol: SymbolCoverage) -> Text:
    return as_written(", ".join(f"{source.name} {source.bar_count:,}" for source in symbol.sources))


def _lacks(symbol: SymbolCoverage) -> Sequence[str]:
    shown = [_range(gap) for gap in reversed(symbol.gaps[-SHOWN_GAPS:])]
    more = [f"{symbol.gap_count - len(shown)} earlier gaps"] if symbol.gap_count > len(shown) else []
    gaps = [f"no bar on {', '.join([*shown, *more])}"] if shown else []
    return [*gaps, *([f"in quarantine: {symbol.quarantined_count:,}"] if symbol.quarantined_count else [])]


def _range(gap: SymbolCoverage.Gap) -> str:
    if gap.session_count == 1:
        return day(gap.start_date)
    return f"{day(gap.start_date)} to {day(gap.end_date)} ({gap.session_count:,} sessions)"
