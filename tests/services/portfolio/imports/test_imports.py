"""Imports from the upload to the undoing, through the service as it is wired."""

import asyncio
from typing import Any

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody

from plimsoll.identity.v1.event_pb2 import Event
from plimsoll.identity.v1.event_service_pb2 import ListEventsRequest
from plimsoll.portfolio.v1.cash_service_pb2 import GetCashBalancesRequest, ListCashMovementsRequest
from plimsoll.portfolio.v1.change_service_pb2 import ListChangesRequest
from plimsoll.portfolio.v1.import_pb2 import Import
from plimsoll.portfolio.v1.import_service_pb2 import (
    CompleteImportRequest,
    DownloadTemplateRequest,
    GetImportResultsRequest,
    GetImportStatusRequest,
    GetTemplatesRequest,
    ImportOutcome,
    ListImportsRequest,
    PreviewImportRequest,
    RetryImportRequest,
    UndoImportRequest,
    ValidateImportRequest,
)
from plimsoll.portfolio.v1.portfolio_service_pb2 import ListPortfoliosRequest, UploadPortfolioRequest
from plimsoll.portfolio.v1.position_service_pb2 import DeletePositionRequest
from services.portfolio.domain.import_record import MOST_WAITING
from services.portfolio.domain.imports.parsing import parse
from tests.services.portfolio import books
from tests.services.portfolio.conftest import Client, as_service, refused
from tests.services.portfolio.imports.test_formats import FIXTURES
from tests.services.portfolio.marketdata_stub import RENAMED

HEADER = "ticker,quantity,entry_price,entry_date,tags\n"
FILE = (
    HEADER
    + "AAPL,100,120.5,2022-01-03,core\nAAPL,100,120.5,2022-01-03,core\nNOSUCH,1,1,2022-01-03,\n"
    + "AAPL230120C00150000,2,3.1,2022-12-01,\nCUR:USD,-5078.62,,2022-12-28,\n"
)


def upload(client: Client, content: str | bytes = FILE, **fields: Any):
    data = content.encode() if isinstance(content, str) else content
    given = {} if {"portfolio_id", "portfolio_name"} & fields.keys() else {"portfolio_name": "Uploaded"}
    file = HttpBody(content_type="text/csv", data=data)
    return client.portfolios.UploadPortfolio(UploadPortfolioRequest(file=file, **given, **fields))


async def waiting(client: Client, content: str | bytes = FILE, **fields: Any) -> str:
    return str((await upload(client, content, **fields)).import_status.import_id)


async def complete(client: Client, import_id: str, **fields: Any) -> ImportOutcome:
    found: ImportOutcome = await client.imports.CompleteImport(CompleteImportRequest(import_id=import_id, **fields))
    return found


async def undo(client: Client, import_id: str, **fields: Any) -> ImportOutcome:
    found: ImportOutcome = await client.imports.UndoImport(UndoImportRequest(import_id=import_id, **fields))
    return found


async def status(client: Client, import_id: str) -> Import:
    found: Import = await client.imports.GetImportStatus(GetImportStatusRequest(import_id=import_id))
    return found


async def names(client: Client) -> set[str]:
    return {p.name for p in (await client.portfolios.ListPortfolios(ListPortfoliosRequest())).portfolios}


async def completions(client: Client) -> list[Event]:
    found = await as_service(client).events.ListEvents(ListEventsRequest(page_size=1000))
    return [event for event in found.events if event.kind == Event.IMPORT_COMPLETED]


async def test_nothing_is_saved_until_it_is_completed(alice):
    answer = await upload(alice)
    import_id = answer.import_status.import_id
    assert not answer.HasField("portfolio")
    assert await names(alice) == {"My portfolio"}
    assert await completions(alice) == []
    found = await status(alice, import_id)
    assert (found.state, found.format, found.row_count) == (Import.WAITING, "five_columns", 5)
    assert (found.good_count, found.error_count, found.progress_percent) == (4, 1, 0)
    assert [(e.line, e.field, e.value) for e in answer.report.errors] == [(4, "ticker", "NOSUCH")]

    done = await complete(alice, import_id)
    assert (done.portfolio.name, done.portfolio.position_count, done.portfolio.revision) == ("Uploaded", 3, 2)
    assert (done.import_status.state, done.import_status.progress_percent) == (Import.COMPLETED, 100)
    assert (done.report.positions_saved_count, done.report.cash_saved_count) == (3, 1)
    (event,) = await completions(alice)
    told = (event.portfolio_id, event.portfolio_revision, event.import_id)
    assert told == (done.portfolio.portfolio_id, 2, import_id)
    assert await complete(alice, import_id) == done, "completed twice is completed once"
    results = await alice.imports.GetImportResults(GetImportResultsRequest(import_id=import_id))
    assert results == done
    assert len(await completions(alice)) == 1


