"""The volatility of options: from the best that tells it, and what that was.

In this order: the price that an option is marked at, its own quote of the last sessions, the contract that is quoted
next to it, and how much its underlying moved. What a price implies is worked out here, with the same rates and
dividends as everything else; what a vendor states counts where no price can be used.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from services.marketdata.domain.bars import Prices
from services.marketdata.domain.curves import Curve
from services.marketdata.domain.instruments import Contract
from services.marketdata.domain.marks import MarkSource, VolatilitySource
from services.marketdata.domain.option_pricing import DAYS_A_YEAR, Terms, are_american, sides
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sightings import OptionQuote, Sighting
from services.marketdata.domain.underlyings import Underlyings

QUOTE_SESSIONS = 5
"""A price of the contract older than this says nothing of its volatility any more."""


@dataclass(frozen=True, slots=True)
class LiveOption:
    """An option that has not expired, on an underlying whose price is known."""

    instrument_id: int
    currency: str
    contract: Contract
    close: Sighting | None
    """Its own newest close."""
    spot: Sighting


@dataclass(frozen=True, slots=True)
class OptionMarket:
    """What is known of the market that options are valued in."""

    day: date
    underlyings: Underlyings
    own_quotes: Mapping[int, OptionQuote]
    """By option: the newest of the last sessions."""
    quotes_beside: Mapping[int, OptionQuote]
    """By option: that of the contract which is quoted next to it."""
    curve: Curve | None
    """None: the rate is assumed."""
    assumed_rate: float


class Seen(NamedTuple):
    """What an option was traded or quoted at on the day."""

    price: float
    day: date
    source: MarkSource
    price_basis: PriceBasis
    data_version: int


class Told(NamedTuple):
    """A price, or a statement, that tells the volatility of an option."""

    option: int
    """Place among the options."""
    source: VolatilitySource
    contract: Contract
    """Whose price it is."""
    session_date: date
    price: float
    """NaN: there is none that could be used."""
    stated: float
    """NaN: it does not state a volatility."""
    data_version: int


class Volatility(NamedTuple):
    """The volatility of an option, and what told it."""

    value: float
    source: VolatilitySource
    data_version: int


def volatilities(options: Sequence[LiveOption], seen: Sequence[Seen | None], market: OptionMarket) -> list[Volatility]:
    """Give the volatility of each option by whatever tells it best; NaN where nothing does."""
    told = list(_told(options, seen, market))
    found: dict[int, Volatility] = {}
    for one, implied in zip(told, _implied(told, options, market).tolist(), strict=True):
        value = one.stated if math.isnan(implied) else implied
        if not math.isnan(value):
            found.setdefault(one.option, Volatility(value, one.source, one.data_version))
    return [found.get(place) or _realised(option, market) for place, option in enumerate(options)]


def terms_of(contracts: Sequence[Contract], spots: Prices, days: Sequence[date], market: OptionMarket) -> Terms:
    """Give the terms of contracts at some spots on some days."""
    years = np.array(
        [(contract.expiry - day).days / DAYS_A_YEAR for contract, day in zip(contracts, days, strict=True)]
    )
    paid = np.array([market.underlyings.cash_paid_by(contract.underlying_instrument_id) for contract in contracts])
    return Terms(
        spot=spots,
        strike=np.array([contract.strike for contract in contracts]),
        years_to_expiry=years,
        rate=market.curve.rates(years) if market.curve else np.full(len(contracts), market.assumed_rate),
        dividend_yield=np.nan_to_num(np.log1p(paid / spots), nan=0.0),
        right=sides(contracts),
        american=are_american(contracts),
    )


def _told(options: Sequence[LiveOption], seen: Sequence[Seen | None], market: OptionMarket) -> Iterator[Told]:
    """Give what tells volatilities, for each option in the order in which it is believed."""
    for place, (option, now) in enumerate(zip(options, seen, strict=True)):
        if now:
            traded = now.price, now.day, now.price_basis, now.data_version
            yield _told_by_price(place, VolatilitySource.PRICE, option.contract, *traded)
        elif (close := option.close) and close.age_sessions <= QUOTE_SESSIONS:
            traded = close.price, close.price_date, close.price_basis, close.data_version
            yield _told_by_price(place, VolatilitySource.QUOTE, option.contract, *traded)
        if own := market.own_quotes.get(option.instrument_id):
            yield _told_by_quote(place, VolatilitySource.QUOTE, own)
        if beside := market.quotes_beside.get(option.instrument_id):
            yield _told_by_quote(place, VolatilitySource.CHAIN, beside)


def _told_by_price(
    place: int,
    source: VolatilitySource,
    contract: Contract,
    price: float,
    day: date,
    price_basis: PriceBasis,
    data_version: int,
) -> Told:
    return Told(place, source, contract, day, _if_raw(price, price_basis), math.nan, data_version)


def _told_by_quote(place: int, source: VolatilitySource, quote: OptionQuote) -> Told:
    price = math.nan if quote.mid is None else quote.mid
    stated = math.nan if quote.implied_volatility is None else quote.implied_volatility
    return Told(place, source, quote.contract, quote.session_date, price, stated, quote.data_version)


def _implied(told: Sequence[Told], options: Sequence[LiveOption], market: OptionMarket) -> Prices:
    """Give the volatilities that prices imply; NaN where there is no usable price, or no solution."""
    implied = np.full(len(told), np.nan)
    prices = np.array([one.price for one in told])
    spots = np.array([_spot_of(one, options[one.option], market) for one in told])
    usable = np.flatnonzero(~np.isnan(prices + spots))
    if len(usable):
        chosen = [told[place] for place in usable.tolist()]
        days = [one.session_date for one in chosen]
        terms = terms_of([one.contract for one in chosen], spots[usable], days, market)
        implied[usable] = terms.implied(prices[usable])
    return implied


def _spot_of(told: Told, option: LiveOption, market: OptionMarket) -> float:
    """Give what the underlying was quoted at when the price was made; NaN if no raw price of that day is known."""
    if told.session_date == option.spot.price_date:
        return _if_raw(option.spot.price, option.spot.price_basis)
    return market.underlyings.raw_close(option.contract.underlying_instrument_id, told.session_date)


def _if_raw(price: float, basis: PriceBasis) -> float:
    """Give a price if it was quoted so: against an adjusted one, what is implied would be wrong."""
    return price if basis is PriceBasis.RAW else math.nan


def _realised(option: LiveOption, market: OptionMarket) -> Volatility:
    underlying_id = option.contract.underlying_instrument_id
    value = market.underlyings.volatility_of(underlying_id)
    return Volatility(value, VolatilitySource.REALISED, market.underlyings.data_version_of(underlying_id))
