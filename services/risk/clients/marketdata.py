"""Sessions, marks and histories, read from the marketdata service."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta

import grpc
import numpy as np

from chassis.errors import OutOfRange, Violation
from chassis.wire import info_of
from plimsoll.common.v1.price_basis_pb2 import PriceBasis as PriceBasisMessage
from plimsoll.marketdata.v1.instrument_pb2 import Instrument, OptionContract
from plimsoll.marketdata.v1.marketdata_service_pb2 import (
    BatchGetInstrumentsRequest,
    FactorEtfPrices,
    GetFactorEtfPricesRequest,
    GetMarksRequest,
    GetMarksResponse,
    GetPriceMatrixRequest,
    GetTradingCalendarRequest,
    GetYieldCurveRequest,
    ResolveInstrumentsRequest,
    ResolveSessionRequest,
)
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceStub
from plimsoll.marketdata.v1.price_pb2 import Mark as MarkMessage
from riskmath.arrays import FloatArray
from riskmath.exchange import ExchangeRates
from services.risk.domain.book import Foreign
from services.risk.domain.inputs import FactorHistory, InactiveFactor, InstrumentFacts, PriceHistory, YieldHistory
from services.risk.domain.market import Mark, MarketSlice, OptionMark, PriceBasis, PriceSource, Session

BASES: Mapping["PriceBasisMessage.Basis.ValueType", PriceBasis] = {
    PriceBasisMessage.RAW: "raw",
    PriceBasisMessage.SPLIT_ADJUSTED: "split_adjusted",
    PriceBasisMessage.TOTAL_RETURN_ADJUSTED: "total_return_adjusted",
}
BASIS_NUMBERS = {basis: number for number, basis in BASES.items()}
SOURCES: Mapping["MarkMessage.Source.ValueType", PriceSource] = {
    MarkMessage.CLOSE: "close",
    MarkMessage.QUOTE: "quote",
    MarkMessage.MODEL: "model",
}


class MarketDataClient:
    """Implements `ports.Market`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._marketdata = MarketDataServiceStub(channel)

    async def resolve(self, as_of_date: date | None, field: str = "as_of_date") -> Session:
        """Give the session that a day means (None: the newest sealed one), and the version known now.

        Raises:
            OutOfRange: as `ports.Market` says; names the field that states the day.
            grpc.aio.AioRpcError: no session was ever sealed, or the service does not answer.
        """
        asked = as_of_date.isoformat() if as_of_date else ""
        try:
            answer = await self._marketdata.ResolveSession(ResolveSessionRequest(as_of_date=asked))
        except grpc.aio.AioRpcError as error:
            info = info_of(error)
            if info is None or info.reason != "DATE_OUT_OF_RANGE":
                raise
            rule = f"is outside of what can be valued: {info.metadata['first']} to {info.metadata['newest']}"
            raise OutOfRange(info.reason, Violation(field, asked, rule), **info.metadata) from error
        return Session(
            as_of_date=date.fromisoformat(answer.as_of_date),
            close_time=answer.close_time.ToDatetime(tzinfo=UTC),
            data_version=answer.data_version,
        )

    async def marks(
        self, instrument_ids: Sequence[int], session: Session, foreign: Foreign | None = None
    ) -> MarketSlice:
        """Give the mark of every instrument named, and rates of exchange up to the session, in one call.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        request = GetMarksRequest(
            instrument_ids=instrument_ids,
            as_of_date=session.as_of_date.isoformat(),
            data_version=session.data_version,
        )
        if foreign:
            request.base_currency, request.rates_start_date = foreign.base_currency, foreign.since.isoformat()
            request.currencies.extend(foreign.currencies)
        answer = await self._marketdata.GetMarks(request)
        return MarketSlice(
            session,
            {message.instrument_id: read_mark(message) for message in answer.marks},
            read_rates(answer, foreign.base_currency) if foreign else None,
            max((rate.data_version for rate in answer.rates), default=0),
        )

    async def sessions(self, start_date: date, end_date: date) -> tuple[date, ...]:
        """Give the sessions of the exchange between two days, both included.

        Raises:
            grpc.aio.AioRpcError: the service does not answer, or the days are further apart than it answers for.
        """
        request = GetTradingCalendarRequest(start_date=start_date.isoformat(), end_date=end_date.isoformat())
        answer = await self._marketdata.GetTradingCalendar(request)
        return tuple(map(date.fromisoformat, answer.session_dates))

    async def history(self, instrument_ids: Sequence[int], session: Session, sessions: int) -> PriceHistory:
        """Give total-return closes of instruments on the sessions up to one, at its version, in one call.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        return await self.closes(instrument_ids, session, sessions, "total_return_adjusted")

    async def closes(
        self, instrument_ids: Sequence[int], session: Session, sessions: int, basis: PriceBasis
    ) -> PriceHistory:
        """Give closes of instruments on the sessions up to one, on one basis where it is known, in one call.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        answer = await self._marketdata.GetPriceMatrix(
            GetPriceMatrixRequest(
                instrument_ids=instrument_ids,
                as_of_date=session.as_of_date.isoformat(),
                sessions=sessions,
                data_version=session.data_version,
                price_basis=BASIS_NUMBERS[basis],
            )
        )
        shape = len(answer.session_dates), len(answer.instrument_ids)
        return PriceHistory(
            session_dates=tuple(map(date.fromisoformat, answer.session_dates)),
            instrument_ids=tuple(answer.instrument_ids),
            closes=np.frombuffer(answer.closes, dtype="<f8").reshape(shape),
            price_bases=tuple(BASES.get(basis, "") for basis in answer.price_bases),
            data_version=answer.data_version,
        )

    async def factors(self, asset_class: str, session: Session, sessions: int) -> FactorHistory:
        """Give closes of the funds that stand for the factors of a class, on the sessions up to one.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        answer = await self._marketdata.GetFactorEtfPrices(
            GetFactorEtfPricesRequest(
                asset_class=asset_class,
                as_of_date=session.as_of_date.isoformat(),
                lookback_days=sessions,
                known_at_version=session.data_version,
            )
        )
        return FactorHistory(
            session_dates=tuple(map(date.fromisoformat, answer.session_dates)),
            names=tuple(series.factor for series in answer.series),
            symbols=tuple(series.symbol for series in answer.series),
            closes=_closes(answer),
            price_bases=tuple(BASES.get(series.price_basis, "") for series in answer.series),
            inactive=tuple(InactiveFactor(factor.factor, factor.reason) for factor in answer.inactive),
            data_version=answer.data_version,
        )

    async def facts(self, instrument_ids: Sequence[int]) -> Mapping[int, InstrumentFacts]:
        """Give what instruments are, by instrument.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        answer = await self._marketdata.BatchGetInstruments(BatchGetInstrumentsRequest(instrument_ids=instrument_ids))
        return {
            one.instrument_id: InstrumentFacts(
                symbol=one.symbol,
                name=one.name,
                kind=Instrument.Kind.Name(one.kind),
                exchange=one.exchange,
                currency=one.currency,
                sector=one.sector,
                industry=one.industry,
            )
            for one in answer.instruments
        }

    async def named(self, symbols: Sequence[str]) -> Mapping[str, int]:
        """Give the instruments of symbols, by symbol; without those that nobody knows.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        answer = await self._marketdata.ResolveInstruments(ResolveInstrumentsRequest(symbols=symbols))
        return {found.symbol: found.instrument.instrument_id for found in answer.resolutions if not found.reason}

    async def yields(self, session: Session, sessions: int) -> YieldHistory:
        """Give Treasury par yields of the newest so many days up to a session, at its version.

        Raises:
            grpc.aio.AioRpcError: the service does not answer.
        """
        start_date = session.as_of_date - timedelta(days=sessions * 3 // 2 + 10)  # of seven days at least five have one
        answer = await self._marketdata.GetYieldCurve(
            GetYieldCurveRequest(
                as_of_date=session.as_of_date.isoformat(),
                start_date=start_date.isoformat(),
                known_at_version=session.data_version,
            )
        )
        curves = answer.curves[-sessions:]
        tenors = tuple(sorted({each.tenor for curve in curves for each in curve.yields}))
        place = {tenor: column for column, tenor in enumerate(tenors)}
        yields = np.full((len(curves), len(tenors)), np.nan)
        for row, curve in enumerate(curves):
            for each in curve.yields:
                yields[row, place[each.tenor]] = getattr(each, "yield")
        dates = tuple(date.fromisoformat(curve.curve_date) for curve in curves)
        return YieldHistory(dates, tenors, yields, answer.data_version)


def _closes(answer: FactorEtfPrices) -> FloatArray:
    shape = len(answer.session_dates), len(answer.series)
    rows = [[point.close if point.HasField("close") else math.nan for point in each.points] for each in answer.series]
    return np.array(rows, dtype=np.float64).T.reshape(shape)


def read_rates(answer: GetMarksResponse, base_currency: str) -> ExchangeRates:
    """Read rates of exchange.

    Raises:
        ValueError: a history has not as many rates as there are sessions, or one of them is not above 0, nor missing.
    """
    days = np.array(answer.rate_session_dates, dtype="datetime64[D]")
    rates = np.empty((len(days), len(answer.rates)))
    ages = np.empty(rates.shape, dtype=np.int64)
    for column, message in enumerate(answer.rates):
        rates[:, column], ages[:, column] = np.frombuffer(message.rates, "<f8"), np.frombuffer(message.ages, "<i4")
    if np.isinf(rates).any() or (rates <= 0.0).any():
        raise ValueError(f"rates of exchange to {base_currency}: must be above 0, or missing")
    return ExchangeRates(base_currency, days, tuple(message.currency for message in answer.rates), rates, ages)


def read_mark(message: MarkMessage) -> Mark:
    """Read a mark.

    Raises:
        ValueError: it has neither a finite price nor a reason, or both, or a price on no basis or from no source: what
            it is worth cannot be told from such a mark, and must not be guessed.
    """
    known = message.HasField("price")
    if known == bool(message.reason) or (known and not math.isfinite(message.price)):
        raise ValueError(
            f"mark of instrument {message.instrument_id}: price {message.price}, reason {message.reason!r}"
        )
    if known and message.price_basis not in BASES:
        raise ValueError(f"mark of instrument {message.instrument_id}: price basis {message.price_basis}")
    if known and message.source not in SOURCES:
        raise ValueError(f"mark of instrument {message.instrument_id}: source {message.source}")
    return Mark(
        instrument_id=message.instrument_id,
        price=message.price if known else math.nan,
        price_date=message.price_date,
        age_sessions=message.age_sessions,
        price_basis=BASES[message.price_basis] if known else "",
        currency=message.currency,
        reason=message.reason,
        data_version=message.data_version,
        source=SOURCES[message.source] if known else "",
        option=_option(message) if message.HasField("option") else None,
    )


def _option(message: MarkMessage) -> OptionMark:
    terms = message.option
    return OptionMark(
        expiry_date=date.fromisoformat(terms.expiry_date),
        is_call=terms.right == "C",
        is_american=terms.style == OptionContract.AMERICAN,
        strike=terms.strike,
        expired=message.expired,
        underlying_price=message.underlying_price if message.HasField("underlying_price") else math.nan,
        volatility=message.volatility if message.HasField("volatility") else math.nan,
        volatility_source=message.volatility_source,
        rate=message.rate if message.HasField("rate") else math.nan,
        rate_source=message.rate_source,
        dividend_yield=message.dividend_yield if message.HasField("dividend_yield") else math.nan,
        dividend_yield_source=message.dividend_yield_source,
    )
