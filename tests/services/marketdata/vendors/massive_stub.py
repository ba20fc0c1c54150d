"""Massive as its documents describe it, in copies read on 2026-11-20. Each answer names its page."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time

from tests.services.marketdata.vendors import market
from tests.services.marketdata.vendors.stub import Reply, Request, Stub

KEY = "massive-key-that-must-not-be-seen"
REQUEST_ID = "6a7e466379af0a71039d60cc78e72282"
NOT_FOUND = Reply({"status": "NOT_FOUND", "request_id": REQUEST_ID, "message": "Ticker not found."}, 404)
NO_KEY = Reply({"status": "ERROR", "request_id": REQUEST_ID, "error": "API Key was not provided"}, 401)
NOT_ENTITLED = Reply(
    {
        "status": "NOT_AUTHORIZED",
        "request_id": REQUEST_ID,
        "message": "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing",
    },
    403,
)
TOO_MANY = Reply(
    {
        "status": "ERROR",
        "request_id": REQUEST_ID,
        "error": "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to "
        "continue. https://massive.com/pricing",
    },
    429,
)


def new_york_midnight(day: date) -> int:
    """Winter: 05:00 UTC. Massive dates a day's aggregate by its first millisecond in New York."""
    return int(datetime.combine(day, time(5), UTC).timestamp() * 1000)


