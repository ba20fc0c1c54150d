"""Files that users bring: an admin's are for all, a user's for that user alone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.errors import InvalidRequest
from services.marketdata.application import upload_targets
from services.marketdata.application.uploads import Report, Uploads, store
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import ingestions, instruments, quarantine
from tests.services.marketdata.market import Bringing, FakeCalendar, days, ids_of, price_at, provider_of, row_count
from tests.services.marketdata.treasury import PAR_YIELDS, TENORS

NOW = datetime(2022, 12, 28, 22, tzinfo=UTC)
ALICE, BOB = "9f4b0c3e-0000-4000-8000-00000000000a", "9f4b0c3e-0000-4000-8000-00000000000b"
Upload = Callable[..., "asyncio.Future[Report]"]


@pytest.fixture
def upload(database: Database):
    """Upload as `await upload("bars", lines..., owner=ALICE)`: what the handler does with a file."""

    async def put(kind: str, *lines: str, owner: str | None = None, now: datetime = NOW) -> Report:
        files = Uploads(database, FakeCalendar(), lambda: now)
        content = "\n".join(lines).encode()
        if kind == "bars":
            file = await files.bars(content, PriceBasis.RAW, owner)
        else:
            file = await getattr(files, kind)(content)
        async with database.transaction(owner or "") as connection:
            return await store(connection, file)

    return put


async def seen_by(database: Database, user: str, query: str) -> list[tuple[object, ...]]:
    async with database.transaction(user) as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


HEADER = "symbol,date,open,high,low,close,volume"
BARS = "SELECT close, source, owner_id::text FROM daily_bars ORDER BY session_date"


# --- everybody's ---


async def test_bars_of_an_admin_make_instruments_that_everybody_knows(database: Database, upload):
    report = await upload("bars", HEADER, "own,2022-12-19,1,2,1,1.5,10", "OWN,2022-12-20,,,,1.6,")
    assert (report.data_version, report.row_count, report.stored_count, list(report.rejected)) == (1, 2, 2, [])
    async with database.transaction() as connection:
        own = await instruments.get(connection, "OWN")
    assert (own.listing.kind, own.listing.currency, own.private) == (Kind.STOCK, "USD", False)
    assert await seen_by(database, BOB, BARS) == [(1.5, "upload", None), (1.6, "upload", None)]
    assert await seen_by(database, "", "SELECT first_session_date, last_session_date FROM data_versions") == [
        tuple(days(19, 20))
    ]


async def test_the_same_file_again_stores_nothing(database: Database, upload):
    lines = ("symbol,date,close", "OWN,2022-12-19,1.5", "OWN,2022-12-20,-1")
    await upload("bars", *lines)
    again = await upload("bars", *lines)
    assert (again.data_version, again.stored_count, len(again.rejected)) == (0, 0, 1)
    assert (await row_count(database), await row_count(database, "quarantine")) == (1, 1)


async def test_a_correction_is_a_new_row(database: Database, upload):
    await upload("bars", "symbol,date,close", "OWN,2022-12-19,1.5")
    await upload("bars", "symbol,date,close", "OWN,2022-12-19,1.25")
    assert (await price_at(database, "OWN", 19, 1), await price_at(database, "OWN", 19, 2)) == (1.5, 1.25)


async def test_a_file_may_say_what_its_instruments_are(database: Database, upload):
    report = await upload(
        "bars",
        "symbol,date,close,kind,name,currency,sector",
        "FND,2022-12-19,10,fund,A Fund,eur,",
        "FND,2022-12-20,11,etf,Ignored,USD,",
        "BIT,2022-12-19,100,CRYPTO,Coin,,",
        "BIT,2022-12-24,100,CRYPTO,Coin,,",
        "BAD,2022-12-19,10,spaceship,,,",
        "CUR,2022-12-19,10,stock,,dollars,",
    )
    assert report.stored_count == 3
    assert [(row.line, row.symbol, row.reason) for row in report.rejected] == [
        (6, "BAD", "unknown_kind"),
        (7, "CUR", "not_a_currency"),
    ]
    async with database.transaction() as connection:
        found = await instruments.by_symbols(connection, ["FND", "BIT", "BAD", "CUR"])
    assert {symbol: (one.listing.kind, one.listing.currency) for symbol, one in found.items()} == {
        "FND": (Kind.FUND, "EUR"),
        "BIT": (Kind.CRYPTO, "USD"),
    }


async def test_a_known_instrument_stays_what_it_is(database: Database, upload):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    await upload("bars", "symbol,date,close,kind,name", "A,2022-12-20,2,FUND,Another")
    async with database.transaction() as connection:
        assert (await instruments.get(connection, "A")).listing.kind is Kind.STOCK


async def test_bars_of_an_option_need_its_underlying(database: Database, upload):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    report = await upload(
        "bars", "symbol,date,close", "A230120C00010000,2022-12-19,3", "ZZ230120C00010000,2022-12-19,3"
    )
    assert report.stored_count == 1
    assert [(row.symbol, row.reason) for row in report.rejected] == [("ZZ230120C00010000", "unknown_underlying")]


async def test_every_bad_row_is_told_by_its_line_and_kept(database: Database, upload):
    report = await upload(
        "bars",
        HEADER,
        "A,2022-12-19,,,,1.5,",
        "A,2022-12-20,,,,zero,",
        "A,2022-12-21,,,,0,",
        "A,yesterday,,,,1,",
        "A,2022-12-22,1,1,2,1,",
        "A,2022-12-24,,,,1,",
        "A,2030-01-02,,,,1,",
        "A,2022-12-23,,,,150000,",
        "A,2022-12-27,,,,nan,",
        "no symbol!,2022-12-27,,,,1,",
        "A,1970-01-05,,,,1,",
        "A,2022-12-28,,,,1.5,",
        "B,2022-12-19,,,,1e13,",
        "B,2022-12-20,1,1,1e-13,1,",
        "B,2022-12-21,1,inf,1,1,",
    )
    assert (report.row_count, report.stored_count) == (15, 2)
    assert [(row.line, row.reason) for row in report.rejected] == [
        (3, "not_a_number"),
        (4, "not_positive"),
        (5, "unreadable_date"),
        (6, "high_below_low"),
        (7, "not_a_session"),
        (8, "future_date"),
        (9, "jump_without_split"),
        (10, "not_a_number"),
        (11, "invalid_symbol"),
        (12, "before_calendar"),
        (14, "implausible_price"),
        (15, "implausible_price"),
        (16, "not_a_number"),
    ]
    assert report.rejected[0].field == "close"
    assert report.rejected[0].value == "zero"
    async with database.transaction() as connection:
        assert len(await quarantine.page(connection, "", 0, 100)) == 13


async def test_a_stored_split_explains_an_uploaded_jump(database: Database, upload):
    await upload("bars", "symbol,date,close", "A,2022-12-19,5000", "A,2022-12-20,5000")
    await upload("corporate_actions", "symbol,ex_date,kind,value", "A,2022-12-21,split,500")
    report = await upload("bars", "symbol,date,close", "A,2022-12-21,10", "A,2022-12-22,10")
    assert (report.stored_count, list(report.rejected)) == (2, [])


async def test_a_file_that_cannot_be_read_stores_nothing(database: Database, upload):
    with pytest.raises(InvalidRequest, match="no column close"):
        await upload("bars", "symbol,date,price", "A,2022-12-19,1")
    assert (await row_count(database, "instruments"), await row_count(database, "ingestions")) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        ("bars", "symbol,date,close", 'A,2022-12-19,"5,5"'),
        ("yields", "Date,10 Yr", '12/27/2022,"3,88"'),
        ("corporate_actions", "symbol,ex_date,kind,value", 'A,2022-12-19,split,"2,0"'),
    ],
)
async def test_a_file_may_have_no_row_that_can_be_read(database: Database, upload, kind: str, header: str, row: str):
    report = await upload(kind, header, row)
    assert (report.data_version, report.row_count, report.stored_count) == (0, 1, 0)
    assert [(one.line, one.reason) for one in report.rejected] == [(2, "not_a_number")]
    assert (await upload(kind, header)).row_count == 0


async def test_the_book_names_the_file_as_the_source(database: Database, upload):
    await upload("bars", "symbol,date,close", "A,2022-12-19,1", "B,2022-12-19,0")
    async with database.transaction() as connection:
        (entry,) = await ingestions.page(connection, 0, 10)
    assert (entry.kind, list(entry.providers), entry.symbol_count) == ("bars", ["upload"], 2)
    assert (entry.stored_count, entry.quarantined_count, entry.data_version) == (1, 1, 1)


# --- a user's own ---


async def test_bars_of_a_user_are_seen_by_that_user_alone(database: Database, upload):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    report = await upload("bars", "symbol,date,close", "HOUSE,2022-12-19,350000", owner=ALICE)
    assert report.stored_count == 1
    private = "SELECT close FROM daily_bars WHERE instrument_id = 2"
    assert await seen_by(database, ALICE, private) == [(350000.0,)]
    for stranger in (BOB, ""):
        assert await seen_by(database, stranger, private) == []
        assert await seen_by(database, stranger, "SELECT symbol FROM instruments") == [("A",)]
        assert await seen_by(database, stranger, "SELECT kind FROM ingestions") == [("bars",)]
    assert await seen_by(database, ALICE, "SELECT count(*) FROM ingestions") == [(2,)]


async def test_the_first_day_of_a_user_is_not_everybodys(database: Database, upload):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    await upload("bars", "symbol,date,close", "HOUSE,1995-01-03,1", owner=ALICE)
    assert await seen_by(database, "", "SELECT version, first_session_date FROM data_versions ORDER BY 1") == [
        (1, days(19)[0]),
        (2, None),
    ]


async def test_two_users_may_have_the_same_symbol(database: Database, upload):
    await upload("bars", "symbol,date,close", "HOUSE,2022-12-19,1", owner=ALICE)
    await upload("bars", "symbol,date,close", "HOUSE,2022-12-19,2", owner=BOB)
    closes = "SELECT i.symbol, close FROM daily_bars JOIN instruments AS i USING (instrument_id)"
    assert await seen_by(database, ALICE, closes) == [("HOUSE", 1.0)]
    assert await seen_by(database, BOB, closes) == [("HOUSE", 2.0)]


async def test_the_prices_of_what_everybody_knows_are_not_a_users_to_say(database: Database, upload):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    report = await upload("bars", "symbol,date,close", "A,2022-12-19,99", "MINE,2022-12-19,5", owner=ALICE)
    assert report.stored_count == 1
    assert [(row.line, row.symbol, row.reason) for row in report.rejected] == [(2, "A", "known_to_everybody")]
    assert await price_at(database, "A", 19, 2) == 1.0
    rows = "SELECT symbol FROM quarantine"
    assert await seen_by(database, ALICE, rows) == [("A",)]
    assert await seen_by(database, BOB, rows) == []


async def test_a_symbol_that_becomes_everybodys_stays_the_owners_own_too(database: Database, upload):
    await upload("bars", "symbol,date,close", "A,2022-12-19,5", owner=ALICE)
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    async with database.transaction(ALICE) as connection:
        own = await instruments.get(connection, "A")
    async with database.transaction(BOB) as connection:
        everybodys = await instruments.get(connection, "A")
    assert (own.private, everybodys.private) == (True, False)
    assert own.instrument_id != everybodys.instrument_id
    assert await ids_of(database, "A") == [everybodys.instrument_id]
    assert (await upload("bars", "symbol,date,close", "A,2022-12-20,6", owner=ALICE)).stored_count == 1


async def test_symbols_that_cannot_be_private(database: Database, upload):
    report = await upload(
        "bars",
        "symbol,date,close",
        "A230120C00010000,2022-12-19,1",
        "^VIX,2022-12-19,1",
        "OK,2022-12-19,1",
        owner=ALICE,
    )
    assert report.stored_count == 1
    assert {(row.symbol, row.reason) for row in report.rejected} == {
        ("A230120C00010000", "not_a_private_symbol"),
        ("^VIX", "not_a_private_symbol"),
    }


async def test_a_user_has_room_for_so_many(database: Database, upload, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upload_targets, "MOST_PRIVATE", 2)
    lines = [f"P{number},2022-12-19,1" for number in range(3)]
    report = await upload("bars", "symbol,date,close", *lines, owner=ALICE)
    assert report.stored_count == 2
    assert [(row.symbol, row.reason) for row in report.rejected] == [("P2", "too_many_private_instruments")]


# --- yields and corporate actions ---


async def test_yields_are_stored_by_tenor(database: Database, upload):
    report = await upload("yields", "Date,3 Mo,10 Yr", "12/27/2022,4.00,3.88", "12/28/2022,,399", "12/30/2022,4,4")
    assert (report.row_count, report.stored_count) == (3, 2)
    assert [(row.line, row.reason) for row in report.rejected] == [
        (3, "implausible_yield"),
        (4, "future_date"),
        (4, "future_date"),
    ]
    assert await seen_by(database, "", "SELECT tenor, par_yield, source FROM yields ORDER BY 1") == [
        ("10Y", pytest.approx(0.0388), "upload"),
        ("3M", pytest.approx(0.04), "upload"),
    ]


async def test_yields_as_the_treasury_publishes_them_are_stored_once(database: Database, upload):
    now = datetime(2022, 12, 30, 22, tzinfo=UTC)
    report = await upload("yields", PAR_YIELDS, now=now)
    assert (report.data_version, report.row_count, list(report.rejected)) == (1, 7, [])
    newest = dict(zip(TENORS, PAR_YIELDS.splitlines()[1].split(",")[1:], strict=True))
    stored = await seen_by(database, "", "SELECT tenor, par_yield FROM yields WHERE curve_date = '2022-12-30'")
    assert dict(stored) == {  # type: ignore[comparison-overlap]
        tenor: pytest.approx(float(cell) / 100) for tenor, cell in newest.items()
    }
    assert await row_count(database, "yields") == report.stored_count == 74
    assert (await upload("yields", PAR_YIELDS, now=now)).data_version == 0


async def test_corporate_actions_are_stored_for_known_symbols(database: Database, upload):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    report = await upload(
        "corporate_actions",
        "symbol,ex_date,kind,value",
        "A,2022-12-20,split,10",
        "a,2022-12-21,Dividend,0.25",
        "A,2022-12-21,dividend,0.05",
        "NOPE,2022-12-21,dividend,1",
        "A,2022-12-22,merger,1",
        "NOPE,2022-12-22,dividend,-1",
    )
    assert (report.row_count, report.stored_count) == (6, 2)
    assert [(row.line, row.field, row.reason) for row in report.rejected] == [
        (5, "symbol", "unknown_instrument"),
        (6, "kind", "unknown_kind"),
        (7, "value", "not_positive"),
    ]
    assert await seen_by(database, "", "SELECT kind, value, source FROM corporate_actions ORDER BY ex_date") == [
        (1, 10.0, "upload"),
        (2, pytest.approx(0.3), "upload"),
    ]
