"""Positions, cash and its movements as one table: the twelve columns of the template, and what they have no room for.

The upload reads the same table back (`domain/imports/`). A row is a position, or of class CASH: a stated balance, or a
movement whose kind stands as the subtype.
"""

from collections.abc import Iterator
from decimal import Decimal

from services.portfolio.domain.book import CashBalance, CashMovement, Position
from services.portfolio.domain.cash_map import PREFIX
from services.portfolio.domain.exports.portfolio_contents import PortfolioContents

Cell = str | Decimal
COLUMNS = (
    "Symbol",
    "Quantity",
    "Entry Price Per Share",
    "Entry Date",
    "Investment Class",
    "Investment Subtype",
    "Underlying Symbol",
    "Strike Price",
    "Expiration Date",
    "Option Type",
    "Exit Date",
    "Exit Price Per Share",
    "Tags",
    "Strategy",
    "Note",
)
FREE_TEXT = {"Tags", "Strategy", "Note"}
"""Columns whose text a user chose freely."""
RIGHTS = {"C": "CALL", "P": "PUT"}


def rows(contents: PortfolioContents) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows, numbers with every digit as stored; an empty text is an empty cell."""
    for named in _named(contents):
        yield tuple(named.get(column, "") for column in COLUMNS)


def _named(contents: PortfolioContents) -> Iterator[dict[str, Cell]]:
    yield from map(_position, contents.positions)
    yield from map(_balance, contents.cash)
    yield from map(_movement, contents.movements)


def _position(position: Position) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "Symbol": position.symbol,
        "Quantity": position.quantity,
        "Entry Price Per Share": position.entry_price,
        "Entry Date": position.entry_date.isoformat(),
        "Investment Class": "OPTIONS" if position.option else "PUBLIC",
        "Tags": ";".join(position.tags),
        "Strategy": position.strategy,
    }
    if option := position.option:
        row |= {
            "Underlying Symbol": option.underlying_symbol,
            "Strike Price": Decimal(repr(option.strike)),
            "Expiration Date": option.expiry_date.isoformat(),
            "Option Type": RIGHTS[option.right],
        }
    if position.exit_date is not None and position.exit_price is not None:
        row |= {"Exit Date": position.exit_date.isoformat(), "Exit Price Per Share": position.exit_price}
    return row


def _balance(balance: CashBalance) -> dict[str, Cell]:
    return _cash(balance.currency, balance.amount, balance.balance_date.isoformat())


def _movement(movement: CashMovement) -> dict[str, Cell]:
    cash = _cash(movement.currency, movement.amount, movement.movement_date.isoformat())
    return {
        **cash,
        "Investment Subtype": movement.kind,
        "Underlying Symbol": movement.symbol,
        "Note": movement.note,
    }


def _cash(currency: str, amount: Decimal, day: str) -> dict[str, Cell]:
    return {"Symbol": f"{PREFIX}{currency}", "Quantity": amount, "Entry Date": day, "Investment Class": "CASH"}
