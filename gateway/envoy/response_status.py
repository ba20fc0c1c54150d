"""The filter that gives an answer the HTTP status which gRPC has no code for."""

from pathlib import Path

from gateway.envoy.extension import Json, typed

SCRIPT = Path(__file__).with_name("response_status.lua")


def status_filter() -> Json:
    """Give the filter that answers 413 where a service refuses a file as too large."""
    source = {"inline_string": SCRIPT.read_text(encoding="utf-8")}
    script = typed("extensions.filters.http.lua.v3.Lua", default_source_code=source)
    return {"name": "plimsoll.response_status", "typed_config": script}
