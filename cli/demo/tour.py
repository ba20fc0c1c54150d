"""What the demo does with a stack that runs: sign in, bring the books in, and report on each."""

from collections.abc import Sequence

from google.protobuf.json_format import ParseDict
from rich.console import Console

from cli.asking import fetch_report
from cli.demo.account import Account, sign_in
from cli.demo.books import Book
from cli.demo.farewell import print_farewell
from cli.demo.history import fetch_performance
from cli.demo.importing import import_books
from cli.demo.rest import Api
from cli.report.answers import read_answers
from cli.report.coverage import coverage_line
from cli.report.performance import performance_line
from cli.report.portfolio import full_page
from cli.report.risk import read_risk
from cli.report.summary import glance
from plimsoll.marketdata.v1.marketdata_service_pb2 import CoverageReport

NOTE = """\
About these figures: quantities, dates and cash of the three books are made up. Prices, at entry too, are real closes, \
adjusted backwards for later dividends and spin-offs: right for returns, a little below what was quoted on the day, so \
profit and loss is close to a total return. Premiums of options (tag illustrative-premium) are model values. \
More in examples/portfolios/README.md."""


async def take_tour(api: Api, base_url: str, account: Account, books: Sequence[Book], console: Console) -> None:
    """Everything that the public API shows of the books, as a report."""
    await sign_in(api, account)
    ids = await import_books(api, books, console)
    earned = [await fetch_performance(api, portfolio_id) for portfolio_id in ids]
    found = [await fetch_report(api, portfolio_id) for portfolio_id in ids]
    reports = [read_answers(answers["complete"], answers["overview"]) for answers in found]
    console.print()
    for report, answers in zip(reports, found, strict=True):
        console.print(full_page(report, read_risk(answers)))
    console.print(glance(reports))
    for book, performance in zip(books, earned, strict=True):
        console.print(performance_line(book.name, performance))
    console.print(coverage_line(await fetch_coverage(api)))
    console.print(NOTE, style="dim")
    console.print()
    print_farewell(console, base_url, account, ids[-1])


async def fetch_coverage(api: Api) -> CoverageReport:
    """How complete the prices are that the reports rest on."""
    return ParseDict(await api.get("/api/v1/marketdata/coverage"), CoverageReport(), ignore_unknown_fields=True)
