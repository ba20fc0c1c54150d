"""Containers run with as little as they need, start in order, and show one port to the machine."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.containers import compose, is_ours, manifests, pods

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {name: service for name, service in SERVICES.items() if is_ours(service)}
OBSERVABILITY = {name for name, service in SERVICES.items() if "observability" in service.get("profiles", ())}
PODS = dict(pods())


@pytest.mark.parametrize("name", SERVICES)
def test_a_compose_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "cap_add" not in service


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_as_the_user_of_the_image(name: str) -> None:
    assert OURS[name]["user"] == "10001:10001"
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_databases_do_not_run_as_root(name: str) -> None:
    assert SERVICES[name]["user"] == name


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_by_the_gateway_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not ports or name == "gateway" or name in OBSERVABILITY


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_be_waited_for(name: str) -> None:
    dependencies = SERVICES[name].get("depends_on", {})
    if name in OBSERVABILITY:
        return
    for other, gate in dependencies.items():
        if gate["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert gate["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


def test_nothing_is_migrated_late() -> None:
    for name, service in OURS.items():
        if any("DATABASE_URL" in variable for variable in service["environment"]) and name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_images_are_pinned() -> None:
    images = {name: service["image"] for name, service in SERVICES.items() if not is_ours(service)}
    assert {name: image for name, image in images.items() if not re.search(r":v?\d", image)} == {}
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim-bookworm$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_image_installs_what_is_locked() -> None:
    installs = re.findall(r"pip install ([^\\\n&]*)", (ROOT / "Dockerfile").read_text())
    assert len(installs) == 4
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation --editable ." in line for line in installs)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_confined(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    # Otherwise a Service called `portfolio` adds variables that no settings class knows.
    assert pod["enableServiceLinks"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]


def test_probes_ask_the_port_that_the_process_listens_on() -> None:
    for name, pod in PODS.items():
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
        environment = {entry["name"]: entry["value"] for entry in container.get("env", ())}
        listening = environment.get("PLIMSOLL_LISTEN_ADDRESS", environment.get("PLIMSOLL_GATEWAY_ADDRESS", ""))
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for kind in ("grpc", "httpGet", "tcpSocket"):
                if question := container.get(probe, {}).get(kind):
                    port = ports.get(question["port"], question["port"])
                    assert listening.endswith(f":{port}"), f"{name} {probe}"


def test_a_kubernetes_service_finds_its_pods() -> None:
    labels = {d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"] for d in manifests() if has_pods(d)}
    services = [d for d in manifests() if d["kind"] == "Service"]
    assert {d["metadata"]["name"] for d in services} == {"portfolio", "marketdata", "risk", "gateway"}
    for service in services:
        assert service["spec"]["selector"].items() <= labels[service["metadata"]["name"]].items()
        (container,) = PODS[service["metadata"]["name"]]["containers"]
        assert {p["targetPort"] for p in service["spec"]["ports"]} <= {p["name"] for p in container["ports"]}


def has_pods(document: dict[str, Any]) -> bool:
    """Whether a manifest describes a workload."""
    return "template" in document.get("spec", {})
