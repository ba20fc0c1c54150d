"""What Envoy tells of its requests: a line for each, and spans where a collector is configured."""

from gateway.envoy.authentication import JWKS_PATH
from gateway.envoy.clusters import COLLECTOR
from gateway.envoy.extension import Json, extension
from gateway.settings import Settings

FIELDS = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3f+00:00)%",
    "level": "info",
    "service": "gateway",
    "logger": "gateway.access",
    "message": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)% %PATH(NQ)% %RESPONSE_CODE%",
    "grpc_code": "%GRPC_STATUS(SNAKE_STRING)%",
    "milliseconds": "%DURATION%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "trace_id": "%TRACE_ID%",
}
TEXT = (
    "%START_TIME(%H:%M:%S)% info    %REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)% %PATH(NQ)% %RESPONSE_CODE%"
    " milliseconds=%DURATION% details=%RESPONSE_CODE_DETAILS% request_id=%REQ(X-REQUEST-ID)%\n"
)


def access_log(settings: Settings) -> list[Json]:
    """Give the log of requests, without the two that only this installation makes: health, and the edge's own keys."""
    if not settings.gateway_access_log:
        return []
    form: Json = (
        {"json_format": FIELDS, "omit_empty_values": True}
        if settings.log_format == "json"
        else {"text_format_source": {"inline_string": TEXT}}
    )
    own_key_fetch = {
        "name": "x-envoy-original-path",
        "string_match": {"exact": JWKS_PATH},
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    wanted = {
        "and_filter": {"filters": [{"not_health_check_filter": {}}, {"header_filter": {"header": own_key_fetch}}]}
    }
    log = extension("access_loggers.stderr", "extensions.access_loggers.stream.v3.StderrAccessLog", log_format=form)
    return [log | {"filter": wanted}]


def tracing(settings: Settings) -> Json:
    """Give the tracing of the listener. Without a collector a client's `traceparent` just passes through."""
    if not settings.otlp_endpoint:
        return {}
    provider = extension(
        "tracers.opentelemetry",
        "config.trace.v3.OpenTelemetryConfig",
        grpc_service={"envoy_grpc": {"cluster_name": COLLECTOR}, "timeout": "1s"},
        service_name="gateway",
    )
    return {"tracing": {"provider": provider, "spawn_upstream_span": False}}


def application_log(settings: Settings) -> Json:
    """Give the form of Envoy's own messages."""
    if settings.log_format == "text":
        return {"text_format": "%H:%M:%S %l envoy.%n %v"}
    line = {
        "time": "%Y-%m-%dT%T.%e%z",
        "level": "%l",
        "service": "gateway",
        "logger": "envoy.%n",
        "message": "%j",
    }
    return {"json_format": line}
