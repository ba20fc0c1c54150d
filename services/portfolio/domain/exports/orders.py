"""Orders that trades of a portfolio amount to.

A sale of what is owned and a short sale are marked apart (Regulation SHO, 17 CFR 242.200(g)), and an option order says
whether it opens or closes; so a trade that goes through zero becomes two orders.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from services.portfolio.domain.market import Instrument

Side = Literal["BUY", "SELL", "SELL_SHORT"]
Effect = Literal["OPEN", "CLOSE"]
TimeInForce = Literal["day", "gtc"]


@dataclass(frozen=True, slots=True)
class Trade:
    """A signed quantity to be bought or sold. Without a limit at the market."""

    symbol: str
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = "day"


@dataclass(frozen=True, slots=True)
class Order:
    """An order, of a positive quantity."""

    order_id: str
    instrument: Instrument
    side: Side
    effect: Effect
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce


def orders_of(
    trades: Sequence[Trade], instruments: Mapping[str, Instrument], owned: Mapping[int, Decimal], prefix: str
) -> list[Order]:
    """Give the orders of trades, in their order.

    Args:
        trades: what is to be done.
        instruments: by the symbols of the trades.
        owned: signed quantity by instrument before the first trade; later trades see what earlier ones left.
        prefix: the orders are numbered after it.
    """
    left = dict(owned)
    orders: list[Order] = []
    for trade in trades:
        found = instruments[trade.symbol]
        before = left.get(found.instrument_id, Decimal(0))
        left[found.instrument_id] = before + trade.quantity
        for effect, quantity in _parts(before, trade.quantity):
            side = _side(found, trade.quantity, effect)
            number = f"{prefix}-{len(orders) + 1}"
            orders.append(Order(number, found, side, effect, quantity, trade.limit_price, trade.time_in_force))
    return orders


def _parts(before: Decimal, change: Decimal) -> Iterator[tuple[Effect, Decimal]]:
    """Yield how much of a change closes what was there, and how much opens something new."""
    closing = min(abs(before), abs(change)) if before * change < 0 else Decimal(0)
    if closing:
        yield "CLOSE", closing
    if opening := abs(change) - closing:
        yield "OPEN", opening


def _side(instrument: Instrument, change: Decimal, effect: Effect) -> Side:
    if change > 0:
        return "BUY"
    # An option is written, not sold short: its order says that it opens.
    return "SELL_SHORT" if effect == "OPEN" and instrument.option is None else "SELL"
