"""Spans, rates, errors and durations of every RPC, by OpenTelemetry.

The API alone is imported; the SDK and its exporter are loaded only where a collector is configured.
"""

import logging
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from opentelemetry import metrics, propagate, trace

from chassis.call import Call

log = logging.getLogger("chassis.access")
tracer = trace.get_tracer("plimsoll")
meter = metrics.get_meter("plimsoll")
calls = meter.create_counter("plimsoll.rpc.calls", description="RPCs served, by method and code")
BOUNDARIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Of the histogram, in seconds; those of the SDK suit milliseconds."""
durations = meter.create_histogram(
    "plimsoll.rpc.duration",
    unit="s",
    description="time to serve an RPC",
    explicit_bucket_boundaries_advisory=BOUNDARIES,
)
TRACE_HEADERS = ("traceparent", "tracestate")
EXPORT_SECONDS = 1
"""How long the collector may take for a batch: a dead one must not hold up the end of the process."""
SPANS_AT_ONCE = 2048


@dataclass(slots=True)
class Observed:
    """What became of a call."""

    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""

    def fail(self, code: grpc.StatusCode, reason: str) -> None:
        """Say that the call failed."""
        self.code, self.reason = code, reason


@contextmanager
def observe(call: Call) -> Iterator[Observed]:
    """Record one call: a span under the caller's trace, a count, a duration and a log line."""
    path = call.method.path if call.method else "unknown"
    observed = Observed()
    started = time.perf_counter()
    parent = propagate.extract(call.metadata)
    with tracer.start_as_current_span(path.lstrip("/"), context=parent, kind=trace.SpanKind.SERVER) as span:
        try:
            yield observed
        except BaseException:
            observed.fail(grpc.StatusCode.CANCELLED, "")
            raise
        finally:
            seconds = time.perf_counter() - started
            attributes = {"rpc.method": path, "rpc.code": observed.code.name}
            span.set_attributes({**attributes, "plimsoll.request_id": call.request_id})
            if observed.code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE):
                span.set_status(trace.StatusCode.ERROR, observed.reason)
            calls.add(1, attributes)
            durations.record(seconds, attributes)
            fields: dict[str, object] = {"method": path, "code": observed.code.name, "reason": observed.reason}
            fields |= {
                "milliseconds": round(seconds * 1000, 2),
                "user_id": call.principal.user_id if call.principal else "",
            }
            log.info("%s %s", path.rpartition("/")[2], observed.code.name, extra={"fields": fields})


def carry_trace(metadata: MutableMapping[str, str], call: Call | None) -> None:
    """Put the current trace into the metadata of a call to be made; without the SDK, hand on what came in."""
    propagate.inject(metadata)
    for header in TRACE_HEADERS:
        if call and header not in metadata and (value := call.metadata.get(header)):
            metadata[header] = value


def configure(service: str, endpoint: str) -> None:
    """Send spans and metrics to a collector, and trace SQL as well. Without an endpoint, do nothing."""
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": service, "service.namespace": "plimsoll"})
    insecure = not endpoint.startswith("https://")
    provider = TracerProvider(resource=resource)
    spans = OTLPSpanExporter(endpoint=endpoint, insecure=insecure, timeout=EXPORT_SECONDS)
    # What is still to be sent at the end goes in one batch, so that there is one time-out and not several.
    provider.add_span_processor(
        BatchSpanProcessor(spans, max_queue_size=SPANS_AT_ONCE, max_export_batch_size=SPANS_AT_ONCE)
    )
    trace.set_tracer_provider(provider)
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=endpoint, insecure=insecure, timeout=EXPORT_SECONDS)
    )
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))
    AsyncPGInstrumentor().instrument()  # type: ignore[no-untyped-call] # untyped library
