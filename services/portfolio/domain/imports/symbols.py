"""Symbols in the one form that marketdata knows: `BRK.B`, and options as compact OCC symbols, `AAPL240119C00150000`.

How brokers write an option is told at https://sixfigureinvesting.com/2010/03/new-options-symbols-generic-schwab-fidelity/
(OCC, Schwab, Fidelity), and by the samples that the formats cite (IBKR, Robinhood).
"""

import datetime
import re
from decimal import Decimal

from services.portfolio.domain.imports import days
from services.portfolio.domain.imports.issues import RowError

SYMBOL = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-/=:]{0,31}")
PLAIN = re.compile(r"\^?[A-Z0-9][A-Z0-9.]{0,31}")
CURRENCY = re.compile(r"[A-Z]{3}")
CASH_PREFIX = "CUR:"
VENDOR_PREFIX = "O:"
ROOT = r"([A-Z][A-Z0-9./]{0,5})"
STRIKE = r"\$?([0-9]{1,5}(?:\.[0-9]{1,3})?)"
OCC_STRIKE = r"0[0-9]{7}"
# The root is taken as short as it can be: it may end in a digit, and six digits of a day follow.
FIDELITY = re.compile(
    r"-([A-Z][A-Z0-9./]{0,5}?)([0-9]{2})([0-9]{2})([0-9]{2})([CP])(" + OCC_STRIKE + r"|[0-9]{1,5}(?:\.[0-9]{1,3})?)"
)
PADDED = re.compile(r"[A-Z][A-Z0-9.]{0,5} +[0-9]{6}[CP][0-9]{8}")
SCHWAB = re.compile(rf"{ROOT} +([0-9]{{1,2}})/([0-9]{{1,2}})/([0-9]{{4}}|[0-9]{{2}}) +{STRIKE} +([CP])")
IBKR = re.compile(rf"{ROOT} +([0-9]{{1,2}})([A-Z]{{3}})([0-9]{{2}}) +{STRIKE} +([CP])")
ROBINHOOD = re.compile(rf"{ROOT} +([0-9]{{1,2}})/([0-9]{{1,2}})/([0-9]{{4}}) +(CALL|PUT) +{STRIKE}")
SHARE_CLASS = re.compile(r"([A-Z]{1,5})[/ ]([A-Z])")
THOUSANDTHS = Decimal(1000)
LONGEST_STRIKE = 8


def canonical(text: str, column: str = "ticker") -> str:
    """Give a symbol in the form that marketdata knows.

    Raises:
        RowError: it is missing, or cannot be a symbol.
    """
    written = text.strip().upper()
    if not written:
        raise RowError(column, text, "missing", "the ticker is missing")
    if PLAIN.fullmatch(written):
        return written  # nearly all are so, and the forms of options cost time
    if option := option_in(written):
        return option
    if share_class := SHARE_CLASS.fullmatch(written):
        return f"{share_class[1]}.{share_class[2]}"
    bare = written.removeprefix(VENDOR_PREFIX)
    compact = "".join(bare.split()) if PADDED.fullmatch(bare) else bare
    if not SYMBOL.fullmatch(compact):
        raise RowError(column, text, "malformed_symbol", "this cannot be a ticker")
    return compact


def option_in(written: str) -> str | None:
    """Give the OCC symbol of an option in a broker's own words, in capitals; None if these are none of them.

    What is in an OCC form already, padded or with a vendor's prefix, is none of them: `canonical` makes it compact.
    """
    if found := FIDELITY.fullmatch(written):
        root, year, month, day, right, strike = found.groups()
        unit = THOUSANDTHS if re.fullmatch(OCC_STRIKE, strike) else 1
        return occ(root, days.of_parts(year, month, day), right, Decimal(strike) / unit)
    if found := SCHWAB.fullmatch(written):
        root, month, day, year, strike, right = found.groups()
        return occ(root, days.of_parts(year, month, day), right, Decimal(strike))
    if found := IBKR.fullmatch(written):
        root, day, month, year, strike, right = found.groups()
        return occ(root, days.of_parts(year, month, day), right, Decimal(strike))
    if found := ROBINHOOD.fullmatch(written):
        root, month, day, year, right, strike = found.groups()
        return occ(root, days.of_parts(year, month, day), right[0], Decimal(strike))
    return None


def occ(root: str, expiry: datetime.date | None, right: str, strike: Decimal) -> str | None:
    """Give the compact OCC symbol of a contract; None where it has no such day or no such strike."""
    thousandths = strike * THOUSANDTHS
    if expiry is None or thousandths != thousandths.to_integral_value() or not 0 < thousandths < 10**LONGEST_STRIKE:
        return None
    letters = root.replace("/", "").replace(".", "")
    return f"{letters}{expiry:%y%m%d}{right}{int(thousandths):08d}"
