"""Which yields, rates, quotes, options and corporate actions are fit to be stored, and why the others are not."""

import math
from datetime import date, datetime, timedelta

import numpy as np

from services.marketdata.domain import checks
from services.marketdata.domain.bars import BarSeries, Days, Prices
from services.marketdata.domain.checks import KnownClose, Reasons
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.observations import FxSeries, ObservedOption, ObservedQuote, YieldSeries
from services.marketdata.domain.prices import PriceBasis

IMPLAUSIBLE_YIELD = "implausible_yield"
IMPLAUSIBLE_SPLIT = "implausible_split"
IMPLAUSIBLE_VOLATILITY = "implausible_volatility"
BID_ABOVE_ASK = "bid_above_ask"
EXPIRED = "expired"
LEAST_YIELD, MOST_YIELD = -0.05, 0.30
"""Beyond what any Treasury yield has been; in per cent instead of decimals most would lie outside."""
MOST_SPLIT = 10_000.0
MOST_VOLATILITY = 20.0
CLOCKS_APART = timedelta(minutes=5)
"""How far a vendor's clock may be ahead of ours."""


def check_yields(series: YieldSeries, today: date) -> Reasons:
    """Check the yields of one tenor, which are in order of days."""
    reasons = _dated(series.days, series.yields, today)
    with np.errstate(invalid="ignore"):
        outside = ~((series.yields > LEAST_YIELD) & (series.yields < MOST_YIELD))
    reasons[outside & (reasons == "")] = IMPLAUSIBLE_YIELD
    return reasons


def check_fx(series: FxSeries, today: date, known: KnownClose | None = None) -> Reasons:
    """Check the rates of one pair, which are in order of days, as closes that no split can explain.

    Args:
        series: in order of days.
        today: no rate can be of a later day.
        known: a rate that is believed. None: the longest run of rates without a jump is.
    """
    unknown = np.full(len(series.days), np.nan)
    pair = series.base_currency + series.quote_currency
    bars = BarSeries(
        pair, series.days, series.rates, PriceBasis.RAW, open=unknown, high=unknown, low=unknown, volume=unknown
    )
    return checks.check_bars(bars, today, known=known)


def _dated(days: Days, values: Prices, today: date) -> Reasons:
    reasons = np.full(len(days), "", dtype="U24")
    reasons[~np.isfinite(values)] = checks.NOT_A_NUMBER
    reasons[(days > np.datetime64(today, "D")) & (reasons == "")] = checks.FUTURE_DATE
    again = (days[1:] == days[:-1]) & (values[1:] == values[:-1])
    reasons[np.concatenate([np.zeros(min(1, len(days)), dtype=np.bool_), again]) & (reasons == "")] = (
        checks.DUPLICATE_DATE
    )
    reasons[checks.contradicted(days, reasons)] = checks.CONTRADICTORY_DATE
    return reasons


def action_flaw(action: CorporateAction) -> str:
    """Say what is wrong with a corporate action, or nothing. It may lie ahead: they are announced."""
    if not math.isfinite(action.value):
        return checks.NOT_A_NUMBER
    if action.value <= 0:
        return checks.NOT_POSITIVE
    if action.kind is ActionKind.SPLIT and not 1 / MOST_SPLIT <= action.value <= MOST_SPLIT:
        return IMPLAUSIBLE_SPLIT
    return ""


def quote_flaw(quote: ObservedQuote, now: datetime, last_close: float | None) -> str:
    """Say what is wrong with a quote, or nothing.

    Args:
        quote: the quote.
        now: no quote can be much later.
        last_close: the newest close, per share as it is now. None: it is not known.
    """
    prices = [price for price in (quote.last, quote.previous_close, quote.bid, quote.ask) if price is not None]
    if not _finite(*prices):
        return checks.NOT_A_NUMBER
    if min(prices) <= 0:
        return checks.NOT_POSITIVE
    if min(prices) < checks.LEAST_PRICE or max(prices) > checks.MOST_PRICE:
        return checks.IMPLAUSIBLE_PRICE
    if quote.bid is not None and quote.ask is not None and quote.bid > quote.ask:
        return BID_ABOVE_ASK
    if quote.quote_time > now + CLOCKS_APART:
        return checks.FUTURE_DATE
    if last_close is not None and not checks.plausible(quote.last, last_close):
        return checks.JUMP_WITHOUT_SPLIT
    return ""


def option_flaw(option: ObservedOption, now: datetime) -> str:
    """Say what is wrong with a contract of a chain, or nothing. A bid or last price of 0 is known and fit."""
    prices = (option.bid, option.ask, option.last, option.open_interest)
    if not _finite(*prices, option.implied_volatility):
        return checks.NOT_A_NUMBER
    if any(price is not None and price < 0 for price in prices):
        return checks.NOT_POSITIVE
    if option.implied_volatility is not None and not 0 < option.implied_volatility <= MOST_VOLATILITY:
        return IMPLAUSIBLE_VOLATILITY
    if option.bid is not None and option.ask is not None and option.ask > 0 and option.bid > option.ask:
        return BID_ABOVE_ASK
    if option.terms.expiry < now.date() - timedelta(days=1):
        return EXPIRED
    if option.quote_time is not None and option.quote_time > now + CLOCKS_APART:
        return checks.FUTURE_DATE
    return ""


def _finite(*values: float | None) -> bool:
    return all(value is None or math.isfinite(value) for value in values)
