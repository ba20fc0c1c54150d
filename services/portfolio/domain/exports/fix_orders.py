"""Orders as FIX 4.4 NewOrderSingle messages (FIX Protocol 4.4 with errata 20030618, volume 4, NewOrderSingle).

One message a line: fields end with SOH as the protocol has it, and the line end stands between messages, outside of
body length and check sum. The messages are for a program that puts them into a session of its own; sequence numbers
begin with 1.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from services.portfolio.domain.book import OptionTerms
from services.portfolio.domain.exports.csv_file import plain
from services.portfolio.domain.exports.orders import Order

if TYPE_CHECKING:
    from simplefix import FixMessage

SIDES = {"BUY": "1", "SELL": "2", "SELL_SHORT": "5"}
EFFECTS = {"OPEN": "O", "CLOSE": "C"}
TIMES_IN_FORCE = {"day": "0", "gtc": "1"}
RIGHTS = {"P": "0", "C": "1"}
MARKET, LIMIT = "1", "2"


@dataclass(frozen=True, slots=True)
class Session:
    """Between whom the messages are, and for which account. No account: none is named."""

    sender_comp_id: str
    target_comp_id: str
    account: str
    time: datetime.datetime


def render(orders: Sequence[Order], session: Session) -> bytes:
    """Write the messages."""
    return b"".join(_message(order, session, number) + b"\n" for number, order in enumerate(orders, 1))


def _message(order: Order, session: Session, number: int) -> bytes:
    from simplefix import FixMessage  # only for those who want FIX

    message = FixMessage()
    message.append_pair(8, "FIX.4.4", header=True)
    message.append_pair(35, "D", header=True)
    message.append_pair(49, session.sender_comp_id, header=True)
    message.append_pair(56, session.target_comp_id, header=True)
    message.append_pair(34, number, header=True)
    message.append_utc_timestamp(52, session.time, header=True)
    message.append_pair(11, order.order_id)
    if session.account:
        message.append_pair(1, session.account)
    _append_instrument(message, order)
    message.append_pair(54, SIDES[order.side])
    message.append_utc_timestamp(60, session.time)
    message.append_pair(38, plain(order.quantity))
    message.append_pair(40, MARKET if order.limit_price is None else LIMIT)
    if order.limit_price is not None:
        message.append_pair(44, plain(order.limit_price))
    message.append_pair(15, order.instrument.currency)
    message.append_pair(59, TIMES_IN_FORCE[order.time_in_force])
    if order.instrument.option:
        message.append_pair(77, EFFECTS[order.effect])
    encoded: bytes = message.encode()
    return encoded


def _append_instrument(message: "FixMessage", order: Order) -> None:
    option: OptionTerms | None = order.instrument.option
    if option is None:
        message.append_pair(55, order.instrument.symbol)
        return
    message.append_pair(55, option.underlying_symbol)
    message.append_pair(167, "OPT")
    message.append_pair(200, f"{option.expiry_date:%Y%m}")
    message.append_pair(541, f"{option.expiry_date:%Y%m%d}")
    message.append_pair(201, RIGHTS[option.right])
    message.append_pair(202, plain(Decimal(repr(option.strike))))
    message.append_pair(231, plain(Decimal(repr(order.instrument.multiplier))))
