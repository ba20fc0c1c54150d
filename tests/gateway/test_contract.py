"""What the gateway reads out of the contract."""

import re

import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from chassis.contract import ContractError
from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import LARGEST_REQUEST_BYTES, Rpc, routed_rpcs
from gateway.contract.templates import Template
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy


def one_rpc(
    policy: MethodPolicy | None, *, get: str = "", streams_in: bool = False, streams_out: bool = False
) -> Descriptors:
    file = FileDescriptorProto(package="plimsoll.risk.v1")
    method = file.service.add(name="TrialService").method.add(name="Try", input_type=".a.In", output_type=".a.Out")
    method.client_streaming, method.server_streaming = streams_in, streams_out
    if policy:
        method.options.Extensions[method_pb2.method].CopyFrom(policy)
    if get:
        method.options.Extensions[annotations_pb2.http].get = get
    return Descriptors((file,), {}, {}, {})


def policy(**changed: int) -> MethodPolicy:
    fields = {"access": MethodPolicy.USER, "scope": MethodPolicy.READ, "timeout": MethodPolicy.FAST} | changed
    return MethodPolicy(**fields)


def test_a_sound_rpc_is_read() -> None:
    (rpc,) = routed_rpcs(one_rpc(policy(), get="/api/v1/{a.b}/c"))
    assert rpc.path == "/plimsoll.risk.v1.TrialService/Try"
    assert (rpc.seconds, rpc.max_request_bytes, rpc.public, rpc.writes) == (5.0, 1 << 20, False, False)
    assert [(binding.verb, binding.template.variables, binding.body) for binding in rpc.bindings] == [
        ("GET", ("a.b",), "")
    ]


def test_an_internal_rpc_is_left_out() -> None:
    assert routed_rpcs(one_rpc(policy(access=MethodPolicy.INTERNAL))) == ()


@pytest.mark.parametrize(
    ("descriptors", "why"),
    [
        (one_rpc(None), "no complete"),
        (one_rpc(MethodPolicy(access=MethodPolicy.USER)), "no complete"),
        (one_rpc(policy(), streams_in=True), "streams requests"),
        (one_rpc(policy(scope=MethodPolicy.WRITE), get="/a"), "bound to GET"),
        (one_rpc(policy(max_request_bytes=LARGEST_REQUEST_BYTES + 1)), "takes 11534337 bytes"),
        (one_rpc(policy(), streams_out=True), "STREAM if and only if"),
        (one_rpc(policy(timeout=MethodPolicy.STREAM)), "STREAM if and only if"),
    ],
)
def test_what_the_edge_cannot_or_must_not_do_stops_it(descriptors: Descriptors, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        routed_rpcs(descriptors)


def test_comments_are_read_whole(descriptors: Descriptors, rpcs: tuple[Rpc, ...]) -> None:
    assert descriptors.comment("plimsoll.identity.v1.LoginRequest", "password") == "Password."
    assert descriptors.comment("plimsoll.portfolio.v1.Position.Type", "LC") == "Call bought."
    for rpc in rpcs:
        assert descriptors.comment(rpc.service_name, rpc.name), rpc.path
        assert "\n" not in descriptors.comment(rpc.service_name), "lines of the source are joined"


@pytest.mark.parametrize(
    ("template", "taken", "refused"),
    [
        (
            "/api/v1/portfolios/{portfolio_id}",
            ["/api/v1/portfolios/a-b"],
            ["/api/v1/portfolios/", "/api/v1/portfolios/a/b"],
        ),
        ("/results/{id}:replay", ["/results/1:replay"], ["/results/1", "/results/1:drop", "/results/1/2:replay"]),
        ("/results/{id}", ["/results/1"], ["/results/1:replay"]),
        ("/{name=shelves/*/books/*}", ["/shelves/1/books/2"], ["/shelves/1", "/shelves/1/2/books/3"]),
        ("/files/{path=**}", ["/files/a/b.csv"], ["/file/a", "/files/"]),
        ("/.well-known/jwks.json", ["/.well-known/jwks.json"], ["/xwell-known/jwksxjson"]),
    ],
)
def test_templates_match_what_they_should(template: str, taken: list[str], refused: list[str]) -> None:
    expression = re.compile(Template(template).regex)
    assert all(expression.fullmatch(path) for path in taken)
    assert not any(expression.fullmatch(path) for path in refused)


def test_openapi_writes_variables_by_name_alone() -> None:
    assert Template("/{name=shelves/*}/books/{book_id}:lend").openapi == "/{name}/books/{book_id}:lend"
