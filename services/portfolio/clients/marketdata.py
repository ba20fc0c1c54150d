"""The marketdata service over gRPC."""

import datetime
from collections.abc import Sequence

import grpc

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import instrument_pb2, marketdata_service_pb2, marketdata_service_pb2_grpc, price_pb2
from services.portfolio.domain.book import OptionTerms
from services.portfolio.domain.market import Calendar, Instrument, Mark, Session

Date = datetime.date


class GrpcMarketData:
    """Implements the port `MarketData`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = marketdata_service_pb2_grpc.MarketDataServiceStub(channel)

    async def resolve_instruments(self, symbols: Sequence[str]) -> dict[str, Instrument | str]:
        """Give for each symbol its instrument, or the reason why there is none."""
        request = marketdata_service_pb2.ResolveInstrumentsRequest(symbols=symbols)
        answer = await self._stub.ResolveInstruments(request)
        return {found.symbol: found.reason or _instrument(found.instrument) for found in answer.resolutions}

    async def instruments(self, instrument_ids: Sequence[int]) -> dict[int, Instrument]:
        """Give the instruments that exist, by id."""
        request = marketdata_service_pb2.BatchGetInstrumentsRequest(instrument_ids=instrument_ids)
        answer = await self._stub.BatchGetInstruments(request)
        return {found.instrument_id: _instrument(found) for found in answer.instruments}

    async def marks(self, instrument_ids: Sequence[int], session: Session) -> dict[int, Mark]:
        """Give the mark of each instrument at a session."""
        request = marketdata_service_pb2.GetMarksRequest(
            instrument_ids=instrument_ids, as_of_date=str(session.as_of_date), data_version=session.data_version
        )
        answer = await self._stub.GetMarks(request)
        return {mark.instrument_id: _mark(mark) for mark in answer.marks}

    async def session(self, as_of_date: Date | None) -> Session:
        """Give the session that a date means; without one, the newest that is sealed."""
        request = marketdata_service_pb2.ResolveSessionRequest(as_of_date=str(as_of_date or ""))
        answer = await self._stub.ResolveSession(request)
        return Session(
            as_of_date=Date.fromisoformat(answer.as_of_date),
            close_time=answer.close_time.ToDatetime(datetime.UTC),
            data_version=answer.data_version,
            newest_sealed_date=Date.fromisoformat(answer.newest_sealed_date),
        )

    async def calendar(self, start: Date, end: Date) -> Calendar:
        """Give the sessions in a range of days."""
        request = marketdata_service_pb2.GetTradingCalendarRequest(start_date=str(start), end_date=str(end))
        answer = await self._stub.GetTradingCalendar(request)
        return Calendar(
            sessions=frozenset(map(Date.fromisoformat, answer.session_dates)),
            first_date=Date.fromisoformat(answer.first_date),
            last_date=Date.fromisoformat(answer.last_date),
        )


def _instrument(found: instrument_pb2.Instrument) -> Instrument:
    option = None
    if found.HasField("option"):
        terms = found.option
        option = OptionTerms(
            underlying_symbol=terms.underlying_symbol,
            underlying_instrument_id=terms.underlying_instrument_id,
            expiry_date=Date.fromisoformat(terms.expiry_date),
            right=terms.right,
            strike=terms.strike,
            style=instrument_pb2.OptionContract.Style.Name(terms.style) if terms.style else "",
        )
    return Instrument(
        instrument_id=found.instrument_id,
        symbol=found.symbol,
        kind=instrument_pb2.Instrument.Kind.Name(found.kind),
        name=found.name,
        sector=found.sector,
        currency=found.currency,
        multiplier=found.multiplier,
        option=option,
    )


def _mark(mark: price_pb2.Mark) -> Mark:
    return Mark(
        instrument_id=mark.instrument_id,
        price=mark.price if mark.HasField("price") else None,
        price_date=Date.fromisoformat(mark.price_date) if mark.price_date else None,
        age_sessions=mark.age_sessions,
        price_basis=PriceBasis.Basis.Name(mark.price_basis),
        source=price_pb2.Mark.Source.Name(mark.source).lower(),
        currency=mark.currency,
        reason=mark.reason,
    )
