"""Financial Modeling Prep as its documents describe it, in copies read on 2026-11-20. Each answer names its page.

The pages are below site.financialmodelingprep.com/developer/docs/stable/.
"""

from datetime import UTC, date, datetime

from tests.services.marketdata.vendors import market
from tests.services.marketdata.vendors.stub import Reply, Request, Stub

KEY = "fmp-key-that-must-not-be-seen"
NO_KEY = Reply(
    {"Error Message": "Invalid API KEY. Feel free to create a Free API Key or visit our documentation."}, 401
)
LIMIT_REACHED = Reply({"Error Message": "Limit Reach . Please upgrade your plan or visit our documentation."})
"""With status 200, now and then."""
RESTRICTED = Reply({"Error Message": "Special Endpoint : This endpoint is not available under your current plan."})
SYMBOLS = {"AAPL": "AAPL", "KO": "KO", "BRK-B": "BRK.B"}


class FmpStub(Stub):
    """Serves the small market, newest first."""

    def __init__(self) -> None:
        super().__init__(self._route)
        self.extra_bars: dict[str, list[object]] = {}

    def _route(self, request: Request) -> Reply:
        if request.headers.get("apikey") != KEY:
            return NO_KEY
        symbol = request.query.get("symbol", "")
        ours = SYMBOLS.get(symbol, "")
        match request.path:
            case ["stable", "historical-price-eod", "non-split-adjusted"]:
                return Reply(self._bars(request, symbol, ours))
            case ["stable", "historical-price-eod", "full"]:
                return Reply(_rates(request) if symbol == "EURUSD" else [])
            case ["stable", "splits"]:
                return Reply(_splits(symbol, ours))
            case ["stable", "dividends"]:
                return Reply(_dividends(symbol, ours))
            case ["stable", "quote"]:
                return Reply([_quote(symbol, ours)] if ours else [])
            case ["stable", "profile"]:
                return Reply(_profiles(symbol))
            case _:
                return Reply([], 404)

    def _bars(self, request: Request, symbol: str, ours: str) -> list[object]:
        """historical-price-eod-non-split-adjusted. The prices are called adjusted, and are not."""
        first, last = _days(request)
        rows: list[object] = [
            {
                "symbol": symbol,
                "date": str(bar.day),
                "adjOpen": bar.open,
                "adjHigh": bar.high,
                "adjLow": bar.low,
                "adjClose": bar.close,
                "volume": bar.volume,
            }
            for bar in market.BARS.get(ours, [])
            if first <= bar.day <= last
        ]
        return (rows + self.extra_bars.get(symbol, []))[::-1]


def _days(request: Request) -> tuple[date, date]:
    return date.fromisoformat(request.query["from"]), date.fromisoformat(request.query["to"])


def _rates(request: Request) -> list[object]:
    """historical-price-eod-full."""
    first, last = _days(request)
    return [
        {"symbol": "EURUSD", "date": str(day), "open": rate, "high": rate, "low": rate, "close": rate, "volume": 1,
         "change": 0.0, "changePercent": 0.0, "vwap": rate}
        for day, rate in reversed(market.EURUSD.items())
        if first <= day <= last
    ]  # fmt: skip


def _splits(symbol: str, ours: str) -> list[object]:
    """splits-company."""
    return [
        {"symbol": symbol, "date": str(day), "numerator": new, "denominator": old}
        for day, old, new in market.SPLITS.get(ours, [])
    ]


def _dividends(symbol: str, ours: str) -> list[object]:
    """dividends-company."""
    return [
        {
            "symbol": symbol,
            "date": str(day),
            "recordDate": str(day),
            "paymentDate": str(day),
            "declarationDate": "2022-10-27",
            "adjDividend": amount / 4,
            "dividend": amount,
            "yield": 0.42955326460481097,
            "frequency": "Quarterly",
        }
        for day, amount in reversed(market.DIVIDENDS.get(ours, []))
    ]


def _quote(symbol: str, ours: str) -> dict[str, object]:
    """quote."""
    bars = market.BARS[ours]
    return {
        "symbol": symbol,
        "name": "Apple Inc.",
        "price": bars[-1].close,
        "changePercentage": -0.48189,
        "change": -1.3,
        "volume": 45140079,
        "dayLow": bars[-1].low,
        "dayHigh": bars[-1].high,
        "marketCap": 3967020108000,
        "exchange": "NASDAQ",
        "open": bars[-1].open,
        "previousClose": bars[-2].close,
        "timestamp": int(datetime(2022, 12, 28, 21, 0, tzinfo=UTC).timestamp()),
    }


def _profiles(symbol: str) -> list[object]:
    """profile-symbol."""
    company: dict[str, object] = {
        "symbol": symbol,
        "price": 232.8,
        "companyName": "Apple Inc.",
        "currency": "USD",
        "exchangeFullName": "NASDAQ Global Select",
        "exchange": "NASDAQ",
        "industry": "Consumer Electronics",
        "sector": "Technology",
        "country": "US",
        "isEtf": False,
        "isActivelyTrading": True,
        "isAdr": False,
        "isFund": False,
    }
    manager = {"sector": "Financial Services", "industry": "Asset Management", "exchange": "CBOE"}
    special: dict[str, dict[str, object]] = {
        "MTUM": {**manager, "isEtf": True, "companyName": "iShares MSCI USA Momentum Factor ETF"},
        "VFIAX": {**manager, "isFund": True, "exchange": "NASDAQ"},
        "^GSPC": {"exchange": "INDEX", "sector": None, "industry": None, "companyName": "S&P 500"},
        "BTCUSD": {"exchange": "CRYPTO", "sector": None, "industry": None, "companyName": "Bitcoin USD"},
    }
    return [company | special.get(symbol, {})] if symbol in SYMBOLS or symbol in special else []
