"""The real prices that every installation has, as a book of twenty stocks in equal parts and what is read about it."""

import numpy as np

from services.risk.domain.inputs import FactorHistory, InactiveFactor, Inputs, InstrumentFacts, PriceHistory
from tests.riskmath import bundled
from tests.riskmath.test_variance import SECTORS
from tests.services.risk.books import Row, book, mark, market

VALUE_EACH = 5_000.0
FACTORS = {
    "Market Beta": (bundled.INDEX, "SP500"),
    "Value": (bundled.FUNDS, "VLUE"),
    "Momentum": (bundled.FUNDS, "MTUM"),
    "Quality": (bundled.FUNDS, "QUAL"),
    "Size": (bundled.FUNDS, "SIZE"),
    "Low Volatility": (bundled.FUNDS, "USMV"),
}


def inputs(sessions=252, factor_sessions=2520, weights=None, cash=()):
    """Everything that the answers about factors read; `weights` by symbol, in parts of 100,000."""
    dates, closes = bundled.prices(bundled.STOCKS)
    symbols = list(closes)
    parts = weights or {symbol: 1.0 / len(symbols) for symbol in symbols}
    number = {symbol: place + 1 for place, symbol in enumerate(symbols)}
    price = {symbol: float(closes[symbol][-1]) for symbol in symbols}
    rows = [Row(symbol, number[symbol], 100_000.0 * part / price[symbol], 1.0) for symbol, part in parts.items()]
    history = PriceHistory(
        session_dates=tuple(dates[-sessions - 1 :].tolist()),
        instrument_ids=tuple(number.values()),
        closes=np.column_stack([closes[symbol][-sessions - 1 :] for symbol in symbols]),
        price_bases=("total_return_adjusted",) * len(symbols),
        data_version=5,
    )
    return Inputs(
        book=book(rows, cash=cash),
        market=market(*(mark(number[symbol], price[symbol]) for symbol in parts)),
        history=history,
        factors=factors(factor_sessions),
        facts={
            number[symbol]: InstrumentFacts(symbol, "", "STOCK", "XNAS", "USD", str(SECTORS[symbol]), "")
            for symbol in parts
        },
    )


def factors(sessions):
    """The funds of the factors; Growth has none among the bundled ones."""
    dates = bundled.days()[-sessions - 1 :]
    return FactorHistory(
        session_dates=tuple(dates.tolist()),
        names=tuple(FACTORS),
        symbols=tuple(symbol for _, symbol in FACTORS.values()),
        closes=np.column_stack([bundled.prices(name)[1][symbol][-len(dates) :] for name, symbol in FACTORS.values()]),
        price_bases=("total_return_adjusted",) * len(FACTORS),
        inactive=(InactiveFactor("Growth", "no_proxy"), InactiveFactor("Short Interest", "disabled")),
        data_version=5,
    )
