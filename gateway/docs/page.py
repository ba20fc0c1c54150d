"""The documents that the gateway shows: the page and the OpenAPI document it draws.

The page is one answer: style and script stand in it, and its Content-Security-Policy names them by their hashes, so
that nothing else is ever run and no other host is ever asked.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from gateway.envoy.extension import Json
from gateway.envoy.pages import Page

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = ("elements.js", "schemas.js", "operations.js", "trial.js", "start.js")


def pages(openapi: Json) -> Sequence[Page]:
    """Give the page and its document; the first is where visitors land."""
    document = json.dumps(openapi, ensure_ascii=False, separators=(",", ":")).encode()
    return [_page(), Page("/openapi.json", "application/json", document)]


def _page() -> Page:
    style = _asset("page.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_asset(name) for name in SCRIPTS) + "})();\n"
    body = _asset("page.html").replace("{style}", style).replace("{script}", script)
    headers = {
        "content-security-policy": _policy(style, script),
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
    }
    return Page("/docs", "text/html; charset=utf-8", body.encode(), headers)


def _policy(style: str, script: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
