"""A file of 10,000 rows, from the POST through the gateway to the answer that it is saved: as CSV, and as a workbook.

The gate is 3 s. Every run makes a new portfolio; the same file into a portfolio that has its rows is measured too.
"""

import io
import statistics
import time
from pathlib import Path

from benchmarks.measurement import CannotMeasure, Case, Measurement
from benchmarks.stack_under_load import Target, press_own_stack
from cli.demo.books import BOOKS
from cli.demo.importing import PORTFOLIOS
from cli.demo.rest import Api

ROWS = 10_000
RUNS = 5
HEADER = ("ticker", "quantity", "entry_price", "entry_date", "tags")
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def upload(_: list[str]) -> Measurement:
    """Measures the upload in a stack of its own.

    Raises:
        CannotMeasure: not every row was saved, or one was saved twice.
    """
    cases: list[Case] = []

    async def press(target: Target) -> None:
        async with Api(target.base_url) as api:
            api.authorise(target.access_token)
            for name, kind, content in (("CSV", "text/csv", _csv()), ("XLSX", WORKBOOK, _workbook())):
                cases.append(await _measured(api, name, kind, content))

    press_own_stack(press)
    return Measurement("upload", f"{ROWS:,} rows through the gateway to saved; gate 3 s", cases)


async def _measured(api: Api, name: str, kind: str, content: bytes) -> Case:
    seconds, portfolio_id = [], ""
    for run in range(RUNS):
        taken, portfolio_id = await _timed(api, kind, content, ROWS, portfolio_name=f"{name} {run}")
        seconds.append(taken)
    again, _ = await _timed(api, kind, content, 0, portfolio_id=portfolio_id)
    figures = {"median, seconds": statistics.median(seconds), "slowest, seconds": max(seconds)}
    return Case(f"{name}, {len(content) / 2**20:.1f} MB", {**figures, "again, seconds": again})


async def _timed(api: Api, kind: str, content: bytes, wanted: int, **where: str) -> tuple[float, str]:
    start = time.perf_counter()
    answer = await api.upload(f"{PORTFOLIOS}/upload", content, kind, commit="true", **where)
    taken = time.perf_counter() - start
    saved = answer["report"]["positions_saved_count"]
    if saved != wanted:
        raise CannotMeasure(f"{saved} of {wanted} rows were saved: {answer['report']['errors'][:3]}")
    return taken, str(answer["portfolio"]["portfolio_id"])


def _rows() -> list[tuple[str, ...]]:
    """Give rows that differ, of the symbols of the demo's largest book, on days that were sessions."""
    lines = Path(BOOKS[-1].path).read_text().splitlines()[1:]
    symbols = sorted({line.split(",")[0] for line in lines if line[:1].isalpha() and not line.startswith("CUR:")})
    stocks = [symbol for symbol in symbols if len(symbol) < 6]
    days = ("2022-01-03", "2022-03-01", "2022-06-01", "2022-09-01", "2022-12-01")
    return [
        (stocks[n % len(stocks)], f"{n + 1}", f"{100 + n / 100:.2f}", days[n % len(days)], f"t{n % 7}")
        for n in range(ROWS)
    ]


def _csv() -> bytes:
    return "".join(",".join(row) + "\n" for row in (HEADER, *_rows())).encode()


def _workbook() -> bytes:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (HEADER, *_rows()):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()
