"""The first filter: what a client's headers may say, written in the Lua that Envoy runs."""

from pathlib import Path

from gateway.envoy.extension import Json, extension

SCRIPT = Path(__file__).with_name("request_headers.lua")


def headers_filter() -> Json:
    """Give the filter that turns the cookie into a token where it may be one, and drops what must not go on."""
    source = {"inline_string": SCRIPT.read_text(encoding="utf-8")}
    return extension("filters.http.lua", "extensions.filters.http.lua.v3.Lua", default_source_code=source)
