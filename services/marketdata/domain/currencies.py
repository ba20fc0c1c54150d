"""Codes of currencies (ISO 4217), and of the hundredths in which some exchanges price shares."""

import re

MINOR_UNITS = {"GBp": "GBX", "ZAc": "ZAC"}
"""Pence of London and cents of Johannesburg. They differ from pounds and rand by a small letter, and `upper` would make
everything a hundred times as dear; as a currency of its own a penny has no rate, and says so."""
CODE = re.compile(r"[A-Z]{3}")


def currency_code(name: str) -> str:
    """Give the code of a currency written in any case. Empty: it is none."""
    code = MINOR_UNITS.get(name, name.upper())
    return code if CODE.fullmatch(code) else ""
