"""What the contract demands of each RPC, read once from the generated descriptors.

A method's policy decides who may call, how long, and how much; a service with an RPC that lacks one does not start.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import Default

from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy

DEFAULT_REQUEST_BYTES = 1 << 20
SECONDS = {
    MethodPolicy.FAST: 5.0,
    MethodPolicy.STANDARD: 30.0,
    MethodPolicy.LONG: 120.0,
    MethodPolicy.STREAM: None,
}

PACKAGES = {"portfolio": ("identity", "portfolio")}
"""Proto packages that a service serves, where they are not the one of its own name."""


class ContractError(Exception):
    """The contract itself is incomplete: a defect, found at start."""


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its path on the wire and what it demands."""

    path: str
    access: "MethodPolicy.Access.ValueType"
    writes: bool
    seconds: float | None
    max_request_bytes: int

    @property
    def public(self) -> bool:
        """Whether anyone may call it."""
        return self.access == MethodPolicy.PUBLIC

    @property
    def internal(self) -> bool:
        """Whether only another service may call it."""
        return self.access == MethodPolicy.INTERNAL


def _method(descriptor: MethodDescriptor) -> Method:
    policy: MethodPolicy = descriptor.GetOptions().Extensions[method_pb2.method]
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    if not (policy.access and policy.scope and policy.timeout):
        raise ContractError(f"{path} has no complete plimsoll.options.v1.method")
    if descriptor.server_streaming or descriptor.client_streaming:
        raise ContractError(f"{path} is a stream, which the pipeline does not serve yet")
    return Method(
        path=path,
        access=policy.access,
        writes=policy.scope == MethodPolicy.WRITE,
        seconds=SECONDS[policy.timeout],
        max_request_bytes=policy.max_request_bytes or DEFAULT_REQUEST_BYTES,
    )


@cache
def method(path: str) -> Method | None:
    """Give the RPC at a path such as `/plimsoll.risk.v1.AnalyticsService/GetOverview`, or None if it is not ours.

    Health checks and reflection are not ours: they come from grpcio and carry no policy.
    """
    service, _, name = path.lstrip("/").partition("/")
    if not service.startswith("plimsoll."):
        return None
    try:
        descriptor: ServiceDescriptor = Default().FindServiceByName(service)
    except KeyError:
        return None
    found = descriptor.methods_by_name.get(name)
    return _method(found) if found else None


def methods(services: Iterable[str]) -> dict[str, Method]:
    """Give every RPC of the named proto services by path.

    Raises:
        ContractError: one of them carries no complete policy, or is a stream.
    """
    found = (_method(m) for name in services for m in Default().FindServiceByName(name).methods)
    return {m.path: m for m in found}


def services_of(server: str) -> list[str]:
    """Give the full names of the proto services that one of our services serves."""
    found: list[str] = []
    for package in PACKAGES.get(server, (server,)):
        root = importlib.import_module(f"plimsoll.{package}.v1")
        for module in pkgutil.iter_modules(root.__path__, f"{root.__name__}."):
            if module.name.endswith("_service_pb2"):
                found += [
                    s.full_name for s in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()
                ]
    return found
