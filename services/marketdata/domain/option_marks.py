"""Options marked: at what they were traded or quoted at that day, else at what a model makes of their underlying.

All options of a request are valued together, and none depends on which others there are.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from services.marketdata.domain.instruments import Contract, Right
from services.marketdata.domain.marks import (
    NO_UNDERLYING_PRICE,
    NO_VOLATILITY,
    DividendSource,
    Mark,
    MarkSource,
    PricedWith,
    RateSource,
)
from services.marketdata.domain.option_pricing import Terms
from services.marketdata.domain.option_volatility import (
    LiveOption,
    OptionMarket,
    Seen,
    Volatility,
    terms_of,
    volatilities,
)
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sightings import OptionQuote, Priced, Sighting


def option_marks(options: Sequence[LiveOption], market: OptionMarket) -> list[Mark]:
    """Mark options that have not expired, in the order given."""
    spots = np.array([option.spot.price for option in options])
    terms = terms_of([option.contract for option in options], spots, [market.day] * len(options), market)
    seen = [seen_on(market.day, option.close, market.own_quotes.get(option.instrument_id)) for option in options]
    told = volatilities(options, seen, market)
    priced_with = _priced_with(options, told, terms, market)
    modelled = terms.prices(np.array([one.value for one in told])).tolist()
    return [
        _mark(option, now, price, used, max(_versions(option, volatility, market)))
        for option, now, price, used, volatility in zip(options, seen, modelled, priced_with, told, strict=True)
    ]


def mark_without_spot(option: Priced, day: date, quote: OptionQuote | None) -> Mark:
    """Mark an option on an underlying whose price is not known, so that no model can."""
    mark = Mark(option.instrument_id, option.currency, contract=option.contract)
    seen = seen_on(day, option.own, quote)
    return _at(seen, mark) if seen else replace(mark, reason=NO_UNDERLYING_PRICE)


def expired_mark(option: Priced, contract: Contract) -> Mark:
    """Mark an option that has expired: it is worth what exercising it at its last close was."""
    mark = Mark(option.instrument_id, option.currency, contract=contract, expired=True)
    if (spot := option.underlying) is None:
        return replace(mark, reason=NO_UNDERLYING_PRICE)
    gain = spot.price - contract.strike if contract.right is Right.CALL else contract.strike - spot.price
    return replace(
        mark,
        price=max(0.0, gain),
        price_date=spot.price_date,
        age_sessions=spot.age_sessions,
        price_basis=spot.price_basis,
        source=MarkSource.CLOSE,
        data_version=spot.data_version,
        underlying_price=spot.price,
    )


def seen_on(day: date, close: Sighting | None, quote: OptionQuote | None) -> Seen | None:
    """Give what an option was traded at on a day, else quoted at. None: neither is known."""
    if close and close.price_date == day:
        return Seen(close.price, day, close.source, close.price_basis, close.data_version)
    if quote and quote.session_date == day and quote.price is not None:
        return Seen(quote.price, day, MarkSource.QUOTE, PriceBasis.RAW, quote.data_version)
    return None


def _priced_with(
    options: Sequence[LiveOption], told: Sequence[Volatility], terms: Terms, market: OptionMarket
) -> list[PricedWith | None]:
    rate_source = RateSource.TREASURY if market.curve else RateSource.ASSUMED
    rows = zip(options, told, terms.rate.tolist(), terms.dividend_yield.tolist(), strict=True)
    return [
        None
        if math.isnan(volatility.value)
        else PricedWith(
            volatility=volatility.value,
            volatility_source=volatility.source,
            rate=rate,
            rate_source=rate_source,
            dividend_yield=dividend_yield,
            dividend_yield_source=DividendSource.DIVIDENDS if _pays(option, market) else DividendSource.ASSUMED_ZERO,
        )
        for option, volatility, rate, dividend_yield in rows
    ]


def _mark(
    option: LiveOption, seen: Seen | None, modelled: float, priced_with: PricedWith | None, data_version: int
) -> Mark:
    mark = Mark(
        option.instrument_id,
        option.currency,
        contract=option.contract,
        underlying_price=option.spot.price,
        priced_with=priced_with,
    )
    if seen:
        return _at(seen, mark)
    if priced_with is None:
        return replace(mark, reason=NO_VOLATILITY)
    return replace(
        mark,
        price=modelled,
        price_date=option.spot.price_date,
        age_sessions=option.spot.age_sessions,
        price_basis=option.spot.price_basis,
        source=MarkSource.MODEL,
        data_version=data_version,
    )


def _at(seen: Seen, mark: Mark) -> Mark:
    return replace(
        mark,
        price=seen.price,
        price_date=seen.day,
        price_basis=seen.price_basis,
        source=seen.source,
        data_version=seen.data_version,
    )


def _versions(option: LiveOption, volatility: Volatility, market: OptionMarket) -> Iterator[int]:
    """Give the versions of all that a model of an option uses."""
    yield option.spot.data_version
    yield volatility.data_version
    if market.curve:
        yield market.curve.data_version
    if _pays(option, market):
        yield market.underlyings.data_version_of(option.contract.underlying_instrument_id)


def _pays(option: LiveOption, market: OptionMarket) -> bool:
    """Whether it is known what the underlying paid."""
    return not math.isnan(market.underlyings.cash_paid_by(option.contract.underlying_instrument_id))
