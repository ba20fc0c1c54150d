"""Orders as CSV and JSON."""

from collections.abc import Sequence
from decimal import Decimal

from services.portfolio.domain.exports import csv_file
from services.portfolio.domain.exports.contents_table import Cell
from services.portfolio.domain.exports.json_file import ENCODER
from services.portfolio.domain.exports.orders import Order

COLUMNS = (
    "order_id",
    "symbol",
    "side",
    "position_effect",
    "quantity",
    "order_type",
    "limit_price",
    "time_in_force",
    "currency",
    "underlying_symbol",
    "expiry_date",
    "strike",
    "right",
)


def render_csv(orders: Sequence[Order]) -> bytes:
    """Write a line for each order."""
    rows = ([_cell(value) for value in _values(order).values()] for order in orders)
    return csv_file.write(COLUMNS, rows)


def render_json(orders: Sequence[Order]) -> bytes:
    """Write a list of orders; a field that says nothing is null."""
    return ENCODER.encode({"orders": [_values(order) for order in orders]}) + b"\n"


def _values(order: Order) -> dict[str, str | Decimal | None]:
    option = order.instrument.option
    return {
        "order_id": order.order_id,
        "symbol": order.instrument.symbol,
        "side": order.side,
        "position_effect": order.effect,
        "quantity": order.quantity,
        "order_type": "MARKET" if order.limit_price is None else "LIMIT",
        "limit_price": order.limit_price,
        "time_in_force": order.time_in_force.upper(),
        "currency": order.instrument.currency,
        "underlying_symbol": option.underlying_symbol if option else None,
        "expiry_date": option.expiry_date.isoformat() if option else None,
        "strike": Decimal(repr(option.strike)) if option else None,
        "right": option.right if option else None,
    }


def _cell(value: str | Decimal | None) -> Cell:
    return "" if value is None else value
