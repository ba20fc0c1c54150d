"""Example values that obey their schemas: by the name of the field where one is known, else the plainest that fits."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

BY_NAME: dict[str, Any] = {
    "access_token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI0ZjZjIn0.c2lnbmF0dXJl",
    "amount": 12500.0,
    "as_of_date": "2022-12-28",
    "asset_class": "bonds",
    "available": True,
    "base_currency": "USD",
    "benchmark": "QUAL",
    "benchmarks": ["AGG", "BND"],
    "cash_balance": 12500.0,
    "change": -3.99,
    "change_percent": -3.07,
    "close": 126.04,
    "commit": True,
    "cost_basis": 12141.0,
    "currency": "USD",
    "current_password": "correct horse battery staple",
    "data_version": 3,
    "display_name": "Ada Lovelace",
    "elapsed_ms": 3.2,
    "email": "ada@example.com",
    "end_date": "",
    "entry_date": "2021-03-15",
    "entry_price": 121.41,
    "exchange": "XNAS",
    "exit_date": "",
    "expires_in": 900,
    "expiry_date": "2023-01-20",
    "field": "quantity",
    "gross_exposure": 472500.0,
    "healthy": True,
    "high": 131.03,
    "industry": "Technology Hardware, Storage & Peripherals",
    "id_token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMCJ9.c2lnbmF0dXJl",
    "instrument_id": 1,
    "key": "plim_pM3u0Zt4yQm8Vw1b0Zt4yQm8Vw1b0Zt4yQm8Vw1b0Zt",
    "life_days": 90,
    "last": 126.04,
    "line": 7,
    "long_count": 16,
    "long_exposure": 472500.0,
    "long_percentage": 97.42,
    "low": 125.87,
    "market_value": 12604.0,
    "message": "'twelve' is not a number",
    "model_version": "1",
    "modelled_gross_exposure": 460000.0,
    "modelled_percent": 97.35,
    "multiplier": 1.0,
    "name": "Long-term savings",
    "net_asset_value": 485000.0,
    "net_exposure": 472500.0,
    "new_password": "a longer horse and a better battery",
    "nonce": "n-0S6_WzA2Mj",
    "open": 129.67,
    "password": "correct horse battery staple",
    "portfolio_id": "4f6c2c0e-8a57-4d0c-9c1e-2b7f0a6d3e51",
    "portfolio_name": "Long-term savings",
    "portfolio_revision": 1,
    "position_count": 16,
    "position_id": "0b8f7a4e-52d1-4c93-b1a6-7d9e3f5c2a10",
    "positions_saved_count": 15,
    "prefix": "plim_pM3u0Zt",
    "previous_close": 130.03,
    "price": 126.04,
    "price_basis": "total_return_adjusted",
    "price_source": "close",
    "public_token": "public-sandbox-4f6c2c0e-8a57-4d0c",
    "quantity": 100.0,
    "realized_pnl": 2250.0,
    "reason": "",
    "refresh_token": "b0Zt4yQm8Vw1",
    "request_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "result_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "revision": 1,
    "right": "C",
    "row_count": 16,
    "schema_revision": "0001",
    "sector": "Information Technology",
    "source": "bundled",
    "start_date": "2022-01-03",
    "strike": 150.0,
    "symbol": "AAPL",
    "symbols": ["AAPL", "MSFT"],
    "tags": ["core"],
    "tenors": ["10Y"],
    "token_type": "Bearer",
    "total_pnl": 38250.0,
    "total_positions": 16,
    "total_value": 485000.0,
    "unrealized_pnl": 463.0,
    "user_id": "e1b0c6de-0b53-4f0c-8a0e-5c2f6a9d7b34",
    "value": "twelve",
    "valued_count": 16,
    "version": "0.1.0",
    "volume": 85438400.0,
    "warnings": [],
}
BY_OWNER: dict[str, Any] = {
    "ApiKey.api_key_id": "8d0f5a4c-1c7e-4b1f-9a55-0e6a2f3d7b18",
    "ApiKey.name": "Nightly report",
    "AuditEvent.action": "session_opened",
    "AuditEvent.details": {"by": "password", "client_address": "203.0.113.7"},
    "AuditEvent.event_id": "1042",
    "CreateApiKeyRequest.name": "Nightly report",
    "CompletePortfolio.market_value": 472500.0,
    "Dependency.name": "database",
    "Dependency.state": "UP",
    "Factor.description": "What companies of good credit pay over the Treasury.",
    "Factor.less_proxies": ["IEF", "VGIT"],
    "Factor.name": "Credit",
    "Factor.proxies": ["LQD", "VCIT"],
    "ExcludedPosition.reason": "no_price",
    "ExcludedPosition.symbol": "AAPL230120C00150000",
    "Profile.default_risk_limits": {"max_volatility": 0.4, "max_loss": -0.25},
    "Profile.notification_preferences": {"alerts": True, "news": False},
    "UpdateProfileRequest.default_risk_limits": {"max_volatility": 0.4, "max_loss": -0.25},
    "UpdateProfileRequest.notification_preferences": {"alerts": True, "news": False},
    "Instrument.name": "Apple Inc.",
    "Pnl.unrealized_pnl": 36000.0,
    "RowIssue.reason": "not_a_number",
    "ServiceHealth.service": "portfolio",
    "ValuedPosition.name": "Apple Inc.",
}
"""Where a name means something else in one message, by the last part of the message's name."""
LEFT_OUT = {
    "UpdateProfileRequest.clear",
    "UpdateProfileRequest.revision",
    "User.disabled_time",
    "Instrument.option",
    "Position.exit_price",
    "Position.option",
    "Quote.ask",
    "Quote.bid",
    "ResultMetadata.date_range",
    "ResultMetadata.lookback_days",
    "ResultMetadata.observations",
    "request_id",
}
"""Fields that an ordinary answer does not have; and the one whose value must never be used twice."""
BY_SUFFIX: dict[str, Any] = {
    "_date": "2022-12-28",
    "_id": "4f6c2c0e-8a57-4d0c-9c1e-2b7f0a6d3e51",
    "_symbol": "AAPL",
    "_time": "2022-12-28T21:00:00Z",
    "_token": "",
}
BY_FORMAT: dict[str, Any] = {
    "date-time": "2022-12-28T21:00:00Z",
    "email": "ada@example.com",
    "int64": "1",
    "uint64": "1",
    "uuid": "4f6c2c0e-8a57-4d0c-9c1e-2b7f0a6d3e51",
}
BY_TYPE: dict[str, list[Any]] = {
    "boolean": [False],
    "integer": [0, 1],
    "number": [0.0, 1.0],
    "string": ["", "text"],
}
KEYS = ["AAPL", "USD", "largest_sector"]
"""What entries of a map are known by: a symbol where it obeys the rules of the key, else a currency, else a name."""


