"""What the service knows, as the contract words it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1.price_basis_pb2 import PriceBasis as PriceBasisMessage
from plimsoll.marketdata.v1 import instrument_pb2, marketdata_service_pb2, price_pb2
from services.marketdata.domain.bars import Bar
from services.marketdata.domain.instruments import Contract, Instrument
from services.marketdata.domain.matrix import PriceMatrix
from services.marketdata.domain.prices import Mark, PriceBasis, Quote
from services.marketdata.domain.sessions import Pin

BASES = {basis: PriceBasisMessage.Basis.ValueType(basis) for basis in PriceBasis}


def basis_of(message: "PriceBasisMessage.Basis.ValueType") -> PriceBasis:
    """Read a price basis."""
    return PriceBasis(message)


def instrument_message(instrument: Instrument) -> instrument_pb2.Instrument:
    """Render an instrument."""
    listing = instrument.listing
    return instrument_pb2.Instrument(
        instrument_id=instrument.instrument_id,
        symbol=listing.symbol,
        kind=instrument_pb2.Instrument.Kind.Value(listing.kind),
        name=listing.name,
        exchange=listing.exchange,
        currency=listing.currency,
        sector=listing.sector,
        industry=listing.industry,
        multiplier=listing.multiplier,
        option=_contract_message(instrument.contract) if instrument.contract else None,
    )


def resolution_message(
    symbol: str, instrument: Instrument | None, reason: str
) -> marketdata_service_pb2.ResolveInstrumentsResponse.Resolution:
    """Render the instrument of a symbol, or why there is none."""
    return marketdata_service_pb2.ResolveInstrumentsResponse.Resolution(
        symbol=symbol, instrument=instrument_message(instrument) if instrument else None, reason=reason
    )


def mark_message(mark: Mark) -> price_pb2.Mark:
    """Render a mark."""
    return price_pb2.Mark(
        instrument_id=mark.instrument_id,
        price=mark.price,
        price_date=_day(mark.price_date),
        age_sessions=mark.age_sessions,
        price_basis=BASES[mark.price_basis],
        source=price_pb2.Mark.SOURCE_UNSPECIFIED if mark.price is None else price_pb2.Mark.CLOSE,
        currency=mark.currency,
        reason=mark.reason,
        data_version=mark.data_version,
    )


def quote_message(symbol: str, quote: Quote) -> price_pb2.Quote:
    """Render a quote under the symbol as it was asked for."""
    return price_pb2.Quote(
        symbol=symbol,
        last=quote.last,
        previous_close=quote.previous_close,
        change=quote.change,
        change_percent=quote.change_percent,
        quote_time=_timestamp(quote.quote_time) if quote.quote_time else None,
        source=quote.source,
        age_sessions=quote.age_sessions,
        currency=quote.currency,
        price_basis=BASES[quote.price_basis],
        reason=quote.reason,
    )


def bar_message(bar: Bar) -> price_pb2.Bar:
    """Render a bar."""
    return price_pb2.Bar(
        session_date=bar.session_date.isoformat(),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        source=bar.source,
        data_version=bar.data_version,
    )


def matrix_message(
    matrix: PriceMatrix, instrument_ids: Iterable[int], data_version: int
) -> marketdata_service_pb2.PriceMatrix:
    """Render a block of closes: a row is a session, little-endian float64."""
    return marketdata_service_pb2.PriceMatrix(
        session_dates=matrix.session_dates.astype(str).tolist(),
        instrument_ids=instrument_ids,
        closes=matrix.closes.astype("<f8", copy=False).tobytes(),
        price_bases=[BASES[basis] for basis in matrix.price_bases],
        data_version=data_version,
    )


def pin_message(pin: Pin) -> marketdata_service_pb2.ResolveSessionResponse:
    """Render a pinned session."""
    return marketdata_service_pb2.ResolveSessionResponse(
        as_of_date=pin.session.session_date.isoformat(),
        close_time=_timestamp(pin.session.close_time),
        data_version=pin.data_version,
        previous_session_date=_day(pin.previous_session_date),
        newest_sealed_date=pin.newest_sealed.isoformat(),
    )


def _contract_message(contract: Contract) -> instrument_pb2.OptionContract:
    return instrument_pb2.OptionContract(
        underlying_instrument_id=contract.underlying_instrument_id,
        underlying_symbol=contract.underlying_symbol,
        expiry_date=contract.expiry.isoformat(),
        right=contract.right,
        strike=contract.strike,
        style=instrument_pb2.OptionContract.Style.Value(contract.style),
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message