async def test_a_preview_classifies_and_prices(alice):
    import_id = await waiting(alice)
    found = await alice.imports.PreviewImport(PreviewImportRequest(import_id=import_id))
    stock, again, option = found.positions
    assert (stock.line, again.line, option.line) == (2, 3, 5)
    assert (stock.investment_class, stock.kind, stock.sector) == ("PUBLIC", "STOCK", "Information Technology")
    assert (stock.name, stock.exchange) == ("AAPL Inc.", "XNAS")
    assert (stock.pricing.priced, stock.pricing.price, stock.pricing.currency) == (True, 126.04, "USD")
    assert (option.investment_class, option.kind, option.position.option.strike) == ("OPTIONS", "OPTION", 150)
    assert (option.pricing.priced, option.pricing.reason) == (False, "no_mark")
    assert [(c.currency, c.amount) for c in found.cash] == [("USD", -5078.62)]
    assert found.as_of_date == "2022-12-28"
    first = await alice.imports.PreviewImport(PreviewImportRequest(import_id=import_id, page_size=2))
    rest = await alice.imports.PreviewImport(
        PreviewImportRequest(import_id=import_id, page_size=2, page_token=first.next_page_token)
    )
    assert [p.line for p in (*first.positions, *rest.positions)] == [2, 3, 5]
    assert rest.next_page_token == ""


async def test_a_check_says_what_cannot_be_priced(alice):
    import_id = await waiting(alice, FILE + "QUIET,1,1,2022-01-03,\n")
    found = await alice.imports.ValidateImport(ValidateImportRequest(import_id=import_id))
    assert found.priced_count == 1
    assert [(p.symbol, p.reason) for p in found.unpriced] == [("AAPL230120C00150000", "no_mark"), ("QUIET", "no_price")]
    assert "upload its bars" in found.unpriced[1].message
    assert [e.line for e in found.report.errors] == [4]
    assert found.report.positions_saved_count == 0
    assert await names(alice) == {"My portfolio"}


async def test_the_same_file_twice_adds_nothing_and_equal_rows_of_one_are_kept(alice):
    first = await upload(alice, commit=True)
    portfolio_id = first.portfolio.portfolio_id
    assert first.report.positions_saved_count == 3, "both rows of AAPL"
    again = await upload(alice, portfolio_id=portfolio_id, commit=True)
    assert (again.report.positions_saved_count, again.report.cash_saved_count) == (0, 0)
    assert again.import_status.already_imported_count == 3
    assert again.portfolio.revision == first.portfolio.revision
    told = [w for w in again.report.warnings if w.reason == "already_imported"]
    assert [w.line for w in told] == [2, 3, 5]
    assert first.import_status.import_id in told[0].message
    assert len(await completions(alice)) == 1
    more = await upload(alice, FILE + "AAPL,100,120.5,2022-01-03,\n", portfolio_id=portfolio_id, commit=True)
    assert (more.report.positions_saved_count, more.portfolio.position_count) == (1, 4), "a third one is new"


async def test_the_same_positions_of_a_broker_a_day_later_add_nothing(alice):
    text = (FIXTURES / "schwab_one_account.csv").read_text()
    monday = await upload(alice, text.replace("2022/12/28", "2022/12/26"), commit=True)
    later = await upload(alice, text, portfolio_id=monday.portfolio.portfolio_id, commit=True)
    assert monday.report.positions_saved_count == 4
    assert (later.report.positions_saved_count, later.import_status.already_imported_count) == (0, 4)
    assert later.report.cash_saved_count == 1, "its balance is of another day"
    changed = text.replace('"1,100"', '"1,200"')
    third = await upload(alice, changed, portfolio_id=monday.portfolio.portfolio_id, commit=True)
    assert [(w.line, w.value) for w in third.report.warnings if w.reason == "stated_before"] == [(4, "AAPL")]


