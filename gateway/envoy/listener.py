"""The one port: HTTP/1.1 and HTTP/2 without TLS, REST and gRPC, and everything that a request passes on its way."""

from collections.abc import Sequence

from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import Rpc
from gateway.envoy.authentication import token_filter
from gateway.envoy.clusters import SERVICES
from gateway.envoy.edge_errors import local_replies
from gateway.envoy.extension import Json, extension, seconds, socket_address, typed
from gateway.envoy.pages import Page
from gateway.envoy.request_headers import headers_filter
from gateway.envoy.response_status import status_filter
from gateway.envoy.routes import buffer_filter, route_configuration
from gateway.envoy.telemetry import access_log, tracing
from gateway.envoy.transcoding import transcoding_filter
from gateway.settings import Settings, split_address

HEALTH_PATH = "/healthz"
MAX_HEADERS = 100
HEADER_SECONDS = 10
# Envoy believes more of what internal clients say. To us every client is a stranger.
NOBODY = {"address_prefix": "0.0.0.0", "prefix_len": 32}  # noqa: S104 - nothing is bound to it
# Headers by which the edge and the services speak among themselves; from a client they mean nothing.
OURS = ("x-envoy-", "x-plimsoll-")


def listener(settings: Settings, descriptors: Descriptors, rpcs: Sequence[Rpc], pages: Sequence[Page]) -> Json:
    """Give the listener."""
    manager = extension(
        "filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        codec_type="AUTO",
        server_name="plimsoll",
        route_config=route_configuration(settings, rpcs, pages),
        http_filters=_filters(settings, descriptors, rpcs, pages),
        local_reply_config=local_replies(settings.gateway_max_header_kib),
        access_log=access_log(settings),
        **_identity_of_requests(settings),
        **_limits(settings),
        **tracing(settings),
    )
    return {
        "name": "edge",
        "address": socket_address(*split_address(settings.gateway_address)),
        # A second gateway at this address must fail, not share it.
        "enable_reuse_port": False,
        "connection_balance_config": {"exact_balance": {}},
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [{"filters": [manager]}],
    }


def _filters(settings: Settings, descriptors: Descriptors, rpcs: Sequence[Rpc], pages: Sequence[Page]) -> list[Json]:
    open_paths = ["/", *(page.path for page in pages)]
    return [
        _health(),
        headers_filter(),
        status_filter(),
        token_filter(settings, rpcs, open_paths),
        buffer_filter(),
        transcoding_filter(descriptors, rpcs),
        extension("filters.http.router", "extensions.filters.http.router.v3.Router", suppress_envoy_headers=True),
    ]


def _health() -> Json:
    """Answer 200 while every service has a healthy instance, 503 otherwise and while draining."""
    return extension(
        "filters.http.health_check",
        "extensions.filters.http.health_check.v3.HealthCheck",
        pass_through_mode=False,
        headers=[{"name": ":path", "string_match": {"safe_regex": {"regex": rf"{HEALTH_PATH}(\?.*)?"}}}],
        cluster_min_healthy_percentages={name: {"value": 1} for name in SERVICES},
    )


def _identity_of_requests(settings: Settings) -> Json:
    """Say who asks, and under which id the request is spoken of."""
    return {
        # Services learn the client's address from x-envoy-external-address, which no client can forge.
        "use_remote_address": True,
        "xff_num_trusted_hops": settings.gateway_trusted_proxies,
        "internal_address_config": {"cidr_ranges": [NOBODY]},
        "early_header_mutation_extensions": [
            extension(
                "http.early_header_mutation.header_mutation",
                "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in OURS],
            )
        ],
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            # The id is the client's to choose: no bit of it is used for our own ends.
            "typed_config": typed(
                "extensions.request_id.uuid.v3.UuidRequestIdConfig",
                pack_trace_reason=False,
                use_request_id_for_trace_sampling=False,
            )
        },
    }


def _limits(settings: Settings) -> Json:
    idle = seconds(settings.gateway_idle_seconds)
    return {
        "request_headers_timeout": seconds(HEADER_SECONDS),
        "request_timeout": seconds(settings.gateway_request_seconds),
        "stream_idle_timeout": idle,
        "max_request_headers_kb": settings.gateway_max_header_kib,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "common_http_protocol_options": {
            "idle_timeout": idle,
            "max_headers_count": MAX_HEADERS,
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 256 << 10,
            "initial_connection_window_size": 1 << 20,
            "connection_keepalive": {"interval": "30s", "timeout": "10s"},
        },
    }
