"""Requests that say more than their fields: lists within a text, ranges, and pages."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from chassis.dates import parse_date, parse_optional_date
from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page, encode_page
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from services.marketdata.application.history import History, HistoryRequest
from services.marketdata.application.matrix import MatrixRequest
from services.marketdata.convert import basis_of, kind_of
from services.marketdata.domain.factors import AssetClass
from services.marketdata.domain.instruments import Instrument, Kind
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.prices import PriceBasis

T = TypeVar("T")
MOST_QUOTES = 200
LONGEST_SYMBOL = 32
DEFAULT_PAGE_SIZE = 500
DEFAULT_SEARCH_SIZE = 50
DEFAULT_RATES = 200
DEFAULT_FACTORS = 100
DEFAULT_LOOKBACK = 150
DEFAULT_CURRENCY = "USD"
LONGEST_RANGE_YEARS = 40
LONGEST_ID = 10
"""Digits of an id."""


@dataclass(frozen=True, slots=True)
class BarPage:
    """A page of history that is asked for."""

    history: HistoryRequest
    """It asks for one bar more than the page holds, to know whether another page follows."""
    size: int

    def next_token(self, history: History) -> str:
        """Give the token of the page after this one; empty if this was the last."""
        if len(history.bars) <= self.size:
            return ""
        last = history.bars[self.size - 1].session_date
        return encode_page({"after": last.isoformat(), "version": str(history.data_version)})


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of instruments that is asked for."""

    kinds: Sequence[Kind]
    after: tuple[str, int]
    """Symbol and id of the last instrument of the page before."""
    size: int

    def next_token(self, found: Sequence[Instrument]) -> str:
        """Give the token of the page after this one, if more was found than it holds; otherwise nothing."""
        if len(found) <= self.size:
            return ""
        last = found[self.size - 1]
        return encode_page({"symbol": last.listing.symbol, "id": str(last.instrument_id)})


def page_of_instruments(request: pb.SearchInstrumentsRequest) -> SearchPage:
    """Read which page of instruments is asked for.

    Raises:
        InvalidFields: the token is not ours.
    """
    after = ("", 0)
    if token := decode_page(request.page_token, "symbol", "id"):
        if not token["id"].isdecimal() or len(token["id"]) > LONGEST_ID:
            raise InvalidFields([Violation("page_token", request.page_token, "was not given out by this list")])
        after = token["symbol"], int(token["id"])
    kinds = [kind_of(kind) for kind in request.kinds if kind]
    return SearchPage(kinds, after, request.page_size or DEFAULT_SEARCH_SIZE)


def page_of(items: Sequence[T], key: Callable[[T], str], page_token: str, size: int) -> tuple[Sequence[T], str]:
    """Cut a page out of a list that is read as a whole because it is short.

    Args:
        items: all of it.
        key: what it is in order of; different for every item.
        page_token: of the request.
        size: at most so many.

    Returns:
        The page, and the token of the next one; empty if this was the last.

    Raises:
        InvalidFields: the token is not ours.
    """
    after = decode_page(page_token, "after").get("after", "")
    rest = [item for item in items if key(item) > after]
    return rest[:size], encode_page({"after": key(rest[size - 1])}) if len(rest) > size else ""


def matrix_request(request: pb.GetPriceMatrixRequest) -> MatrixRequest:
    """Read which closes are asked for.

    Raises:
        InvalidFields: the date is none.
    """
    return MatrixRequest(
        instrument_ids=tuple(request.instrument_ids),
        day=parse_date("as_of_date", request.as_of_date),
        sessions=request.sessions,
        version=request.data_version,
        basis=basis_of(request.price_basis) or PriceBasis.TOTAL_RETURN_ADJUSTED,
    )


def asset_class(text: str) -> AssetClass:
    """Read an asset class. Empty: stocks."""
    return AssetClass(text or AssetClass.STOCKS)


def symbols_to_quote(request: pb.GetQuotesRequest) -> dict[str, str]:
    """Give the symbols as they were first asked for, by their canonical spelling.

    Raises:
        InvalidFields: there is none, or one is too long, or there are too many.
    """
    asked: dict[str, str] = {}
    for symbol in _split(request):
        if len(symbol) > LONGEST_SYMBOL:
            raise InvalidFields([Violation("symbols", symbol, f"is longer than {LONGEST_SYMBOL} characters")])
        asked.setdefault(canonical(symbol), symbol)
    if not asked:
        raise InvalidFields([Violation("symbols", ",".join(request.symbols), "names no symbol")])
    if len(asked) > MOST_QUOTES:
        raise InvalidFields([Violation("symbols", "", f"name {len(asked)} symbols; {MOST_QUOTES} are the most")])
    return asked


def page_of_bars(request: pb.ListBarsRequest) -> BarPage:
    """Read which page of which history is asked for. A later page reads at the version of the first.

    Raises:
        InvalidFields: a date is none, the range ends before it begins, or the token is not ours.
    """
    first = parse_optional_date("start_date", request.start_date)
    last = parse_optional_date("end_date", request.end_date)
    if first and last:
        _check_order(("start_date", first), ("end_date", last))
    version = request.known_at_version
    if token := decode_page(request.page_token, "after", "version"):
        first = parse_date("page_token", token["after"]) + timedelta(days=1)
        version = _token_version(request, token["version"])
    size = request.page_size or DEFAULT_PAGE_SIZE
    return BarPage(
        HistoryRequest(request.symbol, first, last, basis_of(request.price_basis), version, limit=size + 1), size
    )


def days_of_calendar(request: pb.GetTradingCalendarRequest) -> tuple[date, date]:
    """Read a range of days.

    Raises:
        InvalidFields: a date is none, or the range ends before it begins, or is too long.
    """
    first = parse_date("start_date", request.start_date)
    last = parse_date("end_date", request.end_date)
    _check_order(("start_date", first), ("end_date", last))
    _check_length(("start_date", first), ("end_date", last))
    return first, last


def days_of_curves(request: pb.GetYieldCurveRequest) -> tuple[date | None, date]:
    """Read a range of days. None: the newest curve on or before the last alone.

    Raises:
        InvalidFields: a date is none, or the range ends before it begins, or is too long.
    """
    first = parse_optional_date("start_date", request.start_date)
    last = parse_optional_date("as_of_date", request.as_of_date)
    if first and last:
        _check_order(("start_date", first), ("as_of_date", last))
        _check_length(("start_date", first), ("as_of_date", last))
    return first, last or date.max


def _split(request: pb.GetQuotesRequest) -> Iterator[str]:
    return (symbol for text in request.symbols for part in text.split(",") if (symbol := part.strip()))


def _check_order(first: tuple[str, date], last: tuple[str, date]) -> None:
    if first[1] > last[1]:
        raise InvalidFields([Violation(last[0], str(last[1]), f"is before {first[0]} {first[1]}")])


def _check_length(first: tuple[str, date], last: tuple[str, date]) -> None:
    if last[1].year - first[1].year > LONGEST_RANGE_YEARS:
        rule = f"is more than {LONGEST_RANGE_YEARS} years after {first[1]}"
        raise InvalidFields([Violation(last[0], str(last[1]), rule)])


def _token_version(request: pb.ListBarsRequest, text: str) -> int:
    if not text.isdecimal() or request.known_at_version not in (0, int(text)):
        raise InvalidFields([Violation("page_token", request.page_token, "belongs to another version")])
    return int(text)