async def test_an_entry_on_the_day_of_the_file_is_a_session(alice):
    text = (FIXTURES / "schwab_one_account.csv").read_text().replace("2022/12/28", "2022/12/25")
    answer = await upload(alice, text, commit=True)
    assert answer.report.errors == []
    held = await books.listed(alice, portfolio_id=answer.portfolio.portfolio_id)
    assert {p.entry_date for p in held} == {"2022-12-23"}


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("*.csv")))
async def test_every_export_of_a_broker_is_imported(alice, name):
    content = (FIXTURES / name).read_bytes()
    answer = await upload(alice, content, commit=True)
    parsed = parse(content)
    # BRK.B is an instrument that the marketdata of these tests does not know.
    unknown = {e.line for e in answer.report.errors if (e.value, e.reason) == ("BRK.B", "unknown_instrument")}
    assert answer.import_status.format == parsed.format
    assert [e.line for e in answer.report.errors if e.line not in unknown] == sorted(e.line for e in parsed.errors)
    assert answer.report.positions_saved_count == len([p for p in parsed.positions if p.line not in unknown])
    held = await books.listed(alice, portfolio_id=answer.portfolio.portfolio_id, status="any")
    assert len(held) == answer.report.positions_saved_count


async def test_undoing_takes_back_what_one_import_saved(alice):
    first = await upload(alice, HEADER + "JPM,7,140,2022-02-01,\nCUR:USD,10,,2022-12-28,\n", commit=True)
    portfolio_id = first.portfolio.portfolio_id
    second = await upload(alice, portfolio_id=portfolio_id, commit=True)
    by_hand = await books.enter(alice, portfolio_id, books.new("XOM"))
    positions = await books.listed(alice, portfolio_id=portfolio_id)
    await books.update(alice, positions[1].position_id, quantity=50)
    await alice.positions.DeletePosition(DeletePositionRequest(position_id=positions[2].position_id))

    import_id = second.import_status.import_id
    done = await undo(alice, import_id, reason="wrong file")
    assert done.import_status.state == Import.UNDONE
    left = await books.listed(alice, portfolio_id=portfolio_id)
    assert [p.symbol for p in left] == ["JPM", "XOM"]
    assert left[1].position_id == by_hand.position_id
    assert done.portfolio.position_count == 2
    balances = (await alice.cash.GetCashBalances(GetCashBalancesRequest(portfolio_id=portfolio_id))).balances
    assert [(b.currency, b.amount) for b in balances] == [("USD", 10)]
    log = await alice.changes.ListChanges(ListChangesRequest(portfolio_id=portfolio_id))
    assert log.changes[0].reason == "wrong file"
    assert await undo(alice, import_id) == done, "undone twice is undone once"
    error = await refused(complete(alice, import_id))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "IMPORT_CLOSED")
    assert (await upload(alice, portfolio_id=portfolio_id, commit=True)).report.positions_saved_count == 3


async def test_a_balance_that_was_stated_anew_is_not_the_imports_any_more(alice):
    first = await upload(alice, HEADER + "CUR:USD,10,,2022-12-28,\nCUR:EUR,5,,2022-12-28,\n", commit=True)
    portfolio_id = first.portfolio.portfolio_id
    await upload(alice, HEADER + "CUR:USD,20,,2022-12-28,\n", portfolio_id=portfolio_id, commit=True)
    await undo(alice, first.import_status.import_id)
    balances = (await alice.cash.GetCashBalances(GetCashBalancesRequest(portfolio_id=portfolio_id))).balances
    assert [(b.currency, b.amount) for b in balances] == [("USD", 20)]


async def test_movements_of_cash_come_and_go_with_their_import(alice):
    header = "Symbol,Quantity,Entry Price Per Share,Entry Date,Investment Class,Investment Subtype,Note\n"
    text = header + "CUR:USD,100,,2022-12-15,CASH,DEPOSIT,first\nCUR:USD,100,,2022-12-15,CASH,DEPOSIT,second\n"
    done = await upload(alice, text, commit=True)
    portfolio_id = done.portfolio.portfolio_id
    wanted = ListCashMovementsRequest(portfolio_id=portfolio_id)
    moved = (await alice.cash.ListCashMovements(wanted)).movements
    assert sorted((m.amount, m.note) for m in moved) == [(100, "first"), (100, "second")]
    again = await upload(alice, text, portfolio_id=portfolio_id, commit=True)
    assert (again.report.cash_saved_count, again.import_status.already_imported_count) == (0, 2)
    await undo(alice, done.import_status.import_id)
    assert (await alice.cash.ListCashMovements(wanted)).movements == []


async def test_an_import_that_waits_is_dropped(alice):
    import_id = await waiting(alice)
    assert (await undo(alice, import_id)).import_status.state == Import.UNDONE
    assert (await refused(complete(alice, import_id))).reason == "IMPORT_CLOSED"
    assert await names(alice) == {"My portfolio"}