class NoExample(LookupError):
    """No value is known that obeys a schema."""


class Examples:
    """Makes examples of the schemas of one document."""

    def __init__(self, components: Mapping[str, Json]) -> None:
        self._components = components

    def of(self, schema: Json, name: str = "", within: tuple[str, ...] = ()) -> Any:
        """Give an example of a schema, for a field of that name.

        Raises:
            NoExample: none of the known values obeys it.
        """
        if "$ref" in schema:
            component = schema["$ref"].rpartition("/")[2]
            return self.of(self._components[component], name, (*within, component))
        match schema.get("type"):
            case "object":
                return self._object(schema, within)
            case "array":
                return self._array(schema, name, within)
        for value in _candidates(schema, name):
            if obeys(value, schema):
                return value
        raise NoExample(f"{name or 'a value'}: {schema}")

    def _object(self, schema: Json, within: tuple[str, ...]) -> Json:
        if "additionalProperties" in schema:
            keys = schema.get("propertyNames", {})
            key = next(each for each in keys.get("enum", KEYS) if obeys(each, {"type": "string"} | keys))
            return {key: self.of(schema["additionalProperties"], "", within)}
        required = schema.get("required", ())
        owner = schema.get("title", "").rpartition(".")[2]
        return {
            name: BY_OWNER.get(f"{owner}.{name}") or self.of(inner, name, within)
            for name, inner in schema.get("properties", {}).items()
            if name in required or not ({name, f"{owner}.{name}"} & LEFT_OUT or self._circular(inner, within))
        }

    def _array(self, schema: Json, name: str, within: tuple[str, ...]) -> list[Any]:
        if "$ref" not in schema["items"] and isinstance(known := BY_NAME.get(name), list):
            return known
        if self._circular(schema["items"], within):
            return []
        return [self.of(schema["items"], name, within)]

    def _circular(self, schema: Json, within: tuple[str, ...]) -> bool:
        inner = schema.get("items", schema)
        return bool("$ref" in inner and inner["$ref"].rpartition("/")[2] in within)


def _candidates(schema: Json, name: str) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]
    if "enum" in schema:
        yield from (value for value in schema["enum"] if not str(value).endswith("_UNSPECIFIED"))
    if name in BY_NAME:
        yield BY_NAME[name]
    yield from (value for suffix, value in BY_SUFFIX.items() if name.endswith(suffix))
    if schema.get("format") in BY_FORMAT:
        yield BY_FORMAT[schema["format"]]
    yield from BY_TYPE.get(schema.get("type", ""), [])
    yield from (schema[bound] for bound in ("minimum", "maximum") if bound in schema)


def obeys(value: Any, schema: Json) -> bool:
    """Whether a single value obeys a schema's type and rules, as far as this document uses them."""
    if "anyOf" in schema:
        outer = {key: rule for key, rule in schema.items() if key != "anyOf"}
        return obeys(value, outer) and any(obeys(value, outer | each) for each in schema["anyOf"])
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    match schema.get("type"):
        case "string":
            return isinstance(value, str) and _text_obeys(value, schema)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and _number_obeys(value, schema)
        case "number":
            return isinstance(value, float) and _number_obeys(value, schema)
        case _:
            return True


def _text_obeys(value: str, schema: Json) -> bool:
    length = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    shape = schema.get("format") not in BY_FORMAT or value == BY_FORMAT[schema["format"]] or _is_uuid(value, schema)
    return length and shape and re.search(schema.get("pattern", ""), value) is not None


def _is_uuid(value: str, schema: Json) -> bool:
    return schema["format"] == "uuid" and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def _number_obeys(value: float, schema: Json) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )
