"""Uploads and what they leave behind, through the service as it is wired."""

import asyncpg
import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody

from plimsoll.portfolio.v1.data_service_pb2 import GetCompletePortfolioRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    GetBookRequest,
    ListPortfoliosRequest,
    UploadPortfolioRequest,
)
from plimsoll.portfolio.v1.position_pb2 import Position
from tests.services.portfolio.conftest import Client, as_service, refused

HEADER = "ticker,quantity,entry_price,entry_date,tags\n"
BOOK = (
    HEADER
    + """AAPL,100,120.5,2022-01-03,core;tech
JPM,-50,150,2022-06-01,short book
AAPL230120C00150000,2,3.1,2022-12-01,options
AAPL230120P00100000,-4,1.2,2022-12-01,
XOM,10.125,60,2021-05-03,
CUR:USD,-5078.62,,2022-12-28,
"""
)


def upload(client: Client, text: str | bytes = BOOK, kind: str = "text/csv", **fields: object):
    content = text.encode() if isinstance(text, str) else text
    given: dict[str, object] = {"portfolio_name": "Uploaded", "commit": True} | fields
    if "portfolio_id" in given:
        del given["portfolio_name"]
    return client.portfolios.UploadPortfolio(
        UploadPortfolioRequest(file=HttpBody(content_type=kind, data=content), **given)  # type: ignore[arg-type]
    )


async def complete(client: Client, portfolio_id: str, **fields: object):
    return await client.data.GetCompletePortfolio(
        GetCompletePortfolioRequest(portfolio_id=portfolio_id, **fields)  # type: ignore[arg-type]
    )


async def test_an_upload_is_saved_as_stated_and_valued(alice):
    answer = await upload(alice)
    assert list(answer.report.errors) == []
    assert (answer.report.row_count, answer.report.positions_saved_count, answer.report.cash_saved_count) == (6, 5, 1)
    assert (answer.portfolio.name, answer.portfolio.revision, answer.portfolio.position_count) == ("Uploaded", 2, 5)
    valued = await complete(alice, answer.portfolio.portfolio_id)
    by_symbol = {p.position.symbol: p for p in valued.positions}
    assert list(by_symbol) == ["AAPL", "JPM", "AAPL230120C00150000", "AAPL230120P00100000", "XOM"]
    kinds = [p.position.position_type for p in valued.positions]
    assert kinds == [Position.LONG, Position.SHORT, Position.LC, Position.SP, Position.LONG]
    assert by_symbol["JPM"].market_value == pytest.approx(-50 * 129.54)
    assert by_symbol["JPM"].unrealized_pnl == pytest.approx(-50 * (129.54 - 150))
    assert by_symbol["XOM"].position.quantity == 10.125
    option = by_symbol["AAPL230120P00100000"]
    assert (option.reason, option.HasField("market_value")) == ("no_mark", False)
    terms = option.position.option
    assert (terms.underlying_symbol, terms.expiry_date, terms.right, terms.strike) == ("AAPL", "2023-01-20", "P", 100)
    assert option.position.multiplier == 100
    stocks = 100 * 126.04 - 50 * 129.54 + 10.125 * 105
    assert valued.market_value == pytest.approx(stocks)
    assert valued.cash_balance == -5078.62
    assert valued.net_asset_value == pytest.approx(stocks - 5078.62)
    assert (valued.quality.valued_count, valued.quality.unvalued_count) == (3, 2)
    assert valued.as_of_date == "2022-12-28"
    assert len(valued.quality.warnings) == 1, "prices that know the future must say so"


