"""MarketDataService: parse, call, render."""

from typing import Any

import grpc

from chassis.database import Database
from chassis.dates import parse_date, parse_optional_date
from chassis.errors import FailedPrecondition
from plimsoll.marketdata.v1 import instrument_pb2
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceServicer
from services.marketdata import convert
from services.marketdata.application import prices as pricing
from services.marketdata.application.resolve import resolve
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.sessions import pin
from services.marketdata.handlers import requests
from services.marketdata.storage import calendar, instruments, prices, versions

Context = grpc.aio.ServicerContext[Any, Any]


class MarketDataHandler(MarketDataServiceServicer):
    """Serves what instruments are, and what they were worth."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def GetInstrument(self, request: pb.GetInstrumentRequest, context: Context) -> instrument_pb2.Instrument:
        """Answer one instrument."""
        async with self._database.transaction() as connection:
            instrument = await instruments.get(connection, canonical(request.symbol))
        return convert.instrument_message(instrument)

    async def GetQuotes(self, request: pb.GetQuotesRequest, context: Context) -> pb.GetQuotesResponse:
        """Answer the newest price of each symbol."""
        asked = requests.symbols_to_quote(request)
        async with self._database.transaction() as connection:
            quotes = await prices.quotes(connection, list(asked))
        return pb.GetQuotesResponse(quotes=[convert.quote_message(asked[quote.symbol], quote) for quote in quotes])

    async def ListBars(self, request: pb.ListBarsRequest, context: Context) -> pb.ListBarsResponse:
        """Answer a page of one symbol's history."""
        page = requests.page_of_bars(request)
        history = await pricing.history(self._database, page.history)
        return pb.ListBarsResponse(
            available=not history.reason,
            reason=history.reason,
            symbol=history.symbol,
            price_basis=convert.BASES[history.price_basis],
            bars=map(convert.bar_message, history.bars[: page.size]),
            data_version=history.data_version,
            next_page_token=page.next_token(history),
        )

    async def GetPriceMatrix(self, request: pb.GetPriceMatrixRequest, context: Context) -> pb.PriceMatrix:
        """Answer a block of closes."""
        day = parse_date("as_of_date", request.as_of_date)
        matrix, data_version = await pricing.matrix(
            self._database, request.instrument_ids, day, request.sessions, request.data_version
        )
        return convert.matrix_message(matrix, request.instrument_ids, data_version)

    async def GetTradingCalendar(
        self, request: pb.GetTradingCalendarRequest, context: Context
    ) -> pb.GetTradingCalendarResponse:
        """Answer the sessions in a range of days."""
        first, last = requests.days_of_calendar(request)
        async with self._database.transaction() as connection:
            reach = await calendar.reach(connection)
            days = await calendar.session_dates(connection, first, last)
        if reach is None:
            raise FailedPrecondition("MARKET_DATA_EMPTY", "no market data has been loaded yet, so no calendar is known")
        return pb.GetTradingCalendarResponse(
            session_dates=map(str, days), first_date=str(reach.first_date), last_date=str(reach.last_date)
        )

    async def GetMarks(self, request: pb.GetMarksRequest, context: Context) -> pb.GetMarksResponse:
        """Answer what instruments are worth at a session."""
        day = parse_date("as_of_date", request.as_of_date)
        marks = await pricing.marks(self._database, request.instrument_ids, day, request.data_version)
        return pb.GetMarksResponse(marks=map(convert.mark_message, marks))

    async def ResolveInstruments(
        self, request: pb.ResolveInstrumentsRequest, context: Context
    ) -> pb.ResolveInstrumentsResponse:
        """Answer the instruments of symbols, recording options that are new."""
        resolutions = await resolve(self._database, request.symbols)
        return pb.ResolveInstrumentsResponse(
            resolutions=[convert.resolution_message(one.symbol, one.instrument, one.reason) for one in resolutions]
        )

    async def BatchGetInstruments(
        self, request: pb.BatchGetInstrumentsRequest, context: Context
    ) -> pb.BatchGetInstrumentsResponse:
        """Answer the instruments of ids."""
        async with self._database.transaction() as connection:
            found = await instruments.by_ids(connection, request.instrument_ids)
        return pb.BatchGetInstrumentsResponse(instruments=map(convert.instrument_message, found))

    async def ResolveSession(self, request: pb.ResolveSessionRequest, context: Context) -> pb.ResolveSessionResponse:
        """Answer the session and version that a day means."""
        asked = parse_optional_date("as_of_date", request.as_of_date)
        async with self._database.transaction() as connection:
            standing, found, previous = await versions.session_on_or_before(connection, asked)
        return convert.pin_message(pin(asked, standing, found, previous))
