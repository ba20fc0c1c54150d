"""Histories to test with: closes that have given returns, on consecutive days up to that of the books."""

from datetime import timedelta

import numpy as np

from services.risk.domain.inputs import FactorHistory, InactiveFactor, InstrumentFacts, PriceHistory, YieldHistory
from services.risk.domain.market_factor import MARKET
from tests.services.risk.books import AS_OF


def days(count):
    return tuple(AS_OF - timedelta(days=count - 1 - day) for day in range(count))


def closes_from(returns):
    """Closes with these simple returns, (T, N) to (T + 1, N); NaN stays, as the close that is missing."""
    moves = np.asarray(returns, dtype=float)
    closes = 100.0 * np.vstack([np.ones(moves.shape[1]), np.cumprod(1.0 + np.nan_to_num(moves), axis=0)])
    closes[1:][np.isnan(moves)] = np.nan
    return closes


def history(returns, instrument_ids=(1, 2, 3), version=5):
    return history_of(closes_from(returns), instrument_ids, version)


def history_of(closes, instrument_ids=(1, 2, 3), version=5):
    bases = ("raw",) * len(instrument_ids)
    return PriceHistory(days(len(closes)), tuple(instrument_ids), np.asarray(closes, dtype=float), bases, version)


def market_history(returns, name=MARKET, symbol="SPX"):
    closes = closes_from(np.asarray(returns, dtype=float)[:, None])
    return FactorHistory(days(len(closes)), (name,), (symbol,), closes, ("raw",), (), 5)


def facts(sectors, instrument_ids=(1, 2, 3)):
    return {
        number: InstrumentFacts(f"S{number}", "", "STOCK", "XNAS", "USD", sector, "")
        for number, sector in zip(instrument_ids, sectors, strict=True)
    }


def factor_history(returns, names, inactive=(), version=5):
    """Funds with these simple returns, (T, K), one for each factor; the symbol of each is its name in capitals."""
    closes = closes_from(returns)
    symbols = tuple(name.upper() for name in names)
    gone = tuple(InactiveFactor(*each) for each in inactive)
    return FactorHistory(days(len(closes)), tuple(names), symbols, closes, ("raw",) * len(names), gone, version)


def yield_history(changes, tenors=("10Y",), start=0.03, version=5):
    """Yields with these changes, (D, T), from the same days as the closes of as many returns."""
    yields = start + np.vstack([np.zeros(len(tenors)), np.cumsum(changes, axis=0)])
    return YieldHistory(days(len(yields)), tuple(tenors), yields, version)
