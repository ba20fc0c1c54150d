"""Our symbols in the spelling of vendors: indices, classes of shares, options and coins are written differently."""

import re

from services.marketdata.domain.occ import PREFIX, ImpossibleTerms, parse

INDICES = {"SPX": "^GSPC", "NDX": "^NDX", "RUT": "^RUT", "DJI": "^DJI", "VIX": "^VIX"}
"""The symbols that are indices, with the spelling of FMP and Yahoo."""
COIN = re.compile(r"([A-Z0-9]{2,10})-(USD)")
"""A class of shares is written with a dot, so a dash before a currency stands for a coin."""


def massive_ticker(symbol: str) -> str:
    """Spell a symbol for Massive: `I:SPX`, `O:AAPL230120C00150000`, `X:BTCUSD`; shares as they are."""
    if symbol in INDICES:
        return f"I:{symbol}"
    if coin := COIN.fullmatch(symbol):
        return f"X:{coin[1]}{coin[2]}"
    return PREFIX + symbol if _is_option(symbol) else symbol


def fmp_symbol(symbol: str) -> str:
    """Spell a symbol for FMP: `^GSPC`, `BTCUSD`, and `BRK-B` for `BRK.B`."""
    if coin := COIN.fullmatch(symbol):
        return coin[1] + coin[2]
    return yahoo_symbol(symbol)


def yahoo_symbol(symbol: str) -> str:
    """Spell a symbol for Yahoo: `^GSPC`, `BTC-USD`, and `BRK-B` for `BRK.B`."""
    return INDICES.get(symbol) or symbol.replace(".", "-")


def _is_option(symbol: str) -> bool:
    try:
        return parse(symbol) is not None
    except ImpossibleTerms:
        return False
