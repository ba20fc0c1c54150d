"""What only its owner knows: through the server, and underneath, where the database itself keeps it apart."""

from collections.abc import Callable

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.migrations import downgrade, head_revision, migrate
from plimsoll.marketdata.v1 import ingestion_service_pb2 as ingestion
from plimsoll.marketdata.v1 import marketdata_service_pb2 as reads
from plimsoll.marketdata.v1 import private_instrument_service_pb2 as pb
from plimsoll.marketdata.v1.instrument_pb2 import Instrument
from services.marketdata.application.upload_targets import private_listing
from services.marketdata.storage import instruments, private_instruments
from tests.services.marketdata.conftest import OTHER, USER, Callers, refused
from tests.services.marketdata.market import Bringing, days, provider_of, series, store

LAST = "2022-12-28"


async def create(caller, symbol: str = "HOUSE", **fields: str) -> Instrument:
    return await caller.CreatePrivateInstrument(pb.CreatePrivateInstrumentRequest(symbol=symbol, **fields))


async def upload(caller, *lines: str) -> None:
    content = "\n".join(("symbol,date,close", *lines)).encode()
    await caller.UploadBars(ingestion.UploadBarsRequest(file=HttpBody(content_type="text/csv", data=content)))


async def listed(caller, **page: object) -> list[str]:
    answer = await caller.ListPrivateInstruments(pb.ListPrivateInstrumentsRequest(**page))
    return [one.symbol for one in answer.instruments]


@pytest.fixture
async def market(empty_market: Callers) -> Callers:
    """The service with one fund that everybody knows."""
    await empty_market.service.SyncSymbols(ingestion.SyncSymbolsRequest(provider="bundled", symbols=["MTUM"]))
    await empty_market.service.SealSession(ingestion.SealSessionRequest(session_date=LAST))
    return empty_market


async def test_an_owner_makes_lists_and_deletes(market: Callers):
    made = await create(market.user, "house", name="The house", currency="EUR", sector="Real Estate")
    assert (made.symbol, made.kind, made.currency, made.private) == ("HOUSE", Instrument.PRIVATE, "EUR", True)
    assert (made.name, made.sector, made.multiplier) == ("The house", "Real Estate", 1.0)
    await create(market.user, "BOAT")
    assert await listed(market.user) == ["BOAT", "HOUSE"]
    assert await listed(market.other) == []

    await market.user.DeletePrivateInstrument(pb.DeletePrivateInstrumentRequest(instrument_id=made.instrument_id))
    assert await listed(market.user) == ["BOAT"]


async def test_a_list_has_pages(market: Callers):
    for number in range(3):
        await create(market.user, f"P{number}")
    first = await market.user.ListPrivateInstruments(pb.ListPrivateInstrumentsRequest(page_size=2))
    assert [one.symbol for one in first.instruments] == ["P0", "P1"]
    assert await listed(market.user, page_token=first.next_page_token) == ["P2"]


async def test_deleting_takes_the_prices_along_and_those_alone(market: Callers):
    await upload(market.user, "HOUSE,2022-12-28,5", "BOAT,2022-12-28,7", "HOUSE,2022-12-27,-1")
    house = await market.user.GetInstrument(reads.GetInstrumentRequest(symbol="HOUSE"))
    assert (await quarantined(market)) == ["HOUSE"]
    await market.user.DeletePrivateInstrument(pb.DeletePrivateInstrumentRequest(instrument_id=house.instrument_id))
    assert (await quarantined(market)) == []
    again = await create(market.user)
    assert again.instrument_id != house.instrument_id
    bars = await market.user.ListBars(reads.ListBarsRequest(symbol="HOUSE"))
    assert (bars.available, bars.reason) == (False, "no_price")
    assert (await market.user.ListBars(reads.ListBarsRequest(symbol="BOAT"))).available
    assert (await market.user.ListBars(reads.ListBarsRequest(symbol="MTUM"))).available


async def quarantined(market: Callers) -> list[str]:
    rows = (await market.user.ListQuarantine(ingestion.ListQuarantineRequest())).rows
    return [row.symbol for row in rows]


async def test_another_users_instrument_is_as_one_that_is_not_there(market: Callers):
    made = await create(market.user)
    for caller in (market.other, market.admin):
        theirs = await refused(
            caller.DeletePrivateInstrument(pb.DeletePrivateInstrumentRequest(instrument_id=made.instrument_id))
        )
        absent = await refused(caller.DeletePrivateInstrument(pb.DeletePrivateInstrumentRequest(instrument_id=9999)))
        assert theirs.code is absent.code is grpc.StatusCode.NOT_FOUND
        assert theirs.message.replace(str(made.instrument_id), "9999") == absent.message
    assert await listed(market.user) == ["HOUSE"]


async def test_what_everybody_knows_cannot_be_deleted(market: Callers):
    fund = await market.user.GetInstrument(reads.GetInstrumentRequest(symbol="MTUM"))
    for caller in (market.user, market.admin):
        request = pb.DeletePrivateInstrumentRequest(instrument_id=fund.instrument_id)
        assert (await refused(caller.DeletePrivateInstrument(request))).code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("symbol", "code"),
    [
        ("mtum", grpc.StatusCode.INVALID_ARGUMENT),
        ("MTUM230120C00150000", grpc.StatusCode.INVALID_ARGUMENT),
        ("a b", grpc.StatusCode.INVALID_ARGUMENT),
        ("HOUSE", grpc.StatusCode.ALREADY_EXISTS),
    ],
)
async def test_symbols_that_cannot_be_made(market: Callers, symbol: str, code: grpc.StatusCode):
    await create(market.user)
    assert (await refused(create(market.user, symbol))).code is code


