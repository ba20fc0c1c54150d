"""Documents that Envoy itself serves: their bodies stand in the route table."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.envoy.extension import Json, typed
from gateway.envoy.transcoding import FILTER as TRANSCODER


@dataclass(frozen=True, slots=True)
class Page:
    """A document at a path."""

    path: str
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def page_routes(pages: Iterable[Page]) -> list[Json]:
    """Give the routes of documents, and from `/` to the first of them."""
    served = [_page(page) for page in pages]
    return [_start(served[0]["match"]["path"]), *served]


def _page(page: Page) -> Json:
    headers = {"content-type": page.content_type, "cache-control": "no-cache", **page.headers}
    return {
        "name": page.path,
        "match": {"path": page.path, "headers": [_reading()]},
        # As a string and not as bytes: the configuration is JSON, and this keeps it readable.
        "direct_response": {"status": 200, "body": {"inline_string": page.body.decode()}},
        "response_headers_to_add": [_set(name, value) for name, value in headers.items()],
        **_untranscoded(),
    }


def _start(path: str) -> Json:
    return {
        "name": "/",
        "match": {"path": "/", "headers": [_reading()]},
        "redirect": {"path_redirect": path, "response_code": "FOUND"},
        # Envoy would name scheme and host as it sees them; a proxy in front may have others.
        "response_headers_to_add": [_set("location", path)],
        **_untranscoded(),
    }


def _set(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _reading() -> Json:
    return {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}


def _untranscoded() -> Json:
    return {"typed_per_filter_config": {TRANSCODER: typed("config.route.v3.FilterConfig", disabled=True)}}
