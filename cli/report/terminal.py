"""The parts of a report in a terminal."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from cli.report.layout import as_written, prose, section, sheet, words
from cli.report.page import Bar, Grid, Section

WIDEST_LABEL = 34


def on_terminal(part: Section) -> RenderableType:
    """Give a part as it is printed."""
    body: list[RenderableType] = []
    if part.bars:
        body.append(BarChart(part.bars))
    if part.grid:
        body.append(_table(part.grid))
    body += [Text.assemble(as_written(note), style="dim") for note in part.notes]
    return section(part.title, *body)


class BarChart:
    """Bars to both sides of a line at nothing, as long as the room allows."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self._bars = bars

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        label = min(max(len(bar.label) for bar in self._bars), WIDEST_LABEL)
        text = max(len(bar.text) for bar in self._bars)
        room = max(options.max_width - label - text - 4, 10)
        lowest = min(0.0, *(bar.amount for bar in self._bars))
        highest = max(0.0, *(bar.amount for bar in self._bars))
        scale = room / ((highest - lowest) or 1.0)
        left = round(-lowest * scale)
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, overflow="ellipsis", max_width=label)
        grid.add_column(no_wrap=True, width=room)
        grid.add_column(no_wrap=True, justify="right")
        for bar in self._bars:
            length = round(abs(bar.amount) * scale)
            drawn = Text("█" * length or "▏", style="green" if bar.amount > 0 else "red")
            before = left if bar.amount >= 0 else left - length
            grid.add_row(as_written(bar.label), Text.assemble(" " * before, drawn), as_written(bar.text))
        yield grid


def _table(grid: Grid) -> RenderableType:
    table = sheet(expand=grid.last_is_prose)
    words(table, grid.titles[0])
    figures = grid.titles[1:-1] if grid.last_is_prose else grid.titles[1:]
    for title in figures:
        table.add_column(title, justify="right", no_wrap=True)
    if grid.last_is_prose:
        prose(table, grid.titles[-1])
    for row in grid.rows:
        table.add_row(*map(as_written, row))
    return Group(table)
