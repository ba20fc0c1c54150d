"""What Financial Modeling Prep writes, read into our values.

Its documents: site.financialmodelingprep.com/developer/docs/stable.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

import numpy as np

from services.marketdata.clients.vendors.actions import between, unrepeated
from services.marketdata.clients.vendors.asking import Answer
from services.marketdata.clients.vendors.classification import gics_sector, market_code
from services.marketdata.clients.vendors.columns import BarRow, bar_series, in_order
from services.marketdata.clients.vendors.failure import FetchFailed
from services.marketdata.clients.vendors.rows import (
    BadField,
    Row,
    RowReader,
    currency,
    iso_day,
    moment,
    number,
    number_or_nan,
    number_or_none,
    text,
    whole,
)
from services.marketdata.domain.bars import BarSeries
from services.marketdata.domain.corporate_actions import ActionKind, CorporateAction
from services.marketdata.domain.fetched import Reason, RowKind
from services.marketdata.domain.instruments import Kind, Listing
from services.marketdata.domain.observations import FxSeries, ObservedQuote
from services.marketdata.domain.prices import PriceBasis

NAME = "fmp"
SECOND = 1.0
COMPLAINT = "Error Message"
LIMIT = "Limit Reach"
EXCHANGES = {"INDEX": Kind.INDEX, "CRYPTO": Kind.CRYPTO}
"""Where all is of one kind."""


def rows(answer: object) -> list[object]:
    """Give the rows of an answer: a bare list. Some complaints come with status 200, as an object.

    Raises:
        FetchFailed: it is a complaint, or nothing that the documents know.
    """
    if isinstance(answer, list):
        return answer
    complaint = answer.get(COMPLAINT) if isinstance(answer, dict) else None
    if not isinstance(complaint, str):
        raise FetchFailed(Reason.MALFORMED, f"the answer is a {type(answer).__name__}, no list")
    if LIMIT.lower() in complaint.lower():
        raise FetchFailed(Reason.RATE_LIMITED, "the plan's limit is reached")
    raise FetchFailed(Reason.REFUSED, "the answer is a complaint")


def bars(symbol: str, found: Sequence[object]) -> Answer[BarSeries]:
    """Read prices not adjusted for splits. The fields are called adjusted all the same; they are as traded."""
    reader = RowReader(NAME, RowKind.BAR, symbol)
    values = reader.read(found, _day, _bar)
    return Answer(bar_series(symbol, values, PriceBasis.RAW), reader.rejected)


def _day(row: Row) -> date:
    return iso_day(row, "date")


def _bar(row: Row, day: date) -> BarRow:
    opened, high, low = (number_or_nan(row, name) for name in ("adjOpen", "adjHigh", "adjLow"))
    return day, opened, high, low, number(row, "adjClose"), number_or_nan(row, "volume")


def fx(pair: str, found: Sequence[object]) -> Answer[FxSeries]:
    """Read the days of a currency pair."""
    reader = RowReader(NAME, RowKind.FX, pair)
    days = reader.read(found, _day, lambda row, day: (day, number(row, "close")))
    if not days:
        return Answer(None, reader.rejected)
    ordered, rates = in_order([day for day, _ in days], np.array([rate for _, rate in days]))
    return Answer(FxSeries(pair[:3], pair[3:], ordered, rates), reader.rejected)


def corporate_actions(
    symbol: str, splits: Sequence[object], dividends: Sequence[object], days: tuple[date, date]
) -> Answer[Sequence[CorporateAction]]:
    """Read splits and dividends. Of a dividend `dividend` is what was paid; `adjDividend` knows later splits."""
    reader = RowReader(NAME, RowKind.CORPORATE_ACTION, symbol)
    actions = reader.read(unrepeated(splits), _day, partial(_split, symbol))
    actions += reader.read(unrepeated(dividends), _day, partial(_dividend, symbol))
    return Answer(between(actions, *days), reader.rejected)


def _split(symbol: str, row: Row, day: date) -> CorporateAction:
    new, old = number(row, "numerator"), number(row, "denominator")
    if old <= 0 or new <= 0:
        raise BadField("denominator" if old <= 0 else "numerator", min(old, new), "not_positive")
    return CorporateAction(symbol, day, ActionKind.SPLIT, new / old)


def _dividend(symbol: str, row: Row, day: date) -> CorporateAction:
    return CorporateAction(symbol, day, ActionKind.DIVIDEND, number(row, "dividend"))


def quote(symbol: str, found: Sequence[object], today: date) -> Answer[ObservedQuote]:
    """Read a quote."""
    reader = RowReader(NAME, RowKind.QUOTE, symbol)
    quotes = reader.read(found[:1], lambda _: today, partial(_quote, symbol))
    return Answer(quotes[0] if quotes else None, reader.rejected)


def _quote(symbol: str, row: Row, _: date) -> ObservedQuote:
    return ObservedQuote(
        symbol, number(row, "price"), number_or_none(row, "previousClose"), moment(row, "timestamp", SECOND)
    )


def listing(symbol: str, found: Sequence[object]) -> Listing:
    """Read a profile. The sector of a fund is that of its manager, a financial company, and is left."""
    with whole():
        row = _first(found)
        if not text(row, "symbol"):
            raise BadField("symbol", None, "missing")
        kind = _kind(row)
        is_company = kind is Kind.STOCK
        return Listing(
            symbol=symbol,
            kind=kind,
            name=text(row, "companyName"),
            exchange=market_code(text(row, "exchange")),
            currency=currency(row, "currency"),
            sector=gics_sector(text(row, "sector")) if is_company else "",
            industry=text(row, "industry") if is_company else "",
            multiplier=1.0,
        )


def _kind(row: Row) -> Kind:
    if row.get("isEtf") is True:
        return Kind.ETF
    if row.get("isFund") is True:
        return Kind.FUND
    return EXCHANGES.get(text(row, "exchange").upper(), Kind.STOCK)


def _first(found: Sequence[object]) -> Mapping[str, object]:
    if not isinstance(found[0], dict):
        raise BadField("profile", found[0], "not_an_object")
    return found[0]
