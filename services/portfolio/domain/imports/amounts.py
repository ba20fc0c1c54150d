"""Numbers as people and brokers write them: `1250.75`, `$1,250.75`, `(1,250.75)`, `-$3`, and `--` for none.

A percentage is none: where a quantity or a price is wanted, `50%` can only be a mistake.
"""

import re
from decimal import Decimal

from services.portfolio.domain.imports.issues import RowError

MAX_AMOUNT = Decimal(10) ** 15
MAX_DECIMALS = 30
"""More than a number has that came through the API: its export must come back."""
ABSENT = frozenset({"", "-", "--", "n/a"})
PLAIN = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
# Commas stand between groups of three digits alone: `1,5` is 1.5 in one country, and a typing error in another.
GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3}){1,9}(\.[0-9]{0,30})?")


def number(column: str, text: str) -> Decimal:
    """Give a number that must be there.

    Raises:
        RowError: it is missing, is none, or is larger or finer than is kept.
    """
    found = number_or_none(column, text)
    if found is None:
        raise RowError(column, text, "missing", f"the {column.replace('_', ' ')} is missing")
    return found


def number_or_none(column: str, text: str) -> Decimal | None:
    """Give a number, or None where a broker says that there is none.

    Raises:
        RowError: it is something else than a number, or larger or finer than is kept.
    """
    if text.strip().lower() in ABSENT:
        return None
    digits = _bare(text.strip())
    if not (PLAIN.fullmatch(digits) or GROUPED.fullmatch(digits)):
        raise RowError(column, text, "not_a_number", "this is not a number such as 1250.75")
    found = Decimal(digits.replace(",", ""))
    exponent = found.normalize().as_tuple().exponent
    if abs(found) > MAX_AMOUNT or not isinstance(exponent, int) or exponent < -MAX_DECIMALS:
        message = f"the number must not exceed {MAX_AMOUNT:.0E} or have more than {MAX_DECIMALS} decimals"
        raise RowError(column, text, "out_of_range", message)
    return found


def price(column: str, text: str) -> Decimal:
    """Give a price: a number that must be there and is not negative.

    Raises:
        RowError: it is not so.
    """
    found = number(column, text)
    if found < 0:
        raise RowError(column, text, "negative_price", f"the {column.replace('_', ' ')} must not be negative")
    return found


def _bare(text: str) -> str:
    """Give the digits of a text with their sign in front, without a currency's sign."""
    if text.startswith("(") and text.endswith(")"):
        # Brackets around a sign say two things at once: the result has two signs then, and is no number.
        return f"-{text[1:-1].strip().removeprefix('$')}"
    sign = text[:1] if text[:1] in ("+", "-") else ""
    return sign + text.removeprefix(sign).removeprefix("$")


def tidy(number: Decimal) -> Decimal:
    """Give a number without zeros at its end: 120.50 as 120.5, and 300 as 300 rather than as 3E+2."""
    bare = number.normalize()
    return bare if int(bare.as_tuple().exponent) <= 0 else bare.quantize(Decimal(1))
