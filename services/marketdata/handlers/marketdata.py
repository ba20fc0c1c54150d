"""MarketDataService: parse, call, render."""

from datetime import date
from typing import Any

import grpc

from chassis.database import Database
from chassis.dates import parse_date, parse_optional_date
from chassis.errors import FailedPrecondition
from chassis.hot_path import reading
from plimsoll.marketdata.v1 import instrument_pb2
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceServicer
from services.marketdata import convert, convert_ingestion
from services.marketdata.application.coverage import analyse
from services.marketdata.application.exchange_rates import RatesAsked, read_rates
from services.marketdata.application.factors import read_proxy_prices
from services.marketdata.application.history import history, known_version
from services.marketdata.application.marks import Marks
from services.marketdata.application.matrix import Matrices
from services.marketdata.application.resolve import resolve
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.sessions import pin
from services.marketdata.handlers import requests
from services.marketdata.handlers.ingestion_requests import symbols_to_judge
from services.marketdata.handlers.viewer import NOBODY, viewer
from services.marketdata.storage import (
    calendar,
    chains,
    fx,
    instrument_search,
    instruments,
    newest_prices,
    prices,
    splits,
    versions,
    yield_curves,
)

Context = grpc.aio.ServicerContext[Any, Any]


class MarketDataHandler(MarketDataServiceServicer):
    """Serves what instruments are, and what they were worth."""

    def __init__(self, database: Database, marks: Marks, matrices: Matrices) -> None:
        self._database = database
        self._marks = marks
        self._matrices = matrices

    async def GetInstrument(self, request: pb.GetInstrumentRequest, context: Context) -> instrument_pb2.Instrument:
        """Answer one instrument."""
        async with self._database.transaction(viewer()) as connection:
            instrument = await instruments.get(connection, canonical(request.symbol))
        return convert.instrument_message(instrument)

    async def SearchInstruments(
        self, request: pb.SearchInstrumentsRequest, context: Context
    ) -> pb.SearchInstrumentsResponse:
        """Answer a page of instruments."""
        page = requests.page_of_instruments(request)
        async with self._database.transaction(viewer()) as connection:
            found = await instrument_search.search(
                connection, request.query.strip(), page.kinds, page.after, page.size + 1
            )
        return pb.SearchInstrumentsResponse(
            instruments=map(convert.instrument_message, found[: page.size]), next_page_token=page.next_token(found)
        )

    async def ListCorporateActions(
        self, request: pb.ListCorporateActionsRequest, context: Context
    ) -> pb.ListCorporateActionsResponse:
        """Answer the splits and dividends of a symbol."""
        async with self._database.transaction(viewer()) as connection:
            instrument = await instruments.get(connection, canonical(request.symbol))
            version = known_version(request.known_at_version, await versions.standing(connection))
            recorded = await prices.corporate_actions(connection, instrument.instrument_id, version)
        size = request.page_size or requests.DEFAULT_PAGE_SIZE
        page, token = requests.page_of(recorded.actions, lambda one: one.key, request.page_token, size)
        return pb.ListCorporateActionsResponse(
            symbol=instrument.listing.symbol,
            actions=map(convert.action_message, page),
            coverage="complete" if recorded.complete else "unknown",
            next_page_token=token,
        )

    async def GetFactorEtfPrices(self, request: pb.GetFactorEtfPricesRequest, context: Context) -> pb.FactorEtfPrices:
        """Answer the closes of the funds that stand for factors."""
        as_of = parse_optional_date("as_of_date", request.as_of_date)
        sessions = request.lookback_days or requests.DEFAULT_LOOKBACK
        asset_class = requests.asset_class(request.asset_class)
        found = await read_proxy_prices(self._database, asset_class, as_of, sessions, request.known_at_version)
        return convert.proxy_prices_message(found)

    async def GetOptionChain(self, request: pb.GetOptionChainRequest, context: Context) -> pb.OptionChain:
        """Answer the quoted contracts of an underlying."""
        day = parse_optional_date("as_of_date", request.as_of_date)
        expiry = parse_optional_date("expiry_date", request.expiry_date)
        async with self._database.transaction(viewer()) as connection:
            underlying = await instruments.get(connection, canonical(request.underlying))
            chain = await chains.chain(connection, underlying.instrument_id, day, expiry)
        return convert.chain_message(underlying.listing.symbol, chain)

    async def GetYieldCurve(self, request: pb.GetYieldCurveRequest, context: Context) -> pb.GetYieldCurveResponse:
        """Answer one curve of yields, or those of a range of days."""
        first, last = requests.days_of_curves(request)
        async with self._database.transaction() as connection:
            version = known_version(request.known_at_version, await versions.standing(connection))
            if first:
                found = await yield_curves.between(connection, first, last, version, request.tenors)
            else:
                curve = await yield_curves.newest(connection, date.min, last, version, request.tenors)
                found = [curve] if curve else []
        return convert.curves_message(found)

    async def ListFxRates(self, request: pb.ListFxRatesRequest, context: Context) -> pb.ListFxRatesResponse:
        """Answer rates of exchange."""
        day = parse_optional_date("as_of_date", request.as_of_date)
        quote = request.quote_currency or requests.DEFAULT_CURRENCY
        async with self._database.transaction() as connection:
            found = await fx.rates(connection, request.base_currency, quote, day)
        size = request.page_size or requests.DEFAULT_RATES
        page, token = requests.page_of(found, lambda rate: rate.base_currency, request.page_token, size)
        return pb.ListFxRatesResponse(rates=map(convert.fx_message, page), next_page_token=token)

    async def AnalyzeCoverage(self, request: pb.AnalyzeCoverageRequest, context: Context) -> pb.CoverageReport:
        """Answer how complete histories are."""
        day = parse_optional_date("as_of_date", request.as_of_date)
        return convert_ingestion.coverage_message(
            await analyse(self._database, viewer(), symbols_to_judge(request), day)
        )

    async def GetQuotes(self, request: pb.GetQuotesRequest, context: Context) -> pb.GetQuotesResponse:
        """Answer the newest price of each symbol."""
        asked = requests.symbols_to_quote(request)
        async with reading(self._database, viewer() or NOBODY) as connection:
            quotes = await newest_prices.quotes(connection, list(asked))
        return pb.GetQuotesResponse(quotes=[convert.quote_message(asked[quote.symbol], quote) for quote in quotes])

    async def ListBars(self, request: pb.ListBarsRequest, context: Context) -> pb.ListBarsResponse:
        """Answer a page of one symbol's history."""
        page = requests.page_of_bars(request)
        found = await history(self._database, viewer(), page.history)
        return pb.ListBarsResponse(
            available=not found.reason,
            reason=found.reason,
            symbol=found.symbol,
            price_basis=convert.BASES[found.price_basis],
            bars=map(convert.bar_message, found.bars[: page.size]),
            data_version=found.data_version,
            next_page_token=page.next_token(found),
        )

    async def GetPriceMatrix(self, request: pb.GetPriceMatrixRequest, context: Context) -> pb.PriceMatrix:
        """Answer a block of closes."""
        asked = requests.matrix_request(request)
        return pb.PriceMatrix.FromString(
            await self._matrices.fetch(viewer(), asked, convert.matrix_renderer(request.instrument_ids))
        )

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
        """Answer what instruments are worth at a session, and what currencies are."""
        day, ids, version = parse_date("as_of_date", request.as_of_date), request.instrument_ids, request.data_version
        marks = await self._marks.read(viewer(), ids, day, version) if ids else []
        answer = pb.GetMarksResponse(marks=map(convert.mark_message, marks))
        if request.base_currency:
            since = parse_optional_date("rates_start_date", request.rates_start_date)
            currencies = {*request.currencies, *(mark.currency for mark in marks if mark.currency)}
            asked = RatesAsked(frozenset(currencies), request.base_currency, since, day, version)
            calendar, histories = await read_rates(self._database, asked)
            answer.rates.extend(map(convert.rate_message, histories))
            answer.rate_session_dates.extend(calendar.astype(str).tolist())
        return answer

    async def GetSplits(self, request: pb.GetSplitsRequest, context: Context) -> pb.GetSplitsResponse:
        """Answer the splits of instruments."""
        async with self._database.transaction(viewer()) as connection:
            found = await splits.splits(connection, request.instrument_ids, request.data_version)
        return pb.GetSplitsResponse(splits=map(convert.split_message, found))

    async def ResolveInstruments(
        self, request: pb.ResolveInstrumentsRequest, context: Context
    ) -> pb.ResolveInstrumentsResponse:
        """Answer the instruments of symbols, recording options that are new."""
        resolutions = await resolve(self._database, request.symbols, viewer())
        return pb.ResolveInstrumentsResponse(
            resolutions=[convert.resolution_message(one.symbol, one.instrument, one.reason) for one in resolutions]
        )

    async def BatchGetInstruments(
        self, request: pb.BatchGetInstrumentsRequest, context: Context
    ) -> pb.BatchGetInstrumentsResponse:
        """Answer the instruments of ids."""
        async with self._database.transaction(viewer()) as connection:
            found = await instruments.by_ids(connection, request.instrument_ids)
        return pb.BatchGetInstrumentsResponse(instruments=map(convert.instrument_message, found))

    async def ResolveSession(self, request: pb.ResolveSessionRequest, context: Context) -> pb.ResolveSessionResponse:
        """Answer the session and version that a day means."""
        asked = parse_optional_date("as_of_date", request.as_of_date)
        async with reading(self._database, NOBODY) as connection:
            standing, found, previous = await versions.glance(connection, asked)
        return convert.pin_message(pin(asked, standing, found, previous))
