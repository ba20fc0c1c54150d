"""Which symbols an owner's own instruments may have."""

import re

from services.marketdata.domain import occ

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}", re.ASCII)


def can_be_private(symbol: str) -> bool:
    """Say whether a canonical symbol may be an owner's own: none that reads as an option's."""
    if not SYMBOL.fullmatch(symbol):
        return False
    try:
        return occ.parse(symbol) is None
    except occ.ImpossibleTerms:
        return False
