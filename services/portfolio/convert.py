"""From the domain to the contract, where the two differ."""

import datetime
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.portfolio.v1 import (
    cash_movement_pb2,
    cash_service_pb2,
    change_pb2,
    import_pb2,
    label_pb2,
    portfolio_pb2,
    portfolio_service_pb2,
    position_pb2,
    position_service_pb2,
)
from services.portfolio.domain.book import Book, CashBalance, CashMovement, OptionTerms, Position
from services.portfolio.domain.change import Change
from services.portfolio.domain.import_record import Report
from services.portfolio.domain.imported import Import
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.label import Label
from services.portfolio.domain.listing import Group
from services.portfolio.domain.portfolio import Portfolio

SHOWN = 100


def timestamp(time: datetime.datetime) -> Timestamp:
    """Give a point in time as the contract writes it."""
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def day_text(day: datetime.date | None) -> str:
    """Give a day as the contract writes it; None is empty."""
    return day.isoformat() if day else ""


def portfolio(found: Portfolio) -> portfolio_pb2.Portfolio:
    """Render a portfolio."""
    return portfolio_pb2.Portfolio(
        portfolio_id=found.portfolio_id,
        name=found.name,
        base_currency=found.base_currency,
        benchmark=found.benchmark,
        start_date=day_text(found.start_date),
        end_date=day_text(found.end_date),
        revision=found.revision,
        position_count=found.position_count,
        created_time=timestamp(found.created_time),
        updated_time=timestamp(found.updated_time),
    )


def position(found: Position) -> position_pb2.Position:
    """Render a position."""
    return position_pb2.Position(
        position_id=found.position_id,
        symbol=found.symbol,
        instrument_id=found.instrument_id,
        position_type=position_pb2.Position.Type.Value(found.type_name),
        quantity=float(found.quantity),
        entry_price=float(found.entry_price),
        entry_date=day_text(found.entry_date),
        exit_date=day_text(found.exit_date),
        exit_price=None if found.exit_price is None else float(found.exit_price),
        tags=found.tags,
        currency=found.currency,
        multiplier=found.multiplier,
        option=_option(found.option) if found.option else None,
        strategy=found.strategy,
        portfolio_id=found.portfolio_id,
        revision=found.revision,
        realized_pnl=None if found.realized_pnl is None else float(found.realized_pnl),
    )


def _option(terms: OptionTerms) -> position_pb2.OptionTerms:
    return position_pb2.OptionTerms(
        underlying_symbol=terms.underlying_symbol,
        underlying_instrument_id=terms.underlying_instrument_id,
        expiry_date=day_text(terms.expiry_date),
        right=terms.right,
        strike=terms.strike,
        style=position_pb2.OptionTerms.Style.Value(terms.style or "STYLE_UNSPECIFIED"),
    )


def position_group(group: Group) -> position_service_pb2.PositionGroup:
    """Render positions that have something in common."""
    return position_service_pb2.PositionGroup(
        key=group.key, position_count=len(group.position_ids), position_ids=group.position_ids
    )


def label(found: Label) -> label_pb2.Label:
    """Render a tag or a strategy."""
    return label_pb2.Label(
        label_id=found.label_id,
        name=found.name,
        description=found.description,
        position_count=found.position_count,
        created_time=timestamp(found.created_time),
    )


def change(found: Change) -> change_pb2.Change:
    """Render a line of the change log."""
    return change_pb2.Change(
        change_id=str(found.change_id),
        change_time=timestamp(found.change_time),
        actor_id=found.actor_id,
        reason=found.reason,
        portfolio_id=found.portfolio_id,
        portfolio_revision=found.revision,
        subject=change_pb2.Change.Subject.Value(found.subject),
        subject_id=found.subject_id,
        subject_name=found.subject_name,
        action=change_pb2.Change.Action.Value(found.action),
        fields=[
            change_pb2.Change.FieldChange(field=f.field, old_value=f.old_value, new_value=f.new_value)
            for f in found.fields
        ],
    )


def cash(balance: CashBalance) -> position_pb2.CashBalance:
    """Render a cash balance."""
    return position_pb2.CashBalance(
        currency=balance.currency, amount=float(balance.amount), balance_date=day_text(balance.balance_date)
    )


def cash_balances(found: Portfolio, balances: Iterable[CashBalance]) -> cash_service_pb2.CashBalances:
    """Render the cash of a portfolio."""
    return cash_service_pb2.CashBalances(
        portfolio_id=found.portfolio_id, portfolio_revision=found.revision, balances=map(cash, balances)
    )


def cash_movement(found: CashMovement) -> cash_movement_pb2.CashMovement:
    """Render a movement of cash."""
    return cash_movement_pb2.CashMovement(
        movement_id=found.movement_id,
        portfolio_id=found.portfolio_id,
        kind=cash_movement_pb2.CashMovement.Kind.Value(found.kind),
        currency=found.currency,
        amount=float(found.amount),
        movement_date=day_text(found.movement_date),
        symbol=found.symbol,
        note=found.note,
        revision=found.revision,
    )


def book(found: Portfolio, contents: Book) -> portfolio_service_pb2.Book:
    """Render a book for risk."""
    return portfolio_service_pb2.Book(
        portfolio=portfolio(found),
        revision=found.revision,
        positions=map(position, contents.positions),
        closed_positions=map(position, contents.closed_positions),
        cash=map(cash, contents.cash),
        cash_reason=contents.cash_reason,
        cash_movements=map(cash_movement, contents.movements),
    )


def upload(saved: Portfolio | None, read: Import) -> portfolio_service_pb2.UploadPortfolioResponse:
    """Render what became of positions that were imported at once, and are not remembered as an import."""
    report = import_report(read.row_count, len(read.positions), len(read.cash), Report(read.errors, read.warnings))
    return portfolio_service_pb2.UploadPortfolioResponse(portfolio=portfolio(saved) if saved else None, report=report)


def import_report(
    row_count: int, positions_saved_count: int, cash_saved_count: int, report: Report
) -> import_pb2.ImportReport:
    """Render what became of a file."""
    return import_pb2.ImportReport(
        row_count=row_count,
        positions_saved_count=positions_saved_count,
        cash_saved_count=cash_saved_count,
        errors=map(_issue, report.errors),
        warnings=map(_issue, report.warnings),
    )


def _issue(issue: Issue) -> import_pb2.RowIssue:
    return import_pb2.RowIssue(
        line=issue.line, field=issue.field, value=issue.value[:SHOWN], reason=issue.reason, message=issue.message
    )
