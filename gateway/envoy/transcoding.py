"""REST to gRPC: what Envoy's transcoder is told, and the part of the contract that it gets to see."""

import base64
from collections.abc import Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import LARGEST_REQUEST_BYTES, Rpc
from gateway.envoy.extension import Json, extension

FILTER = "envoy.filters.http.grpc_json_transcoder"
LARGEST_RESPONSE_BYTES = 32 << 20
FRAMING_BYTES = 1 << 10
"""What a message weighs more on the wire than its body: gRPC's own five bytes, and the fields beside an upload."""


def transcoding_filter(descriptors: Descriptors, rpcs: Sequence[Rpc]) -> Json:
    """Give the filter that makes gRPC calls of REST requests."""
    reachable = [rpc for rpc in rpcs if rpc.bindings]
    return extension(
        "filters.http.grpc_json_transcoder",
        "extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor_bin=base64.b64encode(visible_descriptors(descriptors, reachable)).decode(),
        services=sorted({rpc.service_name for rpc in reachable}),
        print_options={
            "always_print_primitive_fields": True,
            "preserve_proto_field_names": True,
            "stream_sse_style_delimited": True,
        },
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        case_insensitive_enum_parsing=True,
        convert_grpc_status=True,
        query_param_unescape_plus=True,
        max_request_body_size=LARGEST_REQUEST_BYTES + FRAMING_BYTES,
        max_response_body_size=LARGEST_RESPONSE_BYTES,
    )


def visible_descriptors(descriptors: Descriptors, reachable: Sequence[Rpc]) -> bytes:
    """Give the descriptor set without any RPC that REST cannot reach, and without comments."""
    paths = {rpc.path for rpc in reachable}
    visible = FileDescriptorSet(file=descriptors.files)
    for file in visible.file:
        file.ClearField("source_code_info")
        for service in file.service:
            kept = [each for each in service.method if f"/{file.package}.{service.name}/{each.name}" in paths]
            del service.method[:]
            service.method.extend(kept)
    return visible.SerializeToString(deterministic=True)
