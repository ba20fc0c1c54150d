"""What `yfinance.Ticker(symbol).get_info()` gives, with the names that its documents and copies of its output show.

The documents: ranaroussi.github.io/yfinance/reference/api/yfinance.Ticker.html and, for the keys of sectors,
ranaroussi.github.io/yfinance/reference/yfinance.sector_industry.html, in copies read on 2026-11-20. They promise no
more than a dictionary: the package reads Yahoo's pages. Of what Yahoo does not know it gives almost nothing.
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
