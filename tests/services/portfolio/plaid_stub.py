"""A local Plaid: a real HTTP server that speaks the wire format of Plaid's API 2020-09-14, and can be made to fail.

Paths, fields and errors are those of https://plaid.com/docs/api/products/investments/ (investments/holdings/get),
.../api/accounts/ (accounts/get), .../api/link/ (link/token/create), .../api/items/ (item/public_token/exchange) and
https://plaid.com/docs/errors/, read on 2026-11-20; the values are made up.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PUBLIC_TOKEN = "public-sandbox-5c224a01-8314-4491-a06f-39e193d5cddc"
CLIENT_ID, SECRET = "5f0000000000000000000001", "a secret at plaid"
BROKERAGE, RETIREMENT, CHECKING = "brokerage-JqMLm4rJwpF6gMPJ", "ira-k67E4xKvMlhmleEa4pg9", "checking-5Bvpj4QknlhVWk7G"
Json = dict[str, Any]


def account(account_id: str, name: str, kind: str, subtype: str, current: float | None) -> Json:
    """An account, in the fields of `AccountBase`."""
    return {
        "account_id": account_id,
        "balances": {
            "available": None,
            "current": current,
            "iso_currency_code": "USD",
            "limit": None,
            "unofficial_currency_code": None,
        },
        "mask": "6666",
        "name": name,
        "official_name": None,
        "subtype": subtype,
        "type": kind,
        "holder_category": "personal",
        "a field of next year": {"is": "no problem"},
    }


def security(security_id: str, ticker: str | None, kind: str | None, **changed: Any) -> Json:
    """A security, in the fields of `Security`."""
    return {
        "close_price": 1.0,
        "close_price_as_of": "2022-12-27",
        "cusip": None,
        "fixed_income": None,
        "industry": None,
        "institution_id": None,
        "institution_security_id": None,
        "is_cash_equivalent": False,
        "isin": None,
        "iso_currency_code": "USD",
        "market_identifier_code": "XNAS",
        "name": f"{ticker} of a broker",
        "option_contract": None,
        "proxy_security_id": None,
        "sector": None,
        "security_id": security_id,
        "sedol": None,
        "ticker_symbol": ticker,
        "type": kind,
        "unofficial_currency_code": None,
        "update_datetime": None,
    } | changed


def line(account_id: str, security_id: str, quantity: float, price: float, cost: float | None = None) -> Json:
    """A line, in the fields of `Holding`."""
    return {
        "account_id": account_id,
        "cost_basis": cost,
        "institution_price": price,
        "institution_price_as_of": "2022-12-27",
        "institution_price_datetime": None,
        "institution_value": round(quantity * price, 2),
        "iso_currency_code": "USD",
        "quantity": quantity,
        "security_id": security_id,
        "unofficial_currency_code": None,
    }


SECURITIES = [
    security("sec-usd", "CUR:USD", "cash", is_cash_equivalent=True, name="U S Dollar"),
    security("sec-aapl", "AAPL", "equity"),
    security("sec-jpm", "JPM", "equity"),
    security("sec-sweep", "SPAXX", "mutual fund", is_cash_equivalent=True, name="Government money market"),
    security("sec-btc", "CUR:BTC", "cryptocurrency"),
    security("sec-odd", None, None, name="Something private"),
    security("sec-call", "AAPL230120C00150000", "derivative"),
]


class PlaidStub:
    """Knows one public token, gives one access token for it, and states two investment accounts."""

    def __init__(self) -> None:
        self.url = ""
        self.public_tokens = {PUBLIC_TOKEN}
        self.access_tokens: set[str] = set()
        self.asked: list[tuple[str, Json]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """Answers in place of the right ones, by path: status, headers, body."""
        self.accounts = [
            account(BROKERAGE, "Brokerage", "investment", "brokerage", 21_890.0),
            account(RETIREMENT, "Retirement", "investment", "ira", 10_000.0),
            account(CHECKING, "Checking", "depository", "checking", 110.0),
        ]
        self.lines = [
            line(BROKERAGE, "sec-aapl", 10.5, 126.0, cost=1050.0),
            line(BROKERAGE, "sec-jpm", 100, 200.0),
            line(BROKERAGE, "sec-call", -2, 0.0, cost=None),
            line(BROKERAGE, "sec-usd", 567.0, 1.0),
            # Stated as the fund, and as cash with 250.12 beside it.
            line(RETIREMENT, "sec-sweep", 9_749.88, 1.0),
            line(RETIREMENT, "sec-usd", 10_000.0, 1.0),
        ]

    def answer(self, path: str, headers: Any, request: Json) -> tuple[int, dict[str, str], bytes]:
        """Answer a request."""
        self.asked.append((path, request))
        if path in self.answers:
            return self.answers[path]
        if (headers.get("PLAID-CLIENT-ID"), headers.get("PLAID-SECRET")) != (CLIENT_ID, SECRET):
            return error(400, "INVALID_INPUT", "INVALID_API_KEYS")
        known = {
            "/link/token/create": self._link,
            "/item/public_token/exchange": self._exchange,
            "/accounts/get": self._accounts,
            "/investments/holdings/get": self._investments,
        }
        return known[path](request)

    def _link(self, request: Json) -> tuple[int, dict[str, str], bytes]:
        assert set(request) == {"client_name", "language", "country_codes", "products", "user"}
        assert request["products"] == ["investments"]
        return right({"link_token": "link-sandbox-af1a0311", "expiration": "2026-11-20T17:00:00Z"})

    def _exchange(self, request: Json) -> tuple[int, dict[str, str], bytes]:
        if request["public_token"] not in self.public_tokens:
            return error(400, "INVALID_INPUT", "INVALID_PUBLIC_TOKEN")
        token = f"access-sandbox-{len(self.access_tokens)}"
        self.access_tokens.add(token)
        return right({"access_token": token, "item_id": "M5eVJqLnv3tbzdngLDp9FL5OlDNxlNhlE55op"})

    def _accounts(self, request: Json) -> tuple[int, dict[str, str], bytes]:
        if request["access_token"] not in self.access_tokens:
            return error(400, "INVALID_INPUT", "INVALID_ACCESS_TOKEN")
        return right({"accounts": self.accounts, "item": {"item_id": "M5eVJqLnv3tbzdngLDp9FL5OlDNxlNhlE55op"}})

    def _investments(self, request: Json) -> tuple[int, dict[str, str], bytes]:
        if request["access_token"] not in self.access_tokens:
            return error(400, "INVALID_INPUT", "INVALID_ACCESS_TOKEN")
        accounts = [found for found in self.accounts if found["type"] == "investment"]
        return right({"accounts": accounts, "holdings": self.lines, "securities": SECURITIES, "item": {}})


def settings(stub: PlaidStub) -> dict[str, str]:
    """What sets a portfolio service up for it."""
    return {
        "PLIMSOLL_PLAID_CLIENT_ID": CLIENT_ID,
        "PLIMSOLL_PLAID_SECRET": SECRET,
        "PLIMSOLL_PLAID_BASE_URL": stub.url,
    }


def right(answer: Json) -> tuple[int, dict[str, str], bytes]:
    """What Plaid answers when all is well."""
    return 200, {}, json.dumps({**answer, "request_id": "45QSn"}).encode()


def error(status: int, kind: str, code: str) -> tuple[int, dict[str, str], bytes]:
    """An error of Plaid."""
    said = {"error_type": kind, "error_code": code, "error_message": "not for users", "display_message": None}
    return status, {}, json.dumps({**said, "request_id": "HNTDNrA8F1shFEW"}).encode()


@contextmanager
def running(stub: PlaidStub) -> Iterator[PlaidStub]:
    """Serve on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers, content = stub.answer(self.path, self.headers, json.loads(body))
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
