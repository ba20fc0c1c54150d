"""Plaid through its own client, `plaid-python`, an optional extra.

The client builds requests and says who we are; answers are read here from their JSON, so that amounts keep every digit
and a new kind of account breaks nothing. Only the host of the settings is ever asked: redirects are not followed, and
what a user sends is a token that Plaid gave and goes back to Plaid alone. The package has 2,300 modules and is imported
when the first user asks. (https://plaid.com/docs/api/products/investments/ and .../api/link/, read on 2026-11-20.)
"""

import asyncio
import datetime
import importlib.util
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NoReturn

from chassis.errors import FailedPrecondition, InvalidFields, Unavailable, Violation
from services.portfolio.clients.oidc import is_loopback
from services.portfolio.clients.plaid_answers import account_of, statement_of
from services.portfolio.domain.brokerage import BrokerAccount, BrokerStatement, Connection, LinkToken

log = logging.getLogger(__name__)
PACKAGE = "plaid"
CLIENT_NAME = "Plimsoll"
TIMEOUT_SECONDS = (5.0, 20.0)
"""To connect, and between two parts of an answer."""
LARGEST_ANSWER = 16 << 20
INVESTMENT = "investment"
UNUSABLE = {"ITEM_ERROR", "INSTITUTION_ERROR", "INVALID_RESULT"}
"""Types of Plaid's errors that concern one login, as https://plaid.com/docs/errors/ has them."""


def is_installed() -> bool:
    """Say whether the extra is there."""
    return importlib.util.find_spec(PACKAGE) is not None


class Plaid:
    """Implements the port `Brokerage`."""

    def __init__(self, base_url: str, client_id: str, secret: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._client_id = client_id
        self._secret = secret
        self._api: Any = None

    async def link_token(self, user_id: str) -> LinkToken:
        """Begin a login of a user, of whom Plaid learns the id that we made."""

        def request(model: Any) -> Any:
            return model("link_token_create_request").LinkTokenCreateRequest(
                client_name=CLIENT_NAME,
                language="en",
                country_codes=[model("country_code").CountryCode("US")],
                products=[model("products").Products("investments")],
                user=model("link_token_create_request_user").LinkTokenCreateRequestUser(client_user_id=user_id),
            )

        found = await self._ask("link_token_create", request)
        with _readable("link_token_create"):
            return LinkToken(str(found["link_token"]), datetime.datetime.fromisoformat(str(found["expiration"])))

    async def exchange(self, public_token: str) -> Connection:
        """Turn what a login gave into the right to read.

        Raises:
            InvalidFields: Plaid does not know the token, or does not any more.
        """

        def request(model: Any) -> Any:
            return model("item_public_token_exchange_request").ItemPublicTokenExchangeRequest(public_token=public_token)

        found = await self._ask("item_public_token_exchange", request)
        with _readable("item_public_token_exchange"):
            return Connection(str(found["item_id"]), str(found["access_token"]))

    async def accounts(self, access_token: str) -> tuple[BrokerAccount, ...]:
        """Give the investment accounts of a login."""

        def request(model: Any) -> Any:
            return model("accounts_get_request").AccountsGetRequest(access_token=access_token)

        found = await self._ask("accounts_get", request)
        with _readable("accounts_get"):
            return tuple(account_of(account) for account in found["accounts"] if account["type"] == INVESTMENT)

    async def statement(self, access_token: str) -> BrokerStatement:
        """Give what stands in the investment accounts of a login."""

        def request(model: Any) -> Any:
            return model("investments_holdings_get_request").InvestmentsHoldingsGetRequest(access_token=access_token)

        found = await self._ask("investments_holdings_get", request)
        with _readable("investments_holdings_get"):
            return statement_of(found, INVESTMENT)

    async def _ask(self, method: str, request: Callable[[Any], Any]) -> Mapping[str, Any]:
        return await asyncio.to_thread(self._asked, method, request)

    def _asked(self, method: str, request: Callable[[Any], Any]) -> Mapping[str, Any]:
        """Call Plaid, and give the JSON that it answers. Blocking."""
        from plaid import ApiException
        from urllib3.exceptions import HTTPError

        try:
            call = getattr(self._connected(), method)
            answer = call(request(_model), _preload_content=False, _request_timeout=TIMEOUT_SECONDS)
            content = answer.read(LARGEST_ANSWER + 1, decode_content=True)
        except ApiException as error:
            _refuse(method, error)
        except HTTPError as error:  # and with it whatever the wire does, redirects included
            log.warning("plaid does not answer %s: %s", method, type(error).__name__)
            raise Unavailable("plaid") from None
        return _read(method, content)

    def _connected(self) -> Any:
        if self._api is None:
            import plaid
            from plaid.api.plaid_api import PlaidApi
            from urllib3 import Retry

            configuration = plaid.Configuration(
                host=self._base_url, api_key={"clientId": self._client_id, "secret": self._secret}
            )
            configuration.retries = Retry(total=0, redirect=0, raise_on_redirect=True)
            if is_loopback(self._base_url):
                configuration.proxy = None
            self._api = PlaidApi(plaid.ApiClient(configuration))
        return self._api


def _model(name: str) -> Any:
    return importlib.import_module(f"plaid.model.{name}")


@contextmanager
def _readable(method: str) -> Iterator[None]:
    """Take an answer that has not what we need for none.

    Raises:
        Unavailable: so it is.
    """
    try:
        yield
    except (ArithmeticError, KeyError, RecursionError, TypeError, ValueError) as error:
        log.warning("plaid answers %s with what cannot be read: %r", method, error)
        raise Unavailable("plaid") from None


def _read(method: str, content: bytes) -> Mapping[str, Any]:
    with _readable(method):
        if len(content) > LARGEST_ANSWER:
            raise ValueError(f"more than {LARGEST_ANSWER} bytes")
        found = json.loads(content, parse_float=Decimal, parse_constant=_no_number)
        if isinstance(found, dict):
            return found
        raise TypeError("no object")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _refuse(method: str, error: Any) -> NoReturn:
    """Raise what an error of Plaid means; its own message may hold tokens and is told to nobody."""
    try:
        said = json.loads(error.body or "{}")
    except ValueError:
        said = {}
    kind, code = str(said.get("error_type", "")), str(said.get("error_code", ""))
    request_id = said.get("request_id")
    log.warning("plaid refuses %s: status %s, %s %s, request %s", method, error.status, kind, code, request_id)
    if code == "INVALID_PUBLIC_TOKEN":
        rule = "is no token that Plaid gave in the last half hour and that was not exchanged yet"
        raise InvalidFields([Violation("public_token", "", rule)])
    if kind in UNUSABLE or code == "INVALID_ACCESS_TOKEN":
        message = f"Plaid cannot read at this broker ({code}): sign in there again"
        raise FailedPrecondition("PLAID_LOGIN_UNUSABLE", message, plaid_code=code)
    raise Unavailable("plaid")