async def test_the_same_request_id_makes_one_instrument(market: Callers):
    made = [await create(market.user, request_id="one") for _ in range(2)]
    assert made[0] == made[1]
    request = pb.DeletePrivateInstrumentRequest(instrument_id=made[0].instrument_id, request_id="two")
    assert [await market.user.DeletePrivateInstrument(request) for _ in range(2)]


async def test_only_the_owner_and_who_acts_for_the_owner_gets_a_mark(market: Callers):
    await upload(market.user, "HOUSE,2022-12-28,350000")
    house = await market.user.GetInstrument(reads.GetInstrumentRequest(symbol="HOUSE"))
    request = reads.GetMarksRequest(instrument_ids=[house.instrument_id], as_of_date=LAST, data_version=2)
    (mark,) = (await market.service_for_user.GetMarks(request)).marks
    assert (mark.price, mark.reason) == (350000.0, "")
    (unseen,) = (await market.service.GetMarks(request)).marks
    assert (unseen.HasField("price"), unseen.reason) == (False, "unknown_instrument")


async def test_a_private_history_moves_nobody_elses_dates(market: Callers):
    before = await market.service.ResolveSession(reads.ResolveSessionRequest(as_of_date="2014-01-02"))
    await upload(market.user, "HOUSE,1995-01-03,5")
    after = await market.service.ResolveSession(reads.ResolveSessionRequest(as_of_date="2014-01-02"))
    assert (after.as_of_date, after.previous_session_date) == (before.as_of_date, before.previous_session_date)
    early = await refused(market.service.ResolveSession(reads.ResolveSessionRequest(as_of_date="1995-01-03")))
    assert early.code is grpc.StatusCode.OUT_OF_RANGE


async def test_no_option_is_recorded_on_what_one_user_knows(market: Callers):
    await create(market.user)
    request = reads.ResolveInstrumentsRequest(symbols=["HOUSE230120C00010000"])
    (resolution,) = (await market.service_for_user.ResolveInstruments(request)).resolutions
    assert (resolution.HasField("instrument"), resolution.reason) == (False, "unknown_underlying")


# --- underneath ---


@pytest.fixture
async def private_id(database: Database) -> int:
    """The id of a private instrument with a bar, next to one that everybody knows."""
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    async with database.transaction(USER) as connection:
        await private_instruments.create(connection, USER, [private_listing("HOUSE")])
        found = await instruments.get(connection, "HOUSE")
    async with database.transaction(USER) as connection:
        await connection.execute(
            text("""
                INSERT INTO daily_bars (instrument_id, session_date, data_version, close, price_basis, source, owner_id)
                VALUES (:id, '2022-12-20', 1, 5, 1, 'test', CAST(:owner AS uuid))"""),
            {"id": found.instrument_id, "owner": USER},
        )
    return found.instrument_id


@pytest.mark.parametrize("viewer", ["", OTHER])
async def test_no_query_reaches_a_private_row(database: Database, private_id: int, viewer: str):
    for table in ("instruments", "daily_bars"):
        query = text(f"SELECT count(*) FROM {table} WHERE instrument_id = :id")
        async with database.transaction(viewer) as connection:
            assert await connection.scalar(query, {"id": private_id}) == 0
        async with database.transaction(USER) as connection:
            assert await connection.scalar(query, {"id": private_id}) == 1


@pytest.mark.parametrize("viewer", ["", OTHER])
async def test_nobody_writes_a_row_of_somebody_else(database: Database, private_id: int, viewer: str):
    statement = text("""
        INSERT INTO daily_bars (instrument_id, session_date, data_version, close, price_basis, source, owner_id)
        VALUES (:id, '2022-12-21', 1, 5, 1, 'test', CAST(:owner AS uuid))""")
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(viewer) as connection:
            await connection.execute(statement, {"id": private_id, "owner": USER})


@pytest.mark.parametrize("viewer", ["", OTHER])
async def test_the_deletion_deletes_for_the_owner_alone(database: Database, private_id: int, viewer: str):
    async with database.transaction(viewer) as connection:
        assert not await private_instruments.delete(connection, private_id)
    async with database.transaction(USER) as connection:
        assert not await private_instruments.delete(connection, 1)
        assert await private_instruments.delete(connection, private_id)
        assert await connection.scalar(text("SELECT count(*) FROM daily_bars")) == 1


APPEND_ONLY = ("corporate_actions", "quotes", "option_quotes", "yields", "fx_rates", "quarantine", "daily_bars")


@pytest.mark.parametrize("table", [*APPEND_ONLY, "ingestions"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET recorded_at = now()", "DELETE FROM {}", "TRUNCATE {}"])
async def test_history_can_only_be_added_to(database: Database, table: str, statement: str):
    statement = statement.replace("recorded_at", "started_at") if table == "ingestions" else statement
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.transaction(USER) as connection:
            await connection.execute(text(statement.format(table)))


async def test_a_downgrade_forgets_what_the_schema_before_could_not_hold(
    database_url: Callable[[str], str], admin_url: Callable[[str], str]
):
    url = database_url("marketdata")
    database = Database(url, "marketdata")
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    async with database.transaction(USER) as connection:
        await private_instruments.create(connection, USER, [private_listing("HOUSE")])
    await store(database, 1, series("A", days(20), [2.0]))
    admin = admin_url(url)
    assert await downgrade(admin, "marketdata", "0001") == "0001"
    async with database.transaction(USER) as connection:
        assert list((await connection.execute(text("SELECT symbol FROM instruments"))).scalars()) == ["A"]
        assert await connection.scalar(text("SELECT count(*) FROM daily_bars")) == 2
    assert await migrate(admin, "marketdata") == head_revision("marketdata")
    await database.close()
