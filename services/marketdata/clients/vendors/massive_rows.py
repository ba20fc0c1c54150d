"""What Massive (Polygon until October 2025) writes, read into our values. Its documents: massive.com/docs/rest."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial

import numpy as np

from services.marketdata.clients.vendors.actions import between, unrepeated
from services.marketdata.clients.vendors.asking import Answer
from services.marketdata.clients.vendors.columns import BarRow, bar_series, in_order
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.clients.vendors.rows import (
    MILLISECOND,
    NANOSECOND,
    BadField,
    Row,
    RowReader,
    currency,
    iso_day,
    moment,
    number,
    number_or_nan,
    number_or_none,
    part,
    text,
    whole,
)
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.fetched import Reason, RowKind
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.observations import FxSeries, ObservedOption, ObservedQuote, OptionChain
from services.marketdata.domain.occ import MULTIPLIER, ImpossibleTerms, OptionTerms, canonical, parse
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.row_json import shown

NAME = "massive"
CURRENCY = "USD"
"""What everything on Massive is priced in; a dividend may be paid in another currency."""
KINDS = dict.fromkeys(("ETF", "ETV", "ETN", "ETS"), Kind.ETF) | {"FUND": Kind.FUND}
"""Types of ticker that are no shares of a company: funds, and notes traded like them."""
MARKETS = {"indices": Kind.INDEX, "crypto": Kind.CRYPTO}
"""Markets where all is of one kind."""
RIGHTS = {"call": "C", "put": "P"}
ANSWERED = ("OK", "DELAYED")
"""What `status` says of an answer; the second is that of a plan without the newest prices."""


def answered(page: object) -> Row:
    """Give a page that is an answer: a history without bars has no rows at all, so a complaint would look like one.

    Raises:
        FetchFailed: it is none.
    """
    if not isinstance(page, dict):
        raise FetchFailed(Reason.MALFORMED, f"the answer is a {type(page).__name__}, no object")
    if page.get("status") not in ANSWERED:
        raise FetchFailed(Reason.MALFORMED, f"the status of the answer is {shown(page.get('status'))}")
    return page


def bars(symbol: str, rows: Sequence[object]) -> Answer[BarSeries]:
    """Read aggregates of days; `t` is the first millisecond of the day in New York, in UTC the same day."""
    reader = RowReader(NAME, RowKind.BAR, symbol)
    values = reader.read(rows, lambda row: moment(row, "t", MILLISECOND).date(), _bar)
    return Answer(bar_series(symbol, values, PriceBasis.RAW), reader.rejected)


def _bar(row: Row, day: date) -> BarRow:
    opened, high, low = (number_or_nan(row, name) for name in "ohl")
    return day, opened, high, low, number(row, "c"), number_or_nan(row, "v")


def fx(pair: str, rows: Sequence[object]) -> Answer[FxSeries]:
    """Read aggregates of days of a currency pair."""
    reader = RowReader(NAME, RowKind.FX, pair)
    days = reader.read(rows, lambda row: moment(row, "t", MILLISECOND).date(), lambda row, day: (day, number(row, "c")))
    if not days:
        return Answer(None, reader.rejected)
    ordered, rates = in_order([day for day, _ in days], np.array([rate for _, rate in days]))
    return Answer(FxSeries(pair[:3], pair[3:], ordered, rates), reader.rejected)


def corporate_actions(
    symbols: Mapping[str, str], splits: Sequence[object], dividends: Sequence[object], days: tuple[date, date]
) -> dict[str, Answer[Sequence[CorporateAction]]]:
    """Read splits and dividends of several symbols.

    Args:
        symbols: ours, by ticker.
        splits: rows of any of the tickers.
        dividends: rows of any of the tickers.
        days: the first and the last that were asked for.
    """
    answers = {}
    splits_of, dividends_of = _by_ticker(unrepeated(splits)), _by_ticker(unrepeated(dividends))
    for ticker, symbol in symbols.items():
        reader = RowReader(NAME, RowKind.CORPORATE_ACTION, symbol)
        actions = reader.read(
            splits_of.get(ticker, ()), lambda row: iso_day(row, "execution_date"), partial(_split, symbol)
        )
        actions += reader.read(
            dividends_of.get(ticker, ()), lambda row: iso_day(row, "ex_dividend_date"), partial(_dividend, symbol)
        )
        answers[symbol] = Answer(between(actions, *days), reader.rejected)
    return answers


def _by_ticker(rows: Sequence[object]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("ticker"), str):
            raise FetchFailed(Reason.MALFORMED, "a row names no ticker")
        grouped.setdefault(row["ticker"], []).append(row)
    return grouped


def _split(symbol: str, row: Row, day: date) -> CorporateAction:
    """Read a split: `split_from` old shares became `split_to` new ones."""
    old, new = number(row, "split_from"), number(row, "split_to")
    if old <= 0 or new <= 0:
        raise BadField("split_from" if old <= 0 else "split_to", min(old, new), "not_positive")
    return CorporateAction(symbol, day, ActionKind.SPLIT, new / old)


def _dividend(symbol: str, row: Row, day: date) -> CorporateAction:
    """Read a dividend, in the money and per the share of its day."""
    if (currency := text(row, "currency").upper()) not in ("", CURRENCY):
        raise BadField("currency", currency, "other_currency")
    return CorporateAction(symbol, day, ActionKind.DIVIDEND, number(row, "cash_amount"))


def snapshots(symbols: Mapping[str, str], rows: Sequence[object], today: date) -> dict[str, Answer[ObservedQuote]]:
    """Read snapshots of several symbols, which are given by ticker; one that is not there is unknown to Massive."""
    answers = {}
    for ticker, found in _by_ticker(rows).items():
        if ticker in symbols:
            reader = RowReader(NAME, RowKind.QUOTE, symbols[ticker])
            quotes = reader.read(found[:1], lambda _: today, partial(_snapshot, symbols[ticker]))
            answers[symbols[ticker]] = Answer(next(filter(None, quotes), None), reader.rejected)
    return answers


def _snapshot(symbol: str, row: Row, _: date) -> ObservedQuote | None:
    """Read the newest price of a snapshot: the last trade, else the last minute, else the day. None: all are empty.

    In the night a snapshot holds zeros, and a plan without trades has no `lastTrade`.
    """
    trade, minute, day = part(row, "lastTrade"), part(row, "min"), part(row, "day")
    candidates = ((trade, "p", trade, "t", NANOSECOND), (minute, "c", minute, "t", MILLISECOND))
    for prices, price, times, time, unit in (*candidates, (day, "c", row, "updated", NANOSECOND)):
        last = number_or_none(prices, price)
        if last and number_or_none(times, time):
            previous, quote = number_or_none(part(row, "prevDay"), "c"), part(row, "lastQuote")
            bid, ask = number_or_none(quote, "p") or None, number_or_none(quote, "P") or None
            return ObservedQuote(symbol, last, previous or None, moment(times, time, unit), bid, ask)
    return None


def previous_bar(symbol: str, rows: Sequence[object]) -> Answer[ObservedQuote]:
    """Read the bar of the session before as a quote; its `t` is the close."""
    reader = RowReader(NAME, RowKind.QUOTE, symbol)
    quotes = reader.read(
        rows[:1],
        lambda row: moment(row, "t", MILLISECOND).date(),
        lambda row, _: ObservedQuote(symbol, number(row, "c"), None, moment(row, "t", MILLISECOND)),
    )
    return Answer(quotes[0] if quotes else None, reader.rejected)


def listing(symbol: str, page: object) -> Listing:
    """Read an overview. Massive classifies by SIC, which has no sectors; the industry is in the words of SIC."""
    with whole():
        row = part(answered(page), "results")
        if not text(row, "ticker"):
            raise BadField("results.ticker", None, "missing")
        kind = KINDS.get(text(row, "type"), Kind.STOCK)
        return Listing(
            symbol=symbol,
            kind=MARKETS.get(text(row, "market"), kind),
            name=text(row, "name"),
            exchange=text(row, "primary_exchange"),
            # Of coins the name is "United States Dollar", and the code is the symbol.
            currency=currency(row, "currency_symbol", "currency_name", default=CURRENCY),
            sector="",
            industry=text(row, "sic_description").capitalize(),
            multiplier=1.0,
        )


def chain(underlying: str, rows: Sequence[object], observed_time: datetime) -> Answer[OptionChain]:
    """Read the contracts of an underlying."""
    reader = RowReader(NAME, RowKind.OPTION_QUOTE, underlying)
    options = reader.read(rows, lambda _: observed_time.date(), _option)
    return Answer(OptionChain(underlying, observed_time, options) if options else None, reader.rejected)


def _option(row: Row, _: date) -> ObservedOption:
    """Read one contract. Its Greeks are left: ours are computed one way for all."""
    quote, trade, day = part(row, "last_quote"), part(row, "last_trade"), part(row, "day")
    last = number_or_none(trade, "price")
    return ObservedOption(
        terms=_terms(part(row, "details")),
        bid=number_or_none(quote, "bid"),
        ask=number_or_none(quote, "ask"),
        last=number_or_none(day, "close") if last is None else last,
        implied_volatility=number_or_none(row, "implied_volatility"),
        open_interest=number_or_none(row, "open_interest"),
        quote_time=_newest(quote, trade, day),
    )


def _terms(details: Row) -> OptionTerms:
    ticker = text(details, "ticker")
    try:
        terms = parse(canonical(ticker))
    except ImpossibleTerms as error:
        raise BadField("details.ticker", ticker, error.reason) from None
    if terms is None:
        raise BadField("details.ticker", ticker, "no_option_symbol")
    if number(details, "shares_per_contract") != MULTIPLIER:
        raise BadField("details.shares_per_contract", details["shares_per_contract"], "nonstandard_contract")
    said = (iso_day(details, "expiration_date"), number(details, "strike_price"), text(details, "contract_type"))
    if (said[0], said[1], RIGHTS.get(said[2])) != (terms.expiry, terms.strike, terms.right):
        raise BadField("details.ticker", ticker, "contradictory_terms")
    return terms


def _newest(quote: Row, trade: Row, day: Row) -> datetime | None:
    for holder, name in ((quote, "last_updated"), (trade, "sip_timestamp"), (day, "last_updated")):
        if number_or_none(holder, name):
            return moment(holder, name, NANOSECOND)
    return None
