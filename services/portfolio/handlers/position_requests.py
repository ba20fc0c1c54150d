"""What requests about positions ask for, in the words of the domain."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, cast

from chassis.dates import parse_date, parse_optional_date
from chassis.errors import InvalidFields, InvalidRequest, Violation
from plimsoll.portfolio.v1 import position_pb2, position_service_pb2
from services.portfolio.application.position_lists import Wanted
from services.portfolio.application.positions import MOST_PROBLEMS
from services.portfolio.domain.entries import Statement
from services.portfolio.domain.imports.symbols import CASH_PREFIX, SYMBOL
from services.portfolio.domain.listing import Filter, GroupBy, Status
from services.portfolio.handlers.page_tokens import place_of
from services.portfolio.handlers.symbols import symbol_of
from services.portfolio.storage.positions import Place

DEFAULT_PAGE = 50


def decimal(number: float) -> Decimal:
    """Give a number as its shortest text says, which is what the caller wrote."""
    return Decimal(int(number)) if number.is_integer() else Decimal(repr(number))


def statements_of(stated: Mapping[str, position_service_pb2.NewPosition]) -> dict[str, Statement]:
    """Give new positions as their owner states them, each by its place in the request.

    Raises:
        InvalidFields: dates that are none of the calendar, symbols that cannot be one.
    """
    statements: dict[str, Statement] = {}
    violations: list[Violation] = []
    for field, new in stated.items():
        try:
            statements[field] = _statement(new, field)
        except InvalidFields as error:
            violations += error.violations
    if violations:
        raise InvalidFields(violations[:MOST_PROBLEMS])
    return statements


def _statement(new: position_service_pb2.NewPosition, field: str) -> Statement:
    return Statement(
        symbol=_symbol(f"{field}.symbol", new.symbol),
        entry_price=decimal(new.entry_price),
        entry_date=parse_date(f"{field}.entry_date", new.entry_date),
        quantity=decimal(new.quantity) if new.HasField("quantity") else None,
        amount=decimal(new.amount) if new.HasField("amount") else None,
        exit_date=parse_optional_date(f"{field}.exit_date", new.exit_date),
        exit_price=decimal(new.exit_price) if new.HasField("exit_price") else None,
        tags=tags_of(new.tags),
        strategy=new.strategy.strip(),
    )


def _symbol(field: str, text: str) -> str:
    """Give a symbol in the form that marketdata knows: options in their compact OCC form."""
    symbol = symbol_of(text)
    if symbol.startswith(CASH_PREFIX):
        raise InvalidFields([Violation(field, text, "is cash: state its balance instead")])
    if not SYMBOL.fullmatch(symbol):
        raise InvalidFields([Violation(field, text, "cannot be a symbol")])
    return symbol


def tags_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Give tags without blanks around them, each once, in order."""
    return tuple(dict.fromkeys(text.strip() for text in texts))


def edited_fields(request: position_service_pb2.UpdatePositionRequest) -> dict[str, Any]:
    """Give the fields that an update sends, by name.

    Raises:
        InvalidRequest: it sends none, which must be a misspelt one.
        InvalidFields: a date is none of the calendar.
    """
    sent: dict[str, Any] = {}
    for name in ("quantity", "entry_price", "exit_price"):
        if request.HasField(name):
            sent[name] = decimal(getattr(request, name))
    if request.HasField("entry_date"):
        sent["entry_date"] = parse_date("entry_date", request.entry_date)
    if request.HasField("exit_date"):
        sent["exit_date"] = parse_optional_date("exit_date", request.exit_date)
    if request.HasField("strategy"):
        sent["strategy"] = request.strategy.strip()
    if not sent:
        names = "quantity, entry_price, entry_date, exit_date, exit_price, strategy"
        raise InvalidRequest("INVALID_FIELD", f"the request changes nothing: send at least one of {names}")
    return sent


def wanted_of(request: position_service_pb2.ListPositionsRequest) -> Wanted:
    """Give what a list asks for.

    Raises:
        InvalidFields: it names a revision and no portfolio, or a page token that is none of this list.
    """
    if request.portfolio_revision and not request.portfolio_id:
        rule = "needs portfolio_id: revisions are counted by portfolio"
        raise InvalidFields([Violation("portfolio_revision", f"{request.portfolio_revision}", rule)])
    found = Filter(
        symbols=tuple(symbol.upper() for symbol in request.symbols),
        type_names=tuple(map(position_pb2.Position.Type.Name, request.position_types)),
        tags=tuple(request.tags),
        strategies=tuple(request.strategies),
        underlyings=tuple(symbol.upper() for symbol in request.underlyings),
        sectors=tuple(request.sectors),
        status=cast("Status", request.status or "open"),
    )
    return Wanted(
        portfolio_id=request.portfolio_id,
        portfolio_revision=request.portfolio_revision,
        filter=found,
        group_by=cast("GroupBy | None", request.group_by or None),
        after=_place(request.page_token),
        size=request.page_size or DEFAULT_PAGE,
    )


def _place(token: str) -> Place | None:
    place = place_of(token, ids=("portfolio_id",), counters=("ordinal",))
    return Place(place["portfolio_id"], int(place["ordinal"])) if place else None
