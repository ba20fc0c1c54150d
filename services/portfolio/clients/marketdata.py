"""The marketdata service over gRPC."""

import asyncio
import datetime
from collections.abc import Sequence

import grpc
import numpy as np

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import (
    instrument_pb2,
    marketdata_service_pb2,
    marketdata_service_pb2_grpc,
    price_pb2,
    reference_service_pb2,
    reference_service_pb2_grpc,
)
from riskmath.exchange import ExchangeRates
from services.portfolio.domain.book import OptionTerms
from services.portfolio.domain.factor_proxies import DefaultProxies, StockProxies
from services.portfolio.domain.foreign import Foreign
from services.portfolio.domain.market import Calendar, Instrument, Mark, Session
from services.portfolio.domain.price_history import Bar, FactorEtf, History
from services.portfolio.domain.splits import Split, Splits

Date = datetime.date
LARGEST_PAGE = 5000
"""Bars in one answer; more sessions than anybody may ask for."""


class GrpcMarketData:
    """Implements the port `MarketData`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = marketdata_service_pb2_grpc.MarketDataServiceStub(channel)
        self._reference = reference_service_pb2_grpc.ReferenceServiceStub(channel)

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

    async def rates(self, asked: Foreign, session: Session) -> ExchangeRates:
        """Give rates of exchange at a session, and before it from the first day asked for."""
        request = marketdata_service_pb2.GetMarksRequest(
            as_of_date=str(session.as_of_date),
            data_version=session.data_version,
            base_currency=asked.base_currency,
            currencies=asked.currencies,
            rates_start_date=str(asked.since),
        )
        answer = await self._stub.GetMarks(request)
        return ExchangeRates(
            base_currency=asked.base_currency,
            session_dates=np.array(answer.rate_session_dates, dtype="datetime64[D]"),
            currencies=tuple(rate.currency for rate in answer.rates),
            rates=np.column_stack([np.frombuffer(rate.rates, "<f8") for rate in answer.rates]),
            ages=np.column_stack([np.frombuffer(rate.ages, "<i4") for rate in answer.rates]).astype(np.int64),
        )

    async def splits(self, instrument_ids: Sequence[int], data_version: int) -> Splits:
        """Give the splits of instruments as known at a version (0: the newest), the oldest first."""
        request = marketdata_service_pb2.GetSplitsRequest(instrument_ids=instrument_ids, data_version=data_version)
        found: dict[int, list[Split]] = {}
        for split in (await self._stub.GetSplits(request)).splits:
            told = Split(Date.fromisoformat(split.ex_date), split.ratio, split.priced_in)
            found.setdefault(split.instrument_id, []).append(told)
        return found

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

    async def history(self, symbol: str, start: Date, end: Date, data_version: int, price_basis: str) -> History:
        """Give the bars of a symbol over a range of days, or why there are none."""
        request = marketdata_service_pb2.ListBarsRequest(
            symbol=symbol,
            start_date=str(start),
            end_date=str(end),
            price_basis=PriceBasis.Basis.Value(price_basis),
            known_at_version=data_version,
            page_size=LARGEST_PAGE,
        )
        try:
            answer = await self._stub.ListBars(request)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return History("BASIS_UNSPECIFIED", (), "unknown_instrument")
            raise
        return History(PriceBasis.Basis.Name(answer.price_basis), tuple(map(_bar, answer.bars)), answer.reason)

    async def factor_etfs(self, as_of_date: Date) -> list[FactorEtf]:
        """Give the funds that stand for the factors which are active at a date, in display order."""
        request = reference_service_pb2.ListFactorDefinitionsRequest(as_of_date=str(as_of_date))
        answer = await self._reference.ListFactorDefinitions(request)
        return [
            FactorEtf(factor.name, symbol)
            for factor in answer.factors
            for symbol in (factor.active_proxy, factor.active_less_proxy)
            if symbol
        ]

    async def default_proxies(self) -> DefaultProxies:
        """Give what stands for the drivers of returns by default, by exchange and industry."""
        exchanges, industries = await asyncio.gather(
            self._reference.GetExchangeProxies(reference_service_pb2.GetExchangeProxiesRequest()),
            self._reference.GetIndustryProxies(reference_service_pb2.GetIndustryProxiesRequest()),
        )
        return DefaultProxies(
            by_exchange={
                row.exchange: StockProxies(market=row.market, momentum=row.momentum, value=row.value)
                for row in exchanges.exchange_proxies
            },
            by_industry={row.industry: row.symbol for row in industries.industry_proxies},
            exchange_version=exchanges.version,
            industry_version=industries.version,
        )


def _bar(bar: price_pb2.Bar) -> Bar:
    known = {name: getattr(bar, name) if bar.HasField(name) else None for name in ("open", "high", "low", "volume")}
    return Bar(session_date=Date.fromisoformat(bar.session_date), close=bar.close, **known)


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
        exchange=found.exchange,
        industry=found.industry,
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
