"""A collector of traces and metrics: takes what OTLP exporters send, and keeps it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(TraceServiceServicer, MetricsServiceServicer):
    """Keeps spans and the newest metrics."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, Metric] = {}
        self.resources: list[dict[str, str]] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        add_TraceServiceServicer_to_server(self, self._server)
        add_MetricsServiceServicer_to_server(self, self._server)
        self.endpoint = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        self._Export_of = {ExportTraceServiceRequest: self._keep_spans, ExportMetricsServiceRequest: self._keep_metrics}

    def Export(self, request: object, context: object) -> object:
        """Keep what an exporter sends."""
        return self._Export_of[type(request)](request)

    def stop(self) -> None:
        """Take no more."""
        self._server.stop(None).wait()

    def points(self, metric: str) -> Iterator[tuple[dict[str, str], NumberDataPoint | HistogramDataPoint]]:
        """Yield the points of a metric with their attributes."""
        found = self.metrics[metric]
        for point in (*found.sum.data_points, *found.histogram.data_points):
            yield texts(point.attributes), point

    def _keep_spans(self, request: ExportTraceServiceRequest) -> ExportTraceServiceResponse:
        for resource in request.resource_spans:
            self.resources.append(texts(resource.resource.attributes))
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return ExportTraceServiceResponse()

    def _keep_metrics(self, request: ExportMetricsServiceRequest) -> ExportMetricsServiceResponse:
        for resource in request.resource_metrics:
            self.metrics |= {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
        return ExportMetricsServiceResponse()


def texts(attributes: Iterator[KeyValue]) -> dict[str, str]:
    """Give the attributes that are texts."""
    return {pair.key: pair.value.string_value for pair in attributes}
