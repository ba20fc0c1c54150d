"""The public REST API as a program outside sees it. What goes wrong there is told in the API's own words."""

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from google.protobuf.json_format import ParseDict, ParseError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

Json = dict[str, Any]
TIMEOUT_SECONDS = 60.0
PATIENCE = 5
"""How often a call that came too soon is made again, each time when it was told to."""


class ApiError(Exception):
    """The API refused a call, or could not be reached."""

    def __init__(self, message: str, reason: str = "", violations: tuple[str, ...] = ()) -> None:
        text = f"{message} ({reason})" if reason else message
        super().__init__("\n".join([text, *(f"  {violation}" for violation in violations)]))
        self.reason = reason


class Api:
    """Calls of one caller. Use it as an asynchronous context manager."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.access_token = ""
        # Proxies of the environment are none of our business on loopback.
        self._client = httpx.AsyncClient(
            base_url=base_url, timeout=TIMEOUT_SECONDS, transport=transport, trust_env=False
        )

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def authorise(self, access_token: str) -> None:
        """Sends this token with every later call."""
        self.access_token = access_token
        self._client.headers["authorization"] = f"Bearer {access_token}"

    async def get(self, path: str, **query: str) -> Json:
        """Reads a resource."""
        return await self._call(self._client.build_request("GET", _with_query(path, query)))

    async def post(self, path: str, body: Json) -> Json:
        """Sends a JSON body."""
        return await self._call(self._client.build_request("POST", path, json=body))

    async def upload(self, path: str, file: bytes, content_type: str, **query: str) -> Json:
        """Sends a file as it is."""
        headers = {"content-type": content_type}
        return await self._call(
            self._client.build_request("POST", _with_query(path, query), content=file, headers=headers)
        )

    async def _call(self, request: httpx.Request) -> Json:
        response = await self._send(request)
        for _ in range(PATIENCE):
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS or "retry-after" not in response.headers:
                break
            await asyncio.sleep(float(response.headers["retry-after"]))  # it was counted, and not done
            response = await self._send(request)
        if response.is_error:
            raise refusal(response)
        answer: Json = response.json()
        return answer

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._client.send(request)
        except httpx.HTTPError as error:
            raise ApiError(f"{request.method} {request.url} failed: {str(error) or type(error).__name__}") from error


def _with_query(path: str, query: dict[str, str]) -> str:
    # A space is %20 by RFC 3986; httpx would write the + of HTML forms.
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def refusal(response: httpx.Response) -> ApiError:
    """A `google.rpc.Status` as an exception; anything else is quoted."""
    quoted = f"HTTP {response.status_code} from {response.request.url}: {response.text[:200]}"
    try:
        answer = response.json()
        status = ParseDict(answer, Status(), ignore_unknown_fields=True) if isinstance(answer, dict) else Status()
    except (ValueError, ParseError):
        return ApiError(quoted)
    if not status.code:
        return ApiError(quoted)
    reason, violations = "", []
    for detail in status.details:
        info, broken = ErrorInfo(), BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(broken):
            violations += [f"{field.field}: {field.description}" for field in broken.field_violations]
    return ApiError(status.message, reason, tuple(violations))
