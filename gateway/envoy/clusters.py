"""Where calls go: a cluster for each service, one for the gateway itself, one for the collector of traces.

A service may have one instance or many. A name is resolved to all its addresses; each instance is asked for its health
every second and left alone while it is ill. A lone instance is never thrown out for errors of single calls: that would
turn a few failures into an outage.
"""

from chassis.contract import PACKAGES
from gateway.envoy.extension import Json, extension, seconds, socket_address, typed
from gateway.settings import Settings, collector_address, is_ip, split_address

SERVICES = ("portfolio", "marketdata", "risk")
CLUSTER_OF_PACKAGE = {
    f"plimsoll.{package}.v1": service for service in SERVICES for package in PACKAGES.get(service, (service,))
}
"""The service that serves each proto package."""
SELF = "gateway"
COLLECTOR = "collector"

CONNECT_SECONDS = 1
# A name is asked for again and again, to keep up with instances that come and go.
BY_NAME = extension(
    "clusters.dns", "extensions.clusters.dns.v3.DnsCluster", dns_refresh_rate="5s", respect_dns_ttl=True
)
KEEPALIVE_SECONDS = 3
PING_SECONDS = 10
HEALTH_CHECK = {
    "timeout": "1s",
    "interval": "1s",
    "no_traffic_interval": "1s",
    "unhealthy_interval": "0.5s",
    "unhealthy_threshold": 3,
    "healthy_threshold": 1,
    "grpc_health_check": {},
}
OUTLIER_DETECTION = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": 5,
    # An error that a service answers with is its answer: UNAVAILABLE may speak of its database, and no other instance
    # has a better one.
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "enforcing_success_rate": 0,
    "enforcing_local_origin_success_rate": 0,
    "interval": "1s",
    "base_ejection_time": "5s",
    "max_ejection_percent": 50,
}


def clusters(settings: Settings) -> list[Json]:
    """Give every cluster."""
    addresses = {
        "portfolio": settings.portfolio_address,
        "marketdata": settings.marketdata_address,
        "risk": settings.risk_address,
    }
    found = [_service(name, addresses[name], settings.gateway_max_calls) for name in SERVICES]
    found.append(_cluster(SELF, *own_address(settings)))
    if settings.otlp_endpoint:
        host, port = collector_address(settings.otlp_endpoint)
        found.append(_cluster(COLLECTOR, host, port) | _speaks_http2())
    return found


def own_address(settings: Settings) -> tuple[str, int]:
    """Give the address at which the gateway reaches itself."""
    host, port = split_address(settings.gateway_address)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - compared with, not bound to


def _cluster(name: str, host: str, port: int) -> Json:
    return {
        "name": name,
        **({"type": "STATIC"} if is_ip(host) else {"cluster_type": BY_NAME}),
        "connect_timeout": seconds(CONNECT_SECONDS),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(host, port)}}]}],
        },
    }


def _service(name: str, address: str, max_calls: int) -> Json:
    host, port = split_address(address)
    thresholds = {"max_connections": 1024, "max_pending_requests": max_calls, "max_requests": max_calls}
    return (
        _cluster(name, host, port)
        | _speaks_http2()
        | {
            "lb_policy": "LEAST_REQUEST",
            "common_lb_config": {
                # Where no instance is healthy the answer is 503 at once, not a wait for a dead one.
                "healthy_panic_threshold": {"value": 0},
                # Envoy would collect changes for a second before it acts on them.
                "update_merge_window": "0s",
            },
            "circuit_breakers": {"thresholds": [{**thresholds, "max_retries": 50, "track_remaining": True}]},
            "health_checks": [HEALTH_CHECK],
            "outlier_detection": OUTLIER_DETECTION,
        }
    )


def _speaks_http2() -> Json:
    keepalive = {"interval": seconds(KEEPALIVE_SECONDS), "timeout": seconds(PING_SECONDS)}
    options = typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        # A frozen service is noticed by a ping that nobody answers.
        explicit_http_config={"http2_protocol_options": {"connection_keepalive": keepalive}},
    )
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}}
