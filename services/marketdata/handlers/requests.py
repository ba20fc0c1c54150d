"""Requests that say more than their fields: lists within a text, ranges, and pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from chassis.dates import parse_date, parse_optional_date
from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page, encode_page
from plimsoll.marketdata.v1 import marketdata_service_pb2 as pb
from services.marketdata.application.prices import History, HistoryRequest
from services.marketdata.convert import basis_of
from services.marketdata.domain.occ import canonical

MOST_QUOTES = 200
LONGEST_SYMBOL = 32
DEFAULT_PAGE_SIZE = 500
LONGEST_CALENDAR_YEARS = 40


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
    if last.year - first.year > LONGEST_CALENDAR_YEARS:
        rule = f"is more than {LONGEST_CALENDAR_YEARS} years after {first}"
        raise InvalidFields([Violation("end_date", str(last), rule)])
    return first, last


def _split(request: pb.GetQuotesRequest) -> Iterator[str]:
    return (symbol for text in request.symbols for part in text.split(",") if (symbol := part.strip()))


def _check_order(first: tuple[str, date], last: tuple[str, date]) -> None:
    if first[1] > last[1]:
        raise InvalidFields([Violation(last[0], str(last[1]), f"is before {first[0]} {first[1]}")])


def _token_version(request: pb.ListBarsRequest, text: str) -> int:
    if not text.isdecimal() or request.known_at_version not in (0, int(text)):
        raise InvalidFields([Violation("page_token", request.page_token, "belongs to another version")])
    return int(text)
