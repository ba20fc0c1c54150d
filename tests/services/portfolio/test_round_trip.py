"""What is exported as CSV or XLSX comes back as an equal portfolio, and what was undone leaves nothing behind."""

import io

import pytest
from google.api.httpbody_pb2 import HttpBody
from openpyxl import load_workbook

from plimsoll.portfolio.v1.cash_service_pb2 import GetCashBalancesRequest, ListCashMovementsRequest
from plimsoll.portfolio.v1.import_service_pb2 import PreviewImportRequest, UndoImportRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import DeletePortfolioRequest, UploadPortfolioRequest
from tests.services.portfolio.books import enter_all, listed, make, new, read
from tests.services.portfolio.conftest import Client
from tests.services.portfolio.test_exports import exported, filled, table

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def upload(client: Client, content: bytes, kind: str = "text/csv", **fields: object):
    given: dict[str, object] = {"commit": True} | fields
    if "portfolio_id" not in given:
        given["portfolio_name"] = "Again"
    return await client.portfolios.UploadPortfolio(
        UploadPortfolioRequest(file=HttpBody(content_type=kind, data=content), **given)  # type: ignore[arg-type]
    )


async def contents(client: Client, portfolio_id: str) -> list[object]:
    """Everything in a portfolio, without ids and revisions."""
    positions = await listed(client, portfolio_id=portfolio_id, status="any")
    cash = (await client.cash.GetCashBalances(GetCashBalancesRequest(portfolio_id=portfolio_id))).balances
    request = ListCashMovementsRequest(portfolio_id=portfolio_id)
    movements = (await client.cash.ListCashMovements(request)).movements
    for found in (*positions, *movements):
        for name in ("position_id", "movement_id", "portfolio_id", "revision"):
            if name in found.DESCRIPTOR.fields_by_name:
                found.ClearField(name)
    return [list(positions), list(cash), sorted(str(movement) for movement in movements)]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_portfolio_comes_back_equal(alice, kind: str):
    portfolio_id = await filled(alice)
    before, content = await contents(alice, portfolio_id), await exported(alice, portfolio_id, kind)
    exported_before = table(await exported(alice, portfolio_id))
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id))
    answer = await upload(alice, content, "text/csv" if kind == "csv" else XLSX)
    assert list(answer.report.errors) == []
    assert (answer.report.positions_saved_count, answer.report.cash_saved_count) == (4, 3)
    assert answer.portfolio.position_count == 3, "one of them is closed"
    again = answer.portfolio.portfolio_id
    assert await contents(alice, again) == before
    assert table(await exported(alice, again)) == exported_before


async def test_lots_that_look_the_same_stay_two(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await enter_all(alice, portfolio_id, *[new(tags=["lot"], strategy="core")] * 3)
    answer = await upload(alice, await exported(alice, portfolio_id))
    assert answer.portfolio.position_count == 3


async def test_what_a_spreadsheet_saved_of_a_workbook_still_comes_back(alice):
    portfolio_id = await filled(alice)
    book = load_workbook(io.BytesIO(await exported(alice, portfolio_id, "xlsx")))
    saved = io.BytesIO()
    book.save(saved)
    answer = await upload(alice, saved.getvalue(), XLSX)
    assert await contents(alice, answer.portfolio.portfolio_id) == await contents(alice, portfolio_id)


async def test_the_same_export_twice_adds_nothing_and_undoing_takes_everything_back(alice):
    source, target = await filled(alice), (await make(alice, "Target")).portfolio_id
    content = await exported(alice, source)
    first = await upload(alice, content, portfolio_id=target)
    second = await upload(alice, content, portfolio_id=target)
    assert second.portfolio.revision == first.portfolio.revision
    assert (second.report.positions_saved_count, second.report.cash_saved_count) == (0, 0)
    assert second.import_status.already_imported_count == 5
    assert await contents(alice, target) == await contents(alice, source)
    await alice.imports.UndoImport(UndoImportRequest(import_id=first.import_status.import_id))
    assert await contents(alice, target) == [[], [], []]
    assert (await read(alice, target)).position_count == 0


async def test_a_preview_shows_the_movements(alice):
    answer = await upload(alice, await exported(alice, await filled(alice)), commit=False)
    preview = await alice.imports.PreviewImport(PreviewImportRequest(import_id=answer.import_status.import_id))
    assert [(m.currency, m.amount, m.symbol, m.note) for m in preview.cash_movements] == [
        ("USD", -12.5, "JPM", "-borrow fee")
    ]


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ("CUR:USD,5,,2022-01-03,CASH,FEE", "quantity", "wrong_sign"),
        ("CUR:USD,0,,2022-01-03,CASH,FEE", "quantity", "zero_quantity"),
        ("CUR:USD,5,,2022-01-03,CASH,GIFT", "investment_subtype", "unknown_movement"),
        ("CUR:USD,5,,2999-01-04,CASH,DEPOSIT", "entry_date", "date_in_future"),
        ("AAPL,5,1,2022-01-03,CASH,DEPOSIT", "ticker", "unknown_currency"),
    ],
)
async def test_a_movement_that_is_none_is_an_error_of_its_row(alice, cells: str, field: str, reason: str):
    header = "Symbol,Quantity,Entry Price Per Share,Entry Date,Investment Class,Investment Subtype\n"
    answer = await upload(alice, (header + cells).encode())
    assert [(e.line, e.field, e.reason) for e in answer.report.errors] == [(2, field, reason)]


async def test_an_apostrophe_before_a_formula_is_ours_and_any_other_is_the_users(alice):
    portfolio_id = (await make(alice)).portfolio_id
    tags = ["'=1+1", "''-x", "'60s", "-5", "@me", "a,=b"]
    await enter_all(alice, portfolio_id, new(tags=tags, strategy="'"))
    content = await exported(alice, portfolio_id)
    assert table(content)[0]["Tags"] == "''=1+1;'''-x;'60s;'-5;'@me;a,'=b"
    again = (await upload(alice, content)).portfolio.portfolio_id
    (position,) = await listed(alice, portfolio_id=again)
    assert (list(position.tags), position.strategy) == (tags, "'")
