"""Rows of positions and of movements of cash, and what they state."""

from typing import Any

from sqlalchemy import Row

from services.portfolio.domain.book import CashMovement, OptionTerms, Position
from services.portfolio.domain.portfolio import Portfolio


def position_of(row: "Row[*tuple[Any, ...]]") -> Position:
    """Give the position that a row states."""
    option = None
    if row.strike is not None:
        option = OptionTerms(
            row.underlying_symbol,
            row.underlying_instrument_id,
            row.expiry_date,
            row.option_right,
            row.strike,
            row.option_style or "",
        )
    return Position(
        position_id=row.position_id,
        symbol=row.symbol,
        instrument_id=row.instrument_id,
        quantity=row.quantity,
        entry_price=row.entry_price,
        entry_date=row.entry_date,
        currency=row.currency,
        multiplier=row.multiplier,
        tags=tuple(row.tags),
        exit_date=row.exit_date,
        exit_price=row.exit_price,
        option=option,
        strategy=row.strategy,
        portfolio_id=row.portfolio_id,
        revision=row.from_revision,
    )


def movement_of(row: "Row[*tuple[Any, ...]]") -> CashMovement:
    """Give the movement of cash that a row states."""
    return CashMovement(
        movement_id=row.movement_id,
        kind=row.kind,
        currency=row.currency,
        amount=row.amount,
        movement_date=row.movement_date,
        symbol=row.symbol,
        note=row.note,
        portfolio_id=row.portfolio_id,
        revision=row.from_revision,
    )


def row_of(portfolio: Portfolio, position: Position, ordinal: int) -> dict[str, object]:
    """Give the row of a position that is valid from a portfolio's revision on, at a place in its order."""
    option = position.option
    return {
        "position_id": position.position_id,
        "from_revision": portfolio.revision,
        "portfolio_id": portfolio.portfolio_id,
        "owner_id": portfolio.owner_id,
        "ordinal": ordinal,
        "symbol": position.symbol,
        "instrument_id": position.instrument_id,
        "quantity": position.quantity,
        "entry_price": position.entry_price,
        "entry_date": position.entry_date,
        "exit_date": position.exit_date,
        "exit_price": position.exit_price,
        "tags": list(position.tags),
        "currency": position.currency,
        "multiplier": position.multiplier,
        "underlying_symbol": option.underlying_symbol if option else None,
        "underlying_instrument_id": option.underlying_instrument_id if option else None,
        "expiry_date": option.expiry_date if option else None,
        "option_right": option.right if option else None,
        "strike": option.strike if option else None,
        "option_style": (option.style or None) if option else None,
        "strategy": position.strategy,
    }
