"""Books and marks to test with, stated once as plain rows and given out as the domain's values or as messages."""

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1.instrument_pb2 import OptionContract
from plimsoll.marketdata.v1.marketdata_service_pb2 import ResolveSessionResponse
from plimsoll.marketdata.v1.price_pb2 import CurrencyRate
from plimsoll.marketdata.v1.price_pb2 import Mark as MarkMessage
from plimsoll.portfolio.v1.portfolio_pb2 import Portfolio
from plimsoll.portfolio.v1.portfolio_service_pb2 import Book as BookMessage
from plimsoll.portfolio.v1.position_pb2 import CashBalance as CashMessage
from plimsoll.portfolio.v1.position_pb2 import OptionTerms, Position
from riskmath.exchange import ExchangeRates
from services.risk.domain.book import Book, CashBalance, Positions
from services.risk.domain.market import Mark, MarketSlice, OptionMark, Session

PORTFOLIO_ID = "6f1c1f5e-52d4-4d5c-8a0e-1f7a0c1f9a11"
AS_OF = date(2022, 12, 28)
SESSION = Session(as_of_date=AS_OF, close_time=datetime(2022, 12, 28, 21, 0, tzinfo=UTC), data_version=7)
BASES = {
    "raw": PriceBasis.RAW,
    "split_adjusted": PriceBasis.SPLIT_ADJUSTED,
    "total_return_adjusted": PriceBasis.TOTAL_RETURN_ADJUSTED,
}


@dataclass(frozen=True)
class Row:
    """One position."""

    symbol: str
    instrument_id: int
    quantity: float
    entry_price: float
    exit_price: float | None = None
    underlying_id: int = 0
    """0: it is no option."""
    multiplier: float = 1.0
    currency: str = "USD"
    entry_date: date = date(2022, 1, 3)
    tags: tuple[str, ...] = ()
    strategy: str = ""

    @property
    def position_id(self) -> str:
        return f"id of {self.symbol}"

    @property
    def position_type(self) -> str:
        return "LONG" if self.quantity > 0 else "SHORT"


AAPL = Row("AAPL", 1, 100, 120.0)
XOM = Row("XOM", 2, -50, 100.0)
MSFT = Row("MSFT", 3, 10, 250.0)
CALL = Row("AAPL230120C00130000", 4, 1, 5.0, underlying_id=1, multiplier=100.0)
SOLD = Row("KO", 5, 200, 55.0, exit_price=60.0)
COVERED = Row("PG", 6, -10, 140.0, exit_price=150.0)
LONG_SHORT = (AAPL, XOM, MSFT, CALL)
CLOSES = {1: 126.04, 2: 108.38, 3: 234.53}


def _columns(rows):
    return Positions(
        position_ids=tuple(row.position_id for row in rows),
        symbols=tuple(row.symbol for row in rows),
        instrument_ids=tuple(row.instrument_id for row in rows),
        underlying_ids=tuple(row.underlying_id or row.instrument_id for row in rows),
        currencies=tuple(row.currency for row in rows),
        is_option=np.array([bool(row.underlying_id) for row in rows], dtype=bool),
        quantity=np.array([row.quantity for row in rows], dtype=float),
        multiplier=np.array([row.multiplier for row in rows], dtype=float),
        entry_price=np.array([row.entry_price for row in rows], dtype=float),
        exit_price=np.array([math.nan if row.exit_price is None else row.exit_price for row in rows], dtype=float),
        entry_dates=tuple(row.entry_date for row in rows),
        exit_dates=tuple(AS_OF if row.exit_price is not None else None for row in rows),
        position_types=tuple(row.position_type for row in rows),
        tags=tuple(row.tags for row in rows),
        strategies=tuple(row.strategy for row in rows),
        underlying_symbols=tuple("AAPL" if row.underlying_id else row.symbol for row in rows),
        expiry_dates=tuple(date(2023, 1, 20) if row.underlying_id else None for row in rows),
    )


def book(held=(), closed=(), cash=(), cash_reason="", revision=3, base_currency="USD", portfolio_id=PORTFOLIO_ID):
    balances = tuple(CashBalance(currency, amount) for currency, amount in cash)
    digest = hashlib.sha256(repr((held, closed, cash, cash_reason, revision, base_currency)).encode()).hexdigest()
    return Book(
        portfolio_id=portfolio_id,
        revision=revision,
        base_currency=base_currency,
        held=_columns(held),
        closed=_columns(closed),
        cash=balances,
        cash_reason=cash_reason,
        benchmark="",
        movements=(),
        digest=digest,
    )


def mark(instrument_id, price, **changes):
    known = Mark(instrument_id, price, "2022-12-28", 0, "raw", "USD", "", 5, source="close")
    return replace(known, **changes)


def no_mark(instrument_id, reason="no_volatility"):
    return Mark(instrument_id, math.nan, "", 0, "", "USD", reason, 0)


