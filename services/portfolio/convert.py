"""From the domain to the contract, where the two differ."""

import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.portfolio.v1 import data_service_pb2, import_pb2, portfolio_pb2, portfolio_service_pb2, position_pb2
from services.portfolio.domain.book import Book, CashBalance, OptionTerms, Position
from services.portfolio.domain.imported import Import
from services.portfolio.domain.portfolio import Portfolio
from services.portfolio.domain.positions_csv import Issue
from services.portfolio.domain.valued_book import ValuedBook, ValuedPosition

ADJUSTED = "TOTAL_RETURN_ADJUSTED"
SHOWN = 100


def timestamp(time: datetime.datetime) -> Timestamp:
    """Give a point in time as the contract writes it."""
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def _date(day: datetime.date | None) -> str:
    return day.isoformat() if day else ""


def portfolio(found: Portfolio) -> portfolio_pb2.Portfolio:
    """Render a portfolio."""
    return portfolio_pb2.Portfolio(
        portfolio_id=found.portfolio_id,
        name=found.name,
        base_currency=found.base_currency,
        benchmark=found.benchmark,
        start_date=_date(found.start_date),
        end_date=_date(found.end_date),
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
        entry_date=_date(found.entry_date),
        exit_date=_date(found.exit_date),
        exit_price=None if found.exit_price is None else float(found.exit_price),
        tags=found.tags,
        currency=found.currency,
        multiplier=found.multiplier,
        option=_option(found.option) if found.option else None,
    )


def _option(terms: OptionTerms) -> position_pb2.OptionTerms:
    return position_pb2.OptionTerms(
        underlying_symbol=terms.underlying_symbol,
        underlying_instrument_id=terms.underlying_instrument_id,
        expiry_date=_date(terms.expiry_date),
        right=terms.right,
        strike=terms.strike,
    )


def cash(balance: CashBalance) -> position_pb2.CashBalance:
    """Render a cash balance."""
    return position_pb2.CashBalance(
        currency=balance.currency, amount=float(balance.amount), balance_date=_date(balance.balance_date)
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
    )


def upload(saved: Portfolio | None, read: Import) -> portfolio_service_pb2.UploadPortfolioResponse:
    """Render what became of a file."""
    report = import_pb2.ImportReport(
        row_count=read.row_count,
        positions_saved_count=len(read.positions),
        cash_saved_count=len(read.cash),
        errors=map(_issue, read.errors),
        warnings=map(_issue, read.warnings),
    )
    return portfolio_service_pb2.UploadPortfolioResponse(portfolio=portfolio(saved) if saved else None, report=report)


def _issue(issue: Issue) -> import_pb2.RowIssue:
    return import_pb2.RowIssue(
        line=issue.line, field=issue.field, value=issue.value[:SHOWN], reason=issue.reason, message=issue.message
    )


def complete(valued: ValuedBook) -> data_service_pb2.CompletePortfolio:
    """Render a valued portfolio."""
    marked = [p for p in valued.positions if p.market_value is not None]
    return data_service_pb2.CompletePortfolio(
        portfolio=portfolio(valued.portfolio),
        portfolio_revision=valued.portfolio.revision,
        as_of_date=_date(valued.session.as_of_date),
        data_version=valued.session.data_version,
        positions=map(_valued, valued.positions),
        cash=map(cash, valued.book.cash),
        cash_balance=valued.cash_balance,
        cash_reason=valued.cash_reason,
        market_value=valued.market_value,
        net_asset_value=valued.net_asset_value,
        quality=data_service_pb2.CompletePortfolio.Quality(
            valued_count=len(marked),
            unvalued_count=len(valued.positions) - len(marked),
            stale_count=sum(p.stale for p in valued.positions),
            warnings=_warnings(valued),
        ),
        last_updated=timestamp(valued.session.close_time),
    )


def _warnings(valued: ValuedBook) -> list[str]:
    if not any(p.mark.price_basis == ADJUSTED and p.mark.price is not None for p in valued.positions):
        return []
    # Word for word what risk says of the same prices, so that a report shows it once.
    return [
        "prices are adjusted for later dividends and splits (total_return_adjusted): as values of "
        f"{valued.session.as_of_date} they, and profit and loss, are approximations"
    ]


def _valued(found: ValuedPosition) -> data_service_pb2.ValuedPosition:
    return data_service_pb2.ValuedPosition(
        position=position(found.position),
        name=found.instrument.name if found.instrument else "",
        sector=found.instrument.sector if found.instrument else "",
        price=found.mark.price,
        price_date=_date(found.mark.price_date),
        price_basis=PriceBasis.Basis.Value(found.mark.price_basis),
        price_source=found.mark.source if found.mark.price is not None else "",
        stale=found.stale,
        market_value=found.market_value,
        cost_basis=found.cost_basis,
        unrealized_pnl=found.unrealized_pnl,
        reason=found.reason,
    )