class MassiveStub(Stub):
    """Serves the small market, so many rows a page."""

    def __init__(self, page_size: int = 3) -> None:
        super().__init__(self._route)
        self.page_size = page_size
        self.snapshots_allowed = True
        self.options = [option("O:AAPL230120C00150000", "call", "2023-01-20", 150, 0.3570277203465058)]
        self.extra_bars: dict[str, list[object]] = {}

    def _route(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return NO_KEY
        match request.path:
            case ["v2", "aggs", "ticker", ticker, "range", "1", "day", first, last]:
                return self._aggregates(request, ticker, date.fromisoformat(first), date.fromisoformat(last))
            case ["v2", "aggs", "ticker", ticker, "prev"]:
                return self._previous(ticker)
            case ["v2", "snapshot", "locale", "us", "markets", "stocks", "tickers"]:
                return self._snapshots(request.query["tickers"].split(","))
            case ["stocks", "v1", "splits"]:
                return self._splits(request)
            case ["stocks", "v1", "dividends"]:
                return self._dividends(request)
            case ["v3", "snapshot", "options", underlying]:
                return self._page(request, self.options if underlying == "AAPL" else [])
            case ["v3", "reference", "tickers", ticker]:
                return overview(ticker)
            case _:
                return Reply(b"404 page not found\n", 404, "text/plain; charset=utf-8")

    def _aggregates(self, request: Request, ticker: str, first: date, last: date) -> Reply:
        """massive.com/docs/rest/stocks/aggregates/custom-bars. Without bars there is no `results` at all."""
        bars = market.BARS.get(ticker, [])
        if ticker == "C:EURUSD":
            bars = [market.DayBar(day, rate, rate, rate, rate, 1) for day, rate in market.EURUSD.items()]
        rows: list[object] = [aggregate(bar) for bar in bars if first <= bar.day <= last]
        rows += self.extra_bars.get(ticker, [])
        return self._page(request, rows, ticker=ticker, adjusted=False, queryCount=len(rows))

    def _page(self, request: Request, rows: Sequence[object], **envelope: object) -> Reply:
        """A page, and where there is more, the absolute URL of the next one, which names no key."""
        start = int(request.query.get("cursor", 0))
        page: dict[str, object] = {**envelope, "status": "OK", "request_id": REQUEST_ID}
        if shown := rows[start : start + self.page_size]:
            page["results"] = list(shown)
        page["resultsCount"] = len(shown)
        if start + self.page_size < len(rows):
            path = request.target.partition("?")[0]
            page["next_url"] = f"{self.url}{path}?cursor={start + self.page_size}"
        return Reply(json.dumps(page).encode())  # `allow_nan` as Go would not, and some vendors do

    def _previous(self, ticker: str) -> Reply:
        """massive.com/docs/rest/stocks/aggregates/previous-day-bar."""
        rows = []
        if bars := market.BARS.get(ticker):
            close_time = datetime.combine(bars[-1].day, time(21), UTC)
            rows = [{"T": ticker, **aggregate(bars[-1]), "t": int(close_time.timestamp() * 1000)}]
        return Reply({"adjusted": False, "queryCount": len(rows), "results": rows, "resultsCount": len(rows),
                      "status": "OK", "ticker": ticker, "request_id": REQUEST_ID})  # fmt: skip

    def _snapshots(self, tickers: Iterable[str]) -> Reply:
        """massive.com/docs/rest/stocks/snapshots/full-market-snapshot. Unknown tickers are left out."""
        if not self.snapshots_allowed:
            return NOT_ENTITLED
        rows = [snapshot(ticker) for ticker in tickers if ticker in market.BARS]
        return Reply({"count": len(rows), "status": "OK", "tickers": rows})

    def _splits(self, request: Request) -> Reply:
        """massive.com/docs/rest/stocks/corporate-actions/splits, since February 2026."""
        rows = [
            {
                "adjustment_type": "forward_split",
                "execution_date": str(day),
                "historical_adjustment_factor": old / new,
                "id": f"E{ticker}{day}",
                "split_from": old,
                "split_to": new,
                "ticker": ticker,
            }
            for ticker in request.query["ticker.any_of"].split(",")
            for day, old, new in market.SPLITS.get(ticker, [])
            if request.query["execution_date.gte"] <= str(day) <= request.query["execution_date.lte"]
        ]
        return Reply({"request_id": REQUEST_ID, "results": rows, "status": "OK"})

    def _dividends(self, request: Request) -> Reply:
        """massive.com/docs/rest/stocks/corporate-actions/dividends, since February 2026."""
        rows = [
            dividend(ticker, day, amount)
            for ticker in request.query["ticker.any_of"].split(",")
            for day, amount in market.DIVIDENDS.get(ticker, [])
            if request.query["ex_dividend_date.gte"] <= str(day) <= request.query["ex_dividend_date.lte"]
        ]
        return Reply({"request_id": REQUEST_ID, "results": rows, "status": "OK"})


def aggregate(bar: market.DayBar) -> dict[str, object]:
    return {
        "c": bar.close,
        "h": bar.high,
        "l": bar.low,
        "n": 100,
        "o": bar.open,
        "t": new_york_midnight(bar.day),
        "v": bar.volume,
        "vw": bar.close,
    }


def dividend(ticker: str, day: date, amount: float, **changed: object) -> dict[str, object]:
    return {
        "cash_amount": amount,
        "currency": "USD",
        "declaration_date": "2022-10-27",
        "distribution_type": "recurring",
        "ex_dividend_date": str(day),
        "frequency": 4,
        "historical_adjustment_factor": 0.997899,
        "id": f"E{ticker}{day}",
        "pay_date": str(day),
        "record_date": str(day),
        "split_adjusted_cash_amount": amount,
        "ticker": ticker,
    } | changed


def snapshot(ticker: str) -> dict[str, object]:
    """massive.com/docs/rest/stocks/snapshots/single-ticker-snapshot: trades in nanoseconds, minutes in milliseconds."""
    bars = market.BARS[ticker]
    bar, moment = bars[-1], int(datetime(2022, 12, 28, 20, 59, tzinfo=UTC).timestamp())
    bid, ask = round(bar.close - 0.01, 2), round(bar.close + 0.01, 2)
    return {
        "day": {"c": bar.close, "h": bar.high, "l": bar.low, "o": bar.open, "v": bar.volume, "vw": bar.close},
        "lastQuote": {"P": ask, "S": 5, "p": bid, "s": 3, "t": moment * 10**9},
        "lastTrade": {"c": None, "i": "121351", "p": bar.close, "s": 200, "t": moment * 10**9, "x": 12},
        "min": {"av": 1, "c": bar.close, "h": 1.0, "l": 1.0, "n": 5, "o": 1.0, "t": moment * 1000, "v": 1, "vw": 1.0},
        "prevDay": {"c": bars[-2].close, "h": 1.0, "l": 1.0, "o": 1.0, "v": 1, "vw": 1.0},
        "ticker": ticker,
        "todaysChange": -3.65,
        "todaysChangePerc": -2.231,
        "updated": moment * 10**9,
    }


def option(ticker: str, contract_type: str, expiry: str, strike: float, volatility: float | None) -> dict[str, object]:
    """massive.com/docs/rest/options/snapshots/option-chain-snapshot."""
    row: dict[str, object] = {
        "break_even_price": 179.075,
        "day": {
            "change": -2.4,
            "close": 29,
            "high": 32.25,
            "last_updated": 1672203600000000000,
            "low": 29,
            "volume": 8,
        },
        "details": {
            "contract_type": contract_type,
            "exercise_style": "american",
            "expiration_date": expiry,
            "shares_per_contract": 100,
            "strike_price": strike,
            "ticker": ticker,
        },
        "greeks": {"delta": 0.64, "gamma": 0.006, "theta": -0.028, "vega": 0.638},
        "last_quote": {
            "ask": 29.25,
            "ask_size": 209,
            "bid": 28.9,
            "bid_size": 294,
            "last_updated": 1672260000000000000,
            "midpoint": 29.075,
            "timeframe": "REAL-TIME",
        },
        "open_interest": 8133,
        "underlying_asset": {"change_to_break_even": 19.1, "price": 126.04, "ticker": "AAPL", "timeframe": "REAL-TIME"},
    }
    return row if volatility is None else row | {"implied_volatility": volatility}


def overview(ticker: str) -> Reply:
    """massive.com/docs/rest/stocks/tickers/ticker-overview."""
    if ticker not in ("AAPL", "KO", "MTUM", "I:SPX", "BRK.B"):
        return NOT_FOUND
    company = {"cik": "0000320193", "sic_code": "3571", "sic_description": "ELECTRONIC COMPUTERS"}
    results = {
        "ticker": ticker,
        "name": f"{ticker} Inc.",
        "market": "indices" if ticker == "I:SPX" else "stocks",
        "locale": "us",
        "primary_exchange": "ARCX" if ticker == "MTUM" else "XNAS",
        "type": "ETF" if ticker == "MTUM" else "CS",
        "active": True,
        "currency_name": "usd",
        "branding": {"logo_url": "https://api.massive.com/v1/reference/company-branding/images/logo.svg"},
    } | (company if ticker in market.BARS else {})
    return Reply({"request_id": REQUEST_ID, "results": results, "status": "OK"})