def option_mark(instrument_id, price, changes=None, **terms):
    """A call on AAPL at 130 that expires on 2023-01-20, modelled at a volatility of 40 % unless told otherwise."""
    known = OptionMark(
        expiry_date=date(2023, 1, 20),
        is_call=True,
        is_american=True,
        strike=130.0,
        expired=False,
        underlying_price=126.04,
        volatility=0.4,
        volatility_source="realised_90d",
        rate=0.04,
        rate_source="assumed",
        dividend_yield=0.0,
        dividend_yield_source="assumed_zero",
    )
    return mark(instrument_id, price, **({"option": replace(known, **terms), "source": "model"} | (changes or {})))


def market(*marks, session=SESSION, rates=None):
    return MarketSlice(session, {mark.instrument_id: mark for mark in marks}, rates, 6 if rates else 0)


def rates_of(days, base_currency="USD", ages=None, **by_currency):
    """Rates of exchange on some days, by currency; a rate of None is missing."""
    rates = np.array(list(by_currency.values()), dtype=float).T.reshape(len(days), len(by_currency))
    known = np.zeros(rates.shape, dtype=np.int64) if ages is None else np.array(ages).T.reshape(rates.shape)
    ages = np.where(np.isnan(rates), -1, known)
    return ExchangeRates(base_currency, np.array(days, dtype="datetime64[D]"), tuple(by_currency), rates, ages)


def rates_messages(rates, request):
    """What the service answers of these rates: the currencies and the days that are asked for."""
    told, since = {}, np.datetime64(request.rates_start_date or request.as_of_date, "D")
    rows = (rates.session_dates >= since) & (rates.session_dates <= np.datetime64(request.as_of_date, "D"))
    for currency in sorted({*request.currencies} - {request.base_currency}):
        column = rates.currencies.index(currency) if currency in rates.currencies else None
        values = np.full(rows.sum(), np.nan) if column is None else rates.rates[rows, column]
        ages = np.full(rows.sum(), -1) if column is None else rates.ages[rows, column]
        packed = {"rates": values.astype("<f8").tobytes(), "ages": ages.astype("<i4").tobytes()}
        told[currency] = CurrencyRate(currency=currency, data_version=6, **packed)
    return list(told.values()), rates.session_dates[rows].astype(str).tolist()


def closes(prices=CLOSES, options=(CALL,)):
    return [mark(number, price) for number, price in prices.items()] + [no_mark(row.instrument_id) for row in options]


def position_message(row):
    message = Position(
        position_id=row.position_id,
        symbol=row.symbol,
        instrument_id=row.instrument_id,
        quantity=row.quantity,
        entry_price=row.entry_price,
        exit_price=row.exit_price,
        currency=row.currency,
        multiplier=row.multiplier,
        entry_date=row.entry_date.isoformat(),
        exit_date=AS_OF.isoformat() if row.exit_price is not None else "",
        position_type=Position.Type.Value(row.position_type),
        tags=row.tags,
        strategy=row.strategy,
    )
    if row.underlying_id:
        terms = OptionTerms(
            underlying_instrument_id=row.underlying_id, underlying_symbol="AAPL", expiry_date="2023-01-20"
        )
        message.option.CopyFrom(terms)
    return message


def book_message(
    held=(), closed=(), cash=(), cash_reason="", revision=3, base_currency="USD", portfolio_id=PORTFOLIO_ID
):
    return BookMessage(
        portfolio=Portfolio(portfolio_id=portfolio_id, base_currency=base_currency, revision=revision),
        revision=revision,
        positions=map(position_message, held),
        closed_positions=map(position_message, closed),
        cash=[CashMessage(currency=currency, amount=amount) for currency, amount in cash],
        cash_reason=cash_reason,
    )


def mark_message(mark):
    return MarkMessage(
        instrument_id=mark.instrument_id,
        price=None if math.isnan(mark.price) else mark.price,
        price_date=mark.price_date,
        age_sessions=mark.age_sessions,
        price_basis=BASES.get(mark.price_basis, PriceBasis.BASIS_UNSPECIFIED),
        currency=mark.currency,
        reason=mark.reason,
        data_version=mark.data_version,
        source=MarkMessage.Source.Value(mark.source.upper() or "SOURCE_UNSPECIFIED"),
        **_option_fields(mark.option),
    )


def _option_fields(option):
    if option is None:
        return {}
    known = {
        name: None if math.isnan(value := getattr(option, name)) else value
        for name in ("underlying_price", "volatility", "rate", "dividend_yield")
    }
    sources = ("volatility_source", "rate_source", "dividend_yield_source")
    contract = OptionContract(
        expiry_date=option.expiry_date.isoformat(),
        right="C" if option.is_call else "P",
        strike=option.strike,
        style=OptionContract.AMERICAN if option.is_american else OptionContract.EUROPEAN,
    )
    return known | {name: getattr(option, name) for name in sources} | {"option": contract, "expired": option.expired}


def session_message(session):
    close_time = Timestamp()
    close_time.FromDatetime(session.close_time)
    return ResolveSessionResponse(
        as_of_date=session.as_of_date.isoformat(), close_time=close_time, data_version=session.data_version
    )
