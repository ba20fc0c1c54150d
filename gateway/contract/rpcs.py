"""Every RPC of the contract: who may call it, how long it takes, how much it takes in, and the paths it answers at."""

from dataclasses import dataclass

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import MethodDescriptorProto

from chassis.contract import DEFAULT_REQUEST_BYTES, SECONDS, ContractError
from gateway.contract.descriptors import Descriptors
from gateway.contract.templates import Template
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy

LARGEST_REQUEST_BYTES = 11 << 20
HTTP_BODY = "google.api.HttpBody"


@dataclass(frozen=True, slots=True)
class Binding:
    """One way to call an RPC over REST."""

    verb: str
    """GET, POST, PUT, PATCH or DELETE."""
    template: Template
    body: str
    """`*` for the whole request, the name of a field, or empty for no body."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC."""

    package: str
    service: str
    name: str
    request: str
    """Full name of the request message."""
    response: str
    """Full name of the response message."""
    streams: bool
    policy: MethodPolicy
    bindings: tuple[Binding, ...]

    @property
    def service_name(self) -> str:
        """Full name of its service."""
        return f"{self.package}.{self.service}"

    @property
    def path(self) -> str:
        """Its path on the wire, which transcoded calls get as well."""
        return f"/{self.service_name}/{self.name}"

    @property
    def public(self) -> bool:
        """Whether anyone may call it."""
        return self.policy.access == MethodPolicy.PUBLIC

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.policy.scope == MethodPolicy.WRITE

    @property
    def seconds(self) -> float | None:
        """How long a call may take. None: without a limit."""
        return SECONDS[self.policy.timeout]

    @property
    def max_request_bytes(self) -> int:
        """The largest request it takes."""
        return self.policy.max_request_bytes or DEFAULT_REQUEST_BYTES


def routed_rpcs(descriptors: Descriptors) -> tuple[Rpc, ...]:
    """Give every RPC that the outside may reach, in the order of the protos: all but the internal ones.

    Raises:
        ContractError: an RPC has no policy, or asks for what the edge cannot give.
    """
    found = [
        _rpc(file.package, service.name, method)
        for file in descriptors.files
        if file.package.startswith("plimsoll.")
        for service in file.service
        for method in service.method
    ]
    routed = tuple(rpc for rpc in found if rpc.policy.access != MethodPolicy.INTERNAL)
    for rpc in routed:
        _check(rpc)
    return routed


def _rpc(package: str, service: str, method: MethodDescriptorProto) -> Rpc:
    policy = method.options.Extensions[method_pb2.method]
    if not (policy.access and policy.scope and policy.timeout):
        raise ContractError(f"/{package}.{service}/{method.name} has no complete plimsoll.options.v1.method")
    if method.client_streaming:
        raise ContractError(f"/{package}.{service}/{method.name} streams requests, which would pass the body limits")
    return Rpc(
        package=package,
        service=service,
        name=method.name,
        request=method.input_type.lstrip("."),
        response=method.output_type.lstrip("."),
        streams=method.server_streaming,
        policy=policy,
        bindings=_bindings(method),
    )


def _bindings(method: MethodDescriptorProto) -> tuple[Binding, ...]:
    if not method.options.HasExtension(annotations_pb2.http):
        return ()
    rule = method.options.Extensions[annotations_pb2.http]
    return tuple(_binding(each) for each in [rule, *rule.additional_bindings])


def _binding(rule: HttpRule) -> Binding:
    verb = rule.WhichOneof("pattern")
    if verb is None or verb == "custom":
        raise ContractError(f"an HTTP rule names no plain method: {rule}")
    return Binding(verb.upper(), Template(getattr(rule, verb)), rule.body)


def _check(rpc: Rpc) -> None:
    for binding in rpc.bindings:
        if binding.verb == "GET" and rpc.writes:
            # The cookie authorises GET: such a route would be open to any page that a browser shows.
            raise ContractError(f"{rpc.path} writes and is bound to GET {binding.template.text}")
    if rpc.max_request_bytes > LARGEST_REQUEST_BYTES:
        raise ContractError(f"{rpc.path} takes {rpc.max_request_bytes} bytes, the edge {LARGEST_REQUEST_BYTES}")
    if rpc.streams != (rpc.seconds is None):
        raise ContractError(f"{rpc.path} must have the timeout class STREAM if and only if it streams")
