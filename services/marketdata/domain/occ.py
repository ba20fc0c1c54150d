"""Option symbols as the Options Clearing Corporation writes them: root, expiry, right, strike.

`AAPL230120C00150000` is a call on AAPL at 150 that expires on 2023-01-20. The same contract is also written with its
root padded to six characters, and by some vendors with the prefix `O:`. The last 15 characters have a fixed form, so
a root that ends in digits is never ambiguous.
"""

import re
from dataclasses import dataclass
from datetime import date

from services.marketdata.domain.instruments import Right

MULTIPLIER = 100.0
"""Units of the underlying per contract, for every standard US option."""
STRIKE_UNITS = 1000
"""A strike is written in thousandths."""
CENTURY = 2000
PREFIX = "O:"
PADDED_ROOT = 6
TAIL = re.compile(r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)(?P<right>[CP])(?P<strike>\d{8})", re.ASCII)
ROOT = re.compile(r"[A-Z][A-Z0-9]{0,5}")
TAIL_LENGTH = 15


class ImpossibleTerms(ValueError):
    """The symbol has the form of an option, and terms that no option can have; `reason` names which."""

    def __init__(self, symbol: str, reason: str) -> None:
        super().__init__(f"{symbol}: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What an option symbol says."""

    underlying: str
    expiry: date
    right: Right
    strike: float

    @property
    def symbol(self) -> str:
        """The compact symbol."""
        thousandths = round(self.strike * STRIKE_UNITS)
        return f"{self.underlying}{self.expiry:%y%m%d}{self.right}{thousandths:08d}"

    @property
    def name(self) -> str:
        """The contract in words."""
        right = "call" if self.right is Right.CALL else "put"
        return f"{self.underlying} {self.expiry} {self.strike:g} {right}"


def canonical(symbol: str) -> str:
    """Give the one spelling under which a symbol is stored: upper case, and compact if it is an option's."""
    bare = symbol.strip().upper().removeprefix(PREFIX)
    root = bare[:-TAIL_LENGTH]
    if len(root) == PADDED_ROOT and TAIL.fullmatch(bare[-TAIL_LENGTH:]):
        return root.rstrip() + bare[-TAIL_LENGTH:]
    return bare


def parse(symbol: str) -> OptionTerms | None:
    """Read a canonical symbol as an option's, or give None if it does not have the form of one.

    Raises:
        ImpossibleTerms: it has the form, and `impossible_expiry` or `strike_not_positive`.
    """
    root, tail = symbol[:-TAIL_LENGTH], TAIL.fullmatch(symbol[-TAIL_LENGTH:])
    if tail is None or not ROOT.fullmatch(root):
        return None
    try:
        expiry = date(CENTURY + int(tail["year"]), int(tail["month"]), int(tail["day"]))
    except ValueError:
        raise ImpossibleTerms(symbol, "impossible_expiry") from None
    thousandths = int(tail["strike"])
    if thousandths == 0:
        raise ImpossibleTerms(symbol, "strike_not_positive")
    return OptionTerms(root, expiry, Right(tail["right"]), thousandths / STRIKE_UNITS)
