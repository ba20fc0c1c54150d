"""One portfolio, as a page for the terminal."""

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from cli.report.answers import PortfolioAnswers
from cli.report.caveats import caveats, provenance
from cli.report.figures import day
from cli.report.layout import as_written
from cli.report.positions import ValuedTable, unvalued_tables, valued_positions
from cli.report.summary import summary


def portfolio_page(answers: PortfolioAnswers) -> RenderableType:
    """Title, the four summary tables, the positions, what is missing, and where the figures come from."""
    complete = answers.complete
    currency = complete.portfolio.base_currency
    name = as_written(answers.name)
    name.stylize("bold")
    title = Text.assemble(name, f"  valued at the close of {day(complete.as_of_date)}, in {currency}")
    page: list[RenderableType] = [Rule(title, align="left", style="cyan")]
    if answers.overview.available:
        page.append(summary(answers))
    if valued_positions(complete):
        page.append(ValuedTable(complete))
    page += unvalued_tables(complete)
    return Group(*page, caveats(answers), provenance(answers))
