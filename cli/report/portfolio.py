"""One portfolio, as a page for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from cli.report.answers import PortfolioAnswers
from cli.report.caveats import caveats, provenance
from cli.report.figures import day
from cli.report.layout import as_written
from cli.report.page import Section
from cli.report.positions import ValuedTable, unvalued_tables, valued_positions
from cli.report.risk import RiskAnswers
from cli.report.sections import risk_sections
from cli.report.summary import summary
from cli.report.terminal import on_terminal


def full_page(answers: PortfolioAnswers, risk: RiskAnswers) -> RenderableType:
    """Everything: the page of the portfolio, and within it the parts about its risk."""
    return portfolio_page(answers, risk_sections(risk))


def portfolio_page(answers: PortfolioAnswers, risk: Sequence[Section] = ()) -> RenderableType:
    """Title, the four summary tables, the positions, the risk, what is missing, and where the figures come from."""
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
    page += [on_terminal(part) for part in risk]
    return Group(*page, caveats(answers), provenance(answers))
