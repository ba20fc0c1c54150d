"""Which paths lead where. What is not listed is not there: an internal RPC has no route, over REST or gRPC.

A REST call meets the table twice. Before transcoding its path is the client's, and only the size of its body is looked
up; afterwards its path is the RPC's, exactly as if a gRPC client had called, and the same entry serves both.
"""

from collections.abc import Iterable, Sequence

from chassis.contract import DEFAULT_REQUEST_BYTES, ContractError
from gateway.contract.rpcs import Rpc
from gateway.envoy.clusters import CLUSTER_OF_PACKAGE
from gateway.envoy.edge_errors import ROUTE_METADATA
from gateway.envoy.extension import Json, extension, seconds, typed
from gateway.envoy.pages import Page, page_routes
from gateway.envoy.transcoding import FILTER as TRANSCODER
from gateway.envoy.transcoding import FRAMING_BYTES
from gateway.settings import Settings

BUFFER = "envoy.filters.http.buffer"
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Each layer waits a little longer than the one behind it, so that the innermost, which knows most, gives the answer.
SERVICE_GRACE_SECONDS = 0.25
EDGE_GRACE_SECONDS = 0.5
NEVER_SENT = "connect-failure,refused-stream"
"""Failures after which a call cannot have had any effect."""
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


def route_configuration(settings: Settings, rpcs: Sequence[Rpc], pages: Sequence[Page]) -> Json:
    """Give the route table."""
    routes = [
        *(_call(settings, rpc) for rpc in rpcs),
        *page_routes(pages),
        _other_verbs(),
        *_larger_bodies(rpcs),
        _nothing_there(),
    ]
    return {
        "name": "edge",
        "max_direct_response_body_size_bytes": max(len(page.body) for page in pages),
        "virtual_hosts": [
            {
                "name": "edge",
                "domains": ["*"],
                "routes": routes,
                "response_headers_to_add": [_header(name, value) for name, value in SECURITY_HEADERS.items()],
                "response_headers_to_remove": ["grpc-accept-encoding"],
            }
        ],
    }


def buffer_filter() -> Json:
    """Give the filter that holds a request's body until it is whole, and refuses it when it grows too large."""
    limit = DEFAULT_REQUEST_BYTES + FRAMING_BYTES
    return extension("filters.http.buffer", "extensions.filters.http.buffer.v3.Buffer", max_request_bytes=limit)


def _call(settings: Settings, rpc: Rpc) -> Json:
    if rpc.package not in CLUSTER_OF_PACKAGE:
        raise ContractError(f"no service is known to serve {rpc.path}")
    action: Json = {"cluster": CLUSTER_OF_PACKAGE[rpc.package], **_time_limits(settings, rpc)}
    action["retry_policy"] = {"retry_on": NEVER_SENT if rpc.writes else f"{NEVER_SENT},reset", "num_retries": 2}
    route: Json = {
        "name": rpc.path,
        "match": {"path": rpc.path, "headers": [_verb("POST")]},
        "route": action,
        **_body_limit(rpc.max_request_bytes),
    }
    if rpc.seconds is not None:
        value = f"{1000 * (rpc.seconds + SERVICE_GRACE_SECONDS):.0f}m"
        route["request_headers_to_add"] = [_header("grpc-timeout", value)]
    return route


def _time_limits(settings: Settings, rpc: Rpc) -> Json:
    if rpc.seconds is None:
        return {"timeout": "0s", "idle_timeout": seconds(settings.gateway_idle_seconds)}
    limit = rpc.seconds + EDGE_GRACE_SECONDS
    # While a service computes, a stream is silent for good reason.
    return {"timeout": seconds(limit), "idle_timeout": seconds(max(limit + 1, settings.gateway_idle_seconds))}


def _other_verbs() -> Json:
    """Refuse HEAD, OPTIONS and the rest in words: they would be unknown paths to the transcoder."""
    known = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(VERBS)}}, "invert_match": True}
    return {
        "name": "other verbs",
        "match": {"prefix": "/", "headers": [known]},
        "direct_response": {"status": 405},
        "response_headers_to_add": [_header("allow", ", ".join(VERBS))],
        "typed_per_filter_config": {TRANSCODER: typed("config.route.v3.FilterConfig", disabled=True)},
    }


def _larger_bodies(rpcs: Iterable[Rpc]) -> list[Json]:
    return [
        {
            "name": f"{binding.verb} {binding.template.text}",
            "match": {"safe_regex": {"regex": binding.template.regex}, "headers": [_verb(binding.verb)]},
            "direct_response": {"status": 404},
            **_body_limit(rpc.max_request_bytes),
        }
        for rpc in rpcs
        if rpc.max_request_bytes != DEFAULT_REQUEST_BYTES
        for binding in rpc.bindings
    ]


def _nothing_there() -> Json:
    return {
        "name": "nothing there",
        "match": {"prefix": "/"},
        "direct_response": {"status": 404},
        **_body_limit(DEFAULT_REQUEST_BYTES),
    }


def _body_limit(limit: int) -> Json:
    """Give the largest body of a route, to the filter that keeps to it and to the error that names it."""
    per_route = typed(
        "extensions.filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": limit + FRAMING_BYTES}
    )
    return {
        "metadata": {"filter_metadata": {ROUTE_METADATA: {"limit_bytes": str(limit)}}},
        "typed_per_filter_config": {BUFFER: per_route},
    }


def _verb(verb: str) -> Json:
    return {"name": ":method", "string_match": {"exact": verb}}


def _header(name: str, value: str) -> Json:
    return {"header": {"key": name, "value": value}, "append_action": "ADD_IF_ABSENT"}
