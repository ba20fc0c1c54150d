"""The form in which Envoy names a typed configuration, and the words that recur in it."""

from typing import Any

Json = dict[str, Any]


def typed(type_name: str, **fields: Any) -> Json:
    """Give a typed configuration: its message's full name without the leading `envoy.`, and its fields."""
    return {"@type": f"type.googleapis.com/envoy.{type_name}", **fields}


def extension(name: str, type_name: str, **fields: Any) -> Json:
    """Give a named extension with its typed configuration."""
    return {"name": f"envoy.{name}", "typed_config": typed(type_name, **fields)}


def seconds(value: float) -> str:
    """Write a duration."""
    return f"{value:g}s"


def socket_address(host: str, port: int) -> Json:
    """Give the address of a socket."""
    return {"socket_address": {"address": host, "port_value": port}}
