"""What the service knows, as the contract words it."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1.price_basis_pb2 import PriceBasis as PriceBasisMessage
from plimsoll.marketdata.v1 import (
    instrument_pb2,
    market_pb2,
    marketdata_service_pb2,
    price_pb2,
    reference_pb2,
    reference_service_pb2,
)
from services.marketdata.domain.bars import Bar
from services.marketdata.domain.chains import Chain, ChainQuote
from services.marketdata.domain.corporate_actions import RecordedAction
from services.marketdata.domain.curves import Curve
from services.marketdata.domain.exchange_rates import RateHistory
from services.marketdata.domain.factor_prices import ProxyPrices
from services.marketdata.domain.factors import FactorAt, Factors
from services.marketdata.domain.fx import FxRate
from services.marketdata.domain.instruments import Contract, Instrument, Kind
from services.marketdata.domain.marks import Mark
from services.marketdata.domain.matrix import PriceMatrix
from services.marketdata.domain.prices import PriceBasis, Quote
from services.marketdata.domain.sessions import Pin
from services.marketdata.domain.splits import Split

BASES = {basis: PriceBasisMessage.Basis.ValueType(basis) for basis in PriceBasis}


def basis_of(message: "PriceBasisMessage.Basis.ValueType") -> PriceBasis:
    """Read a price basis."""
    return PriceBasis(message)


def kind_of(message: "instrument_pb2.Instrument.Kind.ValueType") -> Kind:
    """Read what an instrument is."""
    return Kind(instrument_pb2.Instrument.Kind.Name(message))


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
        private=instrument.private,
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
    message = price_pb2.Mark(
        instrument_id=mark.instrument_id,
        price=mark.price,
        price_date=_day(mark.price_date),
        age_sessions=mark.age_sessions,
        price_basis=BASES[mark.price_basis],
        source=price_pb2.Mark.Source.ValueType(mark.source),
        currency=mark.currency,
        reason=mark.reason,
        data_version=mark.data_version,
        underlying_price=mark.underlying_price,
        expired=mark.expired,
        option=_contract_message(mark.contract) if mark.contract else None,
    )
    if used := mark.priced_with:
        message.volatility, message.volatility_source = used.volatility, used.volatility_source
        message.rate, message.rate_source = used.rate, used.rate_source
        message.dividend_yield, message.dividend_yield_source = used.dividend_yield, used.dividend_yield_source
    return message


def rate_message(history: RateHistory) -> price_pb2.CurrencyRate:
    """Render what a currency is worth."""
    return price_pb2.CurrencyRate(
        currency=history.currency,
        rate=None if history.reason else float(history.rates[-1]),
        rate_date=_day(history.rate_date),
        age_sessions=0 if history.reason else int(history.ages[-1]),
        reason=history.reason,
        data_version=history.data_version,
        rates=history.rates.astype("<f8", copy=False).tobytes(),
        ages=history.ages.astype("<i4", copy=False).tobytes(),
    )


def quote_message(symbol: str, quote: Quote) -> price_pb2.Quote:
    """Render a quote under the symbol as it was asked for."""
    return price_pb2.Quote(
        symbol=symbol,
        last=quote.last,
        previous_close=quote.previous_close,
        change=quote.change,
        change_percent=quote.change_percent,
        bid=quote.bid,
        ask=quote.ask,
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
        price_bases=map(PriceBasisMessage.Basis.ValueType, matrix.price_bases.tolist()),
        data_version=data_version,
    )


def matrix_renderer(instrument_ids: Sequence[int]) -> Callable[[PriceMatrix, int], bytes]:
    """Give what turns a block of closes of some instruments into the bytes of its message."""
    return lambda matrix, data_version: matrix_message(matrix, instrument_ids, data_version).SerializeToString()


def proxy_prices_message(found: ProxyPrices) -> marketdata_service_pb2.FactorEtfPrices:
    """Render the closes of the funds that stand for factors."""
    of = marketdata_service_pb2.FactorEtfPrices
    columns = zip(found.series, found.matrix.closes.T.tolist(), found.matrix.price_bases.tolist(), strict=True)
    return of(
        session_dates=found.matrix.session_dates.astype(str).tolist(),
        series=[
            of.Series(
                factor=series.factor,
                symbol=series.symbol,
                points=[of.Point(close=None if math.isnan(close) else close) for close in closes],
                price_basis=PriceBasisMessage.Basis.ValueType(basis),
            )
            for series, closes, basis in columns
        ],
        inactive=[
            of.InactiveFactor(factor=factor.definition.name, reason=factor.reason)
            for factor in found.factors.factors
            if not factor.active
        ],
        as_of_date=_day(found.factors.session_date),
        data_version=found.data_version,
    )


def factors_message(
    asset_class: str, found: Factors, next_page_token: str
) -> reference_service_pb2.ListFactorDefinitionsResponse:
    """Render the factors of an asset class."""
    return reference_service_pb2.ListFactorDefinitionsResponse(
        factors=[_factor_message(asset_class, factor) for factor in found.factors],
        benchmark=found.benchmark,
        version=found.version,
        as_of_date=_day(found.session_date),
        next_page_token=next_page_token,
    )


def action_message(action: RecordedAction) -> market_pb2.CorporateAction:
    """Render a corporate action."""
    return market_pb2.CorporateAction(
        ex_date=action.ex_date.isoformat(),
        kind=market_pb2.CorporateAction.Kind.ValueType(action.kind),
        value=action.value,
        source=action.source,
        data_version=action.data_version,
    )


def split_message(split: Split) -> marketdata_service_pb2.GetSplitsResponse.Split:
    """Render a split."""
    return marketdata_service_pb2.GetSplitsResponse.Split(
        instrument_id=split.instrument_id,
        ex_date=split.ex_date.isoformat(),
        ratio=split.ratio,
        priced_in=split.priced_in,
    )


def chain_message(underlying: str, chain: Chain | None) -> marketdata_service_pb2.OptionChain:
    """Render an option chain."""
    if chain is None:
        return marketdata_service_pb2.OptionChain(available=False, reason="no_chain", underlying=underlying)
    return marketdata_service_pb2.OptionChain(
        available=True,
        underlying=underlying,
        as_of_date=chain.session_date.isoformat(),
        quotes=map(_option_quote_message, chain.quotes),
    )


def curves_message(curves: Sequence[Curve]) -> marketdata_service_pb2.GetYieldCurveResponse:
    """Render curves of yields."""
    return marketdata_service_pb2.GetYieldCurveResponse(
        available=bool(curves),
        reason="" if curves else "no_yields",
        curves=map(_curve_message, curves),
        data_version=max((curve.data_version for curve in curves), default=0),
    )


def fx_message(rate: FxRate) -> market_pb2.FxRate:
    """Render a rate of exchange."""
    return market_pb2.FxRate(
        base_currency=rate.base_currency,
        quote_currency=rate.quote_currency,
        rate=rate.rate,
        rate_date=rate.rate_date.isoformat(),
        source=rate.source,
        data_version=rate.data_version,
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


def _option_quote_message(quote: ChainQuote) -> market_pb2.OptionQuote:
    return market_pb2.OptionQuote(
        symbol=quote.symbol,
        expiry_date=quote.contract.expiry.isoformat(),
        right=quote.contract.right,
        strike=quote.contract.strike,
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        implied_volatility=quote.implied_volatility,
        open_interest=quote.open_interest,
        source=quote.source,
        quote_time=_timestamp(quote.quote_time),
    )


def _curve_message(curve: Curve) -> market_pb2.YieldCurve:
    message = market_pb2.YieldCurve(curve_date=curve.curve_date.isoformat())
    for tenor, value in curve.yields.items():
        # The field is named `yield`, which Python keeps for itself.
        message.yields.add(**{"tenor": tenor, "yield": value})
    return message


def _factor_message(asset_class: str, factor: FactorAt) -> reference_pb2.FactorDefinition:
    definition = factor.definition
    return reference_pb2.FactorDefinition(
        name=definition.name,
        asset_class=asset_class,
        description=definition.description,
        proxies=definition.proxies,
        less_proxies=definition.less_proxies,
        display_order=definition.display_order,
        enabled=definition.enabled,
        active=factor.active,
        active_proxy=factor.proxy,
        active_less_proxy=factor.less_proxy,
        reason=factor.reason,
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time.astimezone(UTC))
    return message
