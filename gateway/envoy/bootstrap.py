"""The whole of what Envoy is started with."""

from collections.abc import Sequence

from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import Rpc
from gateway.envoy.clusters import clusters
from gateway.envoy.extension import Json, extension, socket_address
from gateway.envoy.listener import listener
from gateway.envoy.pages import Page
from gateway.envoy.telemetry import application_log
from gateway.settings import Settings, split_address


def bootstrap(settings: Settings, descriptors: Descriptors, rpcs: Sequence[Rpc], pages: Sequence[Page]) -> Json:
    """Give Envoy's configuration."""
    return {
        "node": {"id": "gateway", "cluster": "plimsoll"},
        "admin": {"address": socket_address(*split_address(settings.gateway_admin_address))},
        "application_log_config": {"log_format": application_log(settings)},
        "overload_manager": _overload(settings),
        "static_resources": {
            "listeners": [listener(settings, descriptors, rpcs, pages)],
            "clusters": clusters(settings),
        },
    }


def _overload(settings: Settings) -> Json:
    """Refuse what would not fit, rather than fall over with everything that did."""
    heap = extension(
        "resource_monitors.fixed_heap",
        "extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
        max_heap_size_bytes=settings.gateway_max_heap_mib << 20,
    )
    connections = extension(
        "resource_monitors.global_downstream_max_connections",
        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=settings.gateway_max_connections,
    )
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [heap, connections],
        "actions": [
            _action("shrink_heap", 0.9),
            _action("stop_accepting_requests", 0.95),
        ],
    }


def _action(name: str, share_of_heap: float) -> Json:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": share_of_heap}}
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}
