"""What `yfinance.Ticker(symbol).get_info()` gives, in the shape of its release 0.2 as seen in copies of its output.

Nobody has promised that shape: the package reads Yahoo's pages. Of what Yahoo does not know it gives almost nothing.
"""

APPLE = {
    "address1": "One Apple Park Way",
    "industry": "Consumer Electronics",
    "industryKey": "consumer-electronics",
    "sector": "Technology",
    "sectorKey": "technology",
    "fullTimeEmployees": 164000,
    "currency": "USD",
    "exchange": "NMS",
    "quoteType": "EQUITY",
    "symbol": "AAPL",
    "shortName": "Apple Inc.",
    "longName": "Apple Inc.",
}
PROFILES: dict[str, dict[str, object]] = {
    "AAPL": APPLE,
    "KO": APPLE | {"sector": "Consumer Defensive", "exchange": "NYQ", "longName": None, "shortName": "Coca-Cola"},
    "MTUM": {"quoteType": "ETF", "exchange": "BTS", "currency": "USD", "longName": "iShares Momentum"},
    "^GSPC": {"quoteType": "INDEX", "exchange": "SNP", "currency": "USD", "shortName": "S&P 500"},
    "BRK-B": APPLE | {"exchange": "NYQ", "sector": "Financial Services"},
    "ODD": {"quoteType": "EQUITY", "longName": 7},
}


def profile_of(symbol: str) -> dict[str, object]:
    return PROFILES.get(symbol, {"trailingPegRatio": None})
