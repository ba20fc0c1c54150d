"""A book in four small tables: what it is worth, what is at stake, what was won, how many positions there are."""

from rich.columns import Columns
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.report.answers import PortfolioAnswers, known
from cli.report.figures import gain, money, percent, share
from cli.report.layout import as_written, numbers, prose, section, sheet
from plimsoll.risk.v1.overview_pb2 import Overview


def summary(answers: PortfolioAnswers) -> RenderableType:
    """The four tables, side by side as far as the terminal is wide."""
    overview = answers.overview
    blocks = [_value(answers), _exposures(overview), _profit_and_loss(overview), _counts(overview)]
    return Padding(Columns(blocks, padding=(0, 2)), (1, 0))


def glance(books: list[PortfolioAnswers]) -> RenderableType:
    """Several books, one line each."""
    table = sheet(expand=True)
    prose(table, "Portfolio")
    numbers(table, "NAV", "Long", "Short", "Gross", "Net", "P&L", "Pos.", "Modelled")
    for answers in books:
        table.add_row(as_written(answers.name), *_glance_figures(answers))
    return section("At a glance", table)


def _glance_figures(answers: PortfolioAnswers) -> list[str | Text]:
    overview, nav = answers.overview, answers.net_asset_value
    exposures, coverage = overview.exposures, overview.metadata.coverage
    if not overview.available:
        return [Text(overview.reason, style="yellow"), *[""] * 7]
    sides = (exposures.long_exposure, exposures.short_exposure, exposures.gross_exposure, exposures.net_exposure)
    return [
        money(nav),
        *(percent(share(side, nav)) for side in sides),
        gain(money(overview.pnl.total_pnl), overview.pnl.total_pnl),
        str(overview.position_count.total_positions),
        percent(known(coverage, "modelled_percent")),
    ]


def _value(answers: PortfolioAnswers) -> Table:
    table = _block("Value", answers.complete.portfolio.base_currency)
    table.add_row("Cash", money(known(answers.overview, "cash_balance")))
    table.add_row("Market value", money(answers.market_value))
    table.add_row("Net asset value", money(answers.net_asset_value), style="bold")
    return table


def _exposures(overview: Overview) -> Table:
    table = _block("Exposure", "", "of NAV")
    exposures = overview.exposures
    nav = known(overview, "total_value")
    for side, amount in (
        ("Long", exposures.long_exposure),
        ("Short", exposures.short_exposure),
        ("Gross", exposures.gross_exposure),
        ("Net", exposures.net_exposure),
    ):
        table.add_row(side, money(amount), percent(share(amount, nav)))
    return table


def _profit_and_loss(overview: Overview) -> Table:
    table = _block("P&L", "since entry")
    pnl = overview.pnl
    for name, amount in (("Unrealised", pnl.unrealized_pnl), ("Realised", pnl.realized_pnl), ("Total", pnl.total_pnl)):
        table.add_row(name, gain(money(amount), amount))
    return table


def _counts(overview: Overview) -> Table:
    table = _block("Positions", "")
    count = overview.position_count
    table.add_row("Long", str(count.long_count))
    table.add_row("Short", str(count.short_count))
    table.add_row("All", str(count.total_positions))
    table.add_row("Options", str(count.option_count))
    return table


def _block(title: str, *columns: str) -> Table:
    table = sheet()
    table.add_column(title, no_wrap=True, header_style="bold cyan")
    numbers(table, *columns)
    return table