async def test_bad_rows_are_reported_and_good_ones_saved(alice):
    rows = [
        "AAPL,1,100,2022-01-03,",
        "NOSUCH,1,100,2022-01-03,",
        "AAPL,1,100,2022-01-01,",
        "AAPL,1,100,2999-01-04,",
        "AAPL,x,100,2022-01-03,",
        "SPX,1,3700,2022-01-03,",
        "AAPL230120C00150000,1.5,3,2022-12-01,",
        "AAPL220121C00150000,1,3,2022-12-01,",
        "AAPL,2,100,2023-01-03,",
        "AAPL,3,100,2020-01-03,",
        "AAPL,1,100,2022-01-03,",
        "CUR:USD,5,1,2999-01-04,",
    ]
    report = (await upload(alice, HEADER + "\n".join(rows))).report
    assert [(e.line, e.field, e.value, e.reason) for e in report.errors] == [
        (3, "ticker", "NOSUCH", "unknown_instrument"),
        (4, "entry_date", "2022-01-01", "market_closed"),
        (5, "entry_date", "2999-01-04", "date_in_future"),
        (6, "quantity", "x", "not_a_number"),
        (7, "ticker", "SPX", "not_tradable"),
        (8, "quantity", "1.5", "fractional_contracts"),
        (9, "entry_date", "2022-12-01", "after_expiry"),
        (13, "entry_date", "2999-01-04", "date_in_future"),
    ]
    assert [(w.line, w.reason) for w in report.warnings] == [
        (10, "after_newest_session"),
        (11, "old_date"),
        (12, "repeated_row"),
    ]
    assert report.positions_saved_count == 4


async def test_a_file_without_a_good_row_makes_no_portfolio(alice):
    answer = await upload(alice, HEADER + "NOSUCH,1,100,2022-01-03,\n")
    assert not answer.HasField("portfolio")
    assert len(answer.report.errors) == 1
    assert len((await alice.portfolios.ListPortfolios(ListPortfoliosRequest())).portfolios) == 1


@pytest.mark.parametrize("content", ["", "nonsense", HEADER + "AAPL,1\0,1,2022-01-03,\n"])
async def test_a_file_that_cannot_be_read_saves_nothing(alice, content):
    error = await refused(upload(alice, content))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_FILE")
    assert len((await alice.portfolios.ListPortfolios(ListPortfoliosRequest())).portfolios) == 1


async def test_a_file_that_is_too_large(alice):
    error = await refused(upload(alice, b"x" * (11 << 20)))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_TOO_LARGE")


def form(*files: str, boundary: str = "XyZ") -> bytes:
    parts = ['--XyZ\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n']
    for number, text in enumerate(files):
        head = f'Content-Disposition: form-data; name="file{number}"; filename="book {number}.csv"'
        parts.append(f"--XyZ\r\n{head}\r\nContent-Type: text/csv\r\n\r\n{text}\r\n")
    return "".join([*parts, "--XyZ--\r\n"]).encode()


async def test_a_form_with_one_file(alice):
    answer = await upload(alice, form(BOOK), "multipart/form-data; boundary=XyZ")
    assert answer.report.positions_saved_count == 5
    assert not answer.report.errors


@pytest.mark.parametrize("files", [(), (BOOK, BOOK)])
async def test_a_form_without_exactly_one_file_is_refused(alice, files):
    error = await refused(upload(alice, form(*files), "multipart/form-data; boundary=XyZ"))
    assert error.reason == "MALFORMED_FILE"


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        ({"entry_date": "yesterday"}, "text/csv", "entry_date"),
        ({"portfolio_name": " "}, "text/csv", "portfolio_name"),
        ({}, "application/json", "file.content_type"),
        ({}, "multipart/form-data\r\nX: y", "file.content_type"),
        ({"portfolio_id": "1"}, "text/csv", "portfolio_id"),
        ({"base_currency": "dollars"}, "text/csv", "base_currency"),
    ],
)
async def test_a_bad_field_is_named(alice, fields, kind, field):
    error = await refused(upload(alice, BOOK, kind, **fields))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_a_second_file_adds_to_a_portfolio_and_replaces_its_cash(alice):
    first = (await upload(alice)).portfolio
    more = HEADER + "JPM,7,140,2022-02-01,\nCUR:USD,10,,2022-12-28,\n"
    second = (await upload(alice, more, portfolio_id=first.portfolio_id)).portfolio
    assert (second.revision, second.position_count) == (3, 6)
    now, before = (
        await complete(alice, first.portfolio_id),
        await complete(alice, first.portfolio_id, portfolio_revision=2),
    )
    assert (len(now.positions), now.cash_balance) == (6, 10)
    assert (len(before.positions), before.cash_balance) == (5, -5078.62)
    assert [p.position.position_id for p in now.positions[:5]] == [p.position.position_id for p in before.positions]
    empty = await complete(alice, first.portfolio_id, portfolio_revision=1)
    assert (len(empty.positions), empty.net_asset_value) == (0, 0)


