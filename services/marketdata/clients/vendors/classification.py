"""Vendors' words for sectors and exchanges, in ours: GICS sectors and market identifier codes (ISO 10383).

Two vendors use the eleven sectors of Morningstar's scheme, which match those of GICS one to one in name, though not in
every company. An industry is kept in the vendor's words: there is no such match.
"""

GICS_SECTORS = {
    "Basic Materials": "Materials",
    "Communication Services": "Communication Services",
    "Consumer Cyclical": "Consumer Discretionary",
    "Consumer Defensive": "Consumer Staples",
    "Energy": "Energy",
    "Financial Services": "Financials",
    "Healthcare": "Health Care",
    "Industrials": "Industrials",
    "Real Estate": "Real Estate",
    "Technology": "Information Technology",
    "Utilities": "Utilities",
}
MARKET_CODES = {
    "AMEX": "XASE",
    "ASE": "XASE",
    "BATS": "BATS",
    "BTS": "BATS",
    "CBOE": "BATS",
    "LSE": "XLON",
    "NASDAQ": "XNAS",
    "NCM": "XNAS",
    "NGM": "XNAS",
    "NMS": "XNAS",
    "NYQ": "XNYS",
    "NYSE": "XNYS",
    "PCX": "ARCX",
    "TSX": "XTSE",
    "XETRA": "XETR",
}


def gics_sector(name: str) -> str:
    """Give the GICS sector of a vendor's; one that is not known stays as it is."""
    return GICS_SECTORS.get(name, name)


def market_code(exchange: str) -> str:
    """Give the market identifier code of a vendor's exchange. Empty: it is not known."""
    return MARKET_CODES.get(exchange.upper(), "")
