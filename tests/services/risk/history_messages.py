"""Histories as the messages of marketdata, the newest so many sessions of what a test has."""

import math

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1.instrument_pb2 import Instrument
from plimsoll.marketdata.v1.market_pb2 import YieldCurve
from plimsoll.marketdata.v1.marketdata_service_pb2 import (
    BatchGetInstrumentsResponse,
    FactorEtfPrices,
    GetYieldCurveResponse,
    PriceMatrix,
)
from tests.services.risk.books import BASES


def _basis(name):
    return BASES.get(name, PriceBasis.BASIS_UNSPECIFIED)


def history_message(history, instrument_ids, sessions):
    dates, closes = history.session_dates[-sessions:], history.columns(instrument_ids)[-sessions:]
    basis_of = dict(zip(history.instrument_ids, history.price_bases, strict=True))
    return PriceMatrix(
        session_dates=[day.isoformat() for day in dates],
        instrument_ids=instrument_ids,
        closes=closes.astype("<f8").tobytes(),
        price_bases=[_basis(basis_of[number]) for number in instrument_ids],
        data_version=history.data_version,
    )


def factors_message(factors, sessions):
    dates, closes = factors.session_dates[-sessions:], factors.closes[-sessions:]
    point = FactorEtfPrices.Point
    return FactorEtfPrices(
        session_dates=[day.isoformat() for day in dates],
        series=[
            FactorEtfPrices.Series(
                factor=name,
                symbol=symbol,
                points=[point(close=None if math.isnan(close) else close) for close in column],
                price_basis=_basis(basis),
            )
            for name, symbol, basis, column in zip(
                factors.names, factors.symbols, factors.price_bases, closes.T.tolist(), strict=True
            )
        ],
        inactive=[FactorEtfPrices.InactiveFactor(factor=each.name, reason=each.reason) for each in factors.inactive],
        data_version=factors.data_version,
    )


def facts_message(facts, instrument_ids):
    return BatchGetInstrumentsResponse(
        instruments=[
            Instrument(
                instrument_id=number,
                symbol=facts[number].symbol,
                kind=Instrument.Kind.Value(facts[number].kind),
                name=facts[number].name,
                exchange=facts[number].exchange,
                currency=facts[number].currency,
                sector=facts[number].sector,
                industry=facts[number].industry,
            )
            for number in instrument_ids
        ]
    )


def yields_message(yields, start_date):
    rows = zip(yields.dates, yields.yields.tolist(), strict=True)
    tenor_yield = YieldCurve.TenorYield
    return GetYieldCurveResponse(
        available=bool(yields.dates),
        reason="" if yields.dates else "no_yields",
        curves=[
            YieldCurve(
                curve_date=day.isoformat(),
                yields=[
                    tenor_yield(tenor=tenor, **{"yield": value})
                    for tenor, value in zip(yields.tenors, row, strict=True)
                    if not math.isnan(value)
                ],
            )
            for day, row in rows
            if day.isoformat() >= start_date
        ],
        data_version=yields.data_version,
    )
