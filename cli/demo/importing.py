"""Brings the books in through the public upload. A portfolio that is there by its name stays as it is."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.demo.books import Book
from cli.demo.rest import Api, Json

PORTFOLIOS = "/api/v1/management/portfolios"


async def import_books(api: Api, books: Sequence[Book], console: Console) -> list[str]:
    """Ids of the books' portfolios; what is not there yet is uploaded."""
    present = await portfolios_by_name(api)
    ids = []
    columns = (TextColumn("importing portfolios"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("import", total=len(books))
        for book in books:
            if portfolio := present.get(book.name):
                outcome = f"already there, {portfolio.get('position_count', 0)} positions"
            else:
                answer = await upload(api, book)
                portfolio, outcome = answer["portfolio"], told(answer["report"])
            ids.append(portfolio["portfolio_id"])
            progress.console.print(f"{book.path.name}: {outcome}", markup=False, highlight=False)
            progress.advance(task)
    return ids


async def portfolios_by_name(api: Api) -> dict[str, Json]:
    """Every portfolio of the caller, over all pages."""
    portfolios: dict[str, Json] = {}
    page_token = ""
    while True:
        page = await api.get(PORTFOLIOS, page_size="500", page_token=page_token)
        portfolios |= {portfolio["name"]: portfolio for portfolio in page.get("portfolios", [])}
        page_token = page.get("next_page_token", "")
        if not page_token:
            return portfolios


async def upload(api: Api, book: Book) -> Json:
    """Makes a portfolio of the book's file."""
    return await api.upload(
        f"{PORTFOLIOS}/upload", book.path.read_bytes(), "text/csv", portfolio_name=book.name, commit="true"
    )


def told(report: Json) -> str:
    """What became of a file, with a line for each row that was refused or deserves a look."""
    balances = report.get("cash_saved_count", 0)
    cash = "1 cash balance" if balances == 1 else f"{balances} cash balances"
    lines = [f"{report.get('positions_saved_count', 0)} positions and {cash} saved"]
    for kind in ("errors", "warnings"):
        lines += [f"  {kind[:-1]} in line {row.get('line', 0)}: {row['message']}" for row in report.get(kind, [])]
    return "\n".join(lines)