async def test_a_second_try_saves_what_is_good_by_then(alice, monkeypatch):
    first = await upload(alice, commit=True)
    import_id = first.import_status.import_id
    retry = RetryImportRequest(import_id=import_id)
    assert (await alice.imports.RetryImport(retry)).portfolio.revision == first.portfolio.revision
    monkeypatch.setitem(RENAMED, "NOSUCH", "XOM")  # marketdata learns of it
    again = await alice.imports.RetryImport(retry)
    assert again.report.errors == []
    assert (again.report.positions_saved_count, again.portfolio.position_count) == (4, 4)
    assert not [w for w in again.report.warnings if w.reason == "already_imported"]
    assert (await undo(alice, import_id)).portfolio.position_count == 0


async def test_two_completions_at_once_save_once(alice):
    first = await upload(alice, HEADER + "JPM,7,140,2022-02-01,\n", commit=True)
    portfolio_id = first.portfolio.portfolio_id
    ids = [await waiting(alice, portfolio_id=portfolio_id) for _ in range(3)]
    done = await asyncio.gather(*(complete(alice, import_id) for import_id in [*ids, *ids]))
    assert sum(found.report.positions_saved_count for found in done[:3]) == 3
    assert (await books.read(alice, portfolio_id)).position_count == 4


async def test_imports_are_listed_newest_first(alice):
    ids = [await waiting(alice, portfolio_name=f"P{n}", file_name=f"{n}.csv") for n in range(3)]
    page = await alice.imports.ListImports(ListImportsRequest(page_size=2))
    rest = await alice.imports.ListImports(ListImportsRequest(page_size=2, page_token=page.next_page_token))
    found = [*page.imports, *rest.imports]
    assert [each.import_id for each in found] == ids[::-1]
    assert [each.file_name for each in found] == ["2.csv", "1.csv", "0.csv"]
    assert rest.next_page_token == ""


async def test_a_form_names_its_file(alice):
    head = 'Content-Disposition: form-data; name="file"; filename="book.csv"\r\nContent-Type: text/csv'
    file = HttpBody(
        content_type="multipart/form-data; boundary=XyZ", data=f"--XyZ\r\n{head}\r\n\r\n{FILE}\r\n--XyZ--".encode()
    )
    answer = await alice.portfolios.UploadPortfolio(UploadPortfolioRequest(file=file, portfolio_name="Form"))
    assert answer.import_status.file_name == "book.csv"


async def test_only_so_many_imports_wait(alice):
    for n in range(MOST_WAITING):
        await waiting(alice, portfolio_name=f"P{n}")
    error = await refused(upload(alice))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LIMIT_REACHED")


async def test_nobody_touches_anothers_import(alice, mallory):
    import_id = await waiting(alice)
    requests = (
        (mallory.imports.GetImportStatus, GetImportStatusRequest),
        (mallory.imports.GetImportResults, GetImportResultsRequest),
        (mallory.imports.PreviewImport, PreviewImportRequest),
        (mallory.imports.ValidateImport, ValidateImportRequest),
        (mallory.imports.CompleteImport, CompleteImportRequest),
        (mallory.imports.RetryImport, RetryImportRequest),
        (mallory.imports.UndoImport, UndoImportRequest),
    )
    for call, request in requests:
        assert (await refused(call(request(import_id=import_id)))).code == grpc.StatusCode.NOT_FOUND
    assert (await mallory.imports.ListImports(ListImportsRequest())).imports == []
    assert (await status(alice, import_id)).state == Import.WAITING


async def test_a_file_for_anothers_portfolio_is_not_even_kept(alice, mallory):
    hers = (await books.make(alice)).portfolio_id
    assert (await refused(upload(mallory, portfolio_id=hers))).code == grpc.StatusCode.NOT_FOUND
    assert (await mallory.imports.ListImports(ListImportsRequest())).imports == []


async def test_templates_can_be_imported_as_they_are(alice):
    listed = await alice.imports.GetTemplates(GetTemplatesRequest())
    assert [each.template for each in listed.templates] == ["five_columns", "twelve_columns"]
    assert {each.format for each in listed.broker_formats} >= {"schwab_positions", "robinhood_activity"}
    for each in listed.templates:
        body = await alice.imports.DownloadTemplate(DownloadTemplateRequest(template=each.template))
        assert (body.content_type, body.data.decode()) == ("text/csv; charset=utf-8", each.csv)
        answer = await upload(alice, body.data, portfolio_name=each.template, commit=True)
        assert (answer.import_status.format, answer.report.errors) == (each.template, [])
    assert (await refused(alice.imports.DownloadTemplate(DownloadTemplateRequest(template="six")))).fields
