"""What a movement of cash must satisfy: an amount whose sign says the same as its kind."""

from chassis.errors import InvalidFields, Violation
from services.portfolio.domain.book import CashMovement

SIGNS = {"DEPOSIT": 1, "WITHDRAWAL": -1, "FEE": -1}
"""Dividends and interest are received or paid: they have either sign."""


def refuse_wrong_sign(movement: CashMovement) -> None:
    """Refuse an amount whose sign contradicts its kind: somebody meant the opposite, and only they know of which.

    Raises:
        InvalidFields: it does.
    """
    sign = SIGNS.get(movement.kind, 0)
    if sign and (movement.amount > 0) != (sign > 0):
        wanted = "positive" if sign > 0 else "negative"
        rule = f"must be {wanted} for a {movement.kind.lower()}: amounts are signed as they change the cash"
        raise InvalidFields([Violation("amount", f"{movement.amount}", rule)])