async def test_nobody_uploads_into_anothers_portfolio(alice, mallory):
    hers = (await upload(alice)).portfolio.portfolio_id
    error = await refused(upload(mallory, portfolio_id=hers))
    assert error.code == grpc.StatusCode.NOT_FOUND
    assert (await complete(alice, hers)).portfolio.revision == 2


async def test_a_name_that_is_taken_saves_nothing(alice):
    await upload(alice)
    error = await refused(upload(alice))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RESOURCE_EXISTS")


async def test_a_repeated_upload_with_a_key_adds_nothing(alice):
    first = await upload(alice, request_id="one")
    assert await upload(alice, request_id="one") == first
    assert len((await alice.portfolios.ListPortfolios(ListPortfoliosRequest())).portfolios) == 2


async def test_an_earlier_day_shows_what_was_held_then(alice):
    portfolio_id = (await upload(alice)).portfolio.portfolio_id
    spring = await complete(alice, portfolio_id, as_of_date="2022-03-01")
    assert [p.position.symbol for p in spring.positions] == ["AAPL", "XOM"]
    # The short sale of June and the options of December were not in the cash yet.
    assert spring.cash_balance == pytest.approx(-5078.62 - 50 * 150 + 2 * 3.1 * 100 - 4 * 1.2 * 100)


async def test_cash_is_unknown_for_a_short_book_without_any(alice):
    portfolio_id = (await upload(alice, HEADER + "JPM,-50,150,2022-06-01,\n")).portfolio.portfolio_id
    valued = await complete(alice, portfolio_id)
    assert valued.cash_reason == "cash_unknown"
    assert not valued.HasField("net_asset_value")
    assert not valued.HasField("cash_balance")
    assert valued.market_value == pytest.approx(-50 * 129.54)


async def test_other_currencies_have_no_value_yet(alice):
    text = HEADER + "VOD,100,9,2022-01-03,\nQUIET,1,5,2022-01-03,\nCUR:GBP,5,,2022-12-28,\n"
    valued = await complete(alice, (await upload(alice, text)).portfolio.portfolio_id)
    assert [p.reason for p in valued.positions] == ["no_fx_rate", "no_price"]
    assert (valued.cash_reason, valued.HasField("net_asset_value")) == ("no_fx_rate", False)


async def test_ten_thousand_rows_land_in_one_revision(alice):
    rows = "".join(f"AAPL,{n + 1},100.{n % 100:02},2022-01-03,t{n % 7}\n" for n in range(10_000))
    answer = await upload(alice, HEADER + rows)
    assert answer.report.positions_saved_count == 10_000
    request = GetBookRequest(portfolio_id=answer.portfolio.portfolio_id, as_of_date="2022-12-28")
    book = await as_service(alice).portfolios.GetBook(request)
    assert [p.quantity for p in book.positions] == list(range(1, 10_001))


async def test_numbers_survive_as_written(alice):
    rows = "AAPL,1410.9007,0.1,2022-01-03,\nJPM,0.000000000001,1e2,2022-01-03,\nCUR:USD,-0.07,,2022-12-28,\n"
    valued = await complete(alice, (await upload(alice, HEADER + rows)).portfolio.portfolio_id)
    assert [p.position.quantity for p in valued.positions] == [1410.9007, 1e-12]
    assert [p.position.entry_price for p in valued.positions] == [0.1, 100.0]
    assert valued.cash_balance == -0.07


async def test_the_database_itself_hides_other_users_rows(alice, mallory, settings):
    await upload(alice)
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": "portfolio"})
    tables = ("portfolios", "portfolio_revisions", "positions", "cash_balances", "idempotency_keys")
    try:
        for user in ("", "00000000-0000-0000-0000-000000000000"):
            await connection.execute("SELECT set_config('plimsoll.user_id', $1, false)", user)
            for table in tables:
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table
        for statement in (
            "UPDATE positions SET quantity = 1",
            "DELETE FROM positions",
            "DELETE FROM portfolio_revisions",
            "UPDATE portfolio_revisions SET name = 'x'",
            "CREATE TABLE mine (x int)",
            "ALTER TABLE positions DISABLE ROW LEVEL SECURITY",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
