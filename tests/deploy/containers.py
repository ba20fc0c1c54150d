"""The containers of the compose file and of the Kubernetes manifests, in one form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SECRETS = "/run/secrets/"
SUBSTITUTION = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Container:
    """A container of our image: the arguments of `plimsoll`, what it finds in its environment, what is mounted."""

    source: str
    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    secrets: frozenset[str]

    @property
    def process(self) -> str:
        """The process it runs: `serve portfolio` is portfolio, `migrate` is migrate."""
        return self.arguments[1] if self.arguments[0] == "serve" else self.arguments[0]

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"


@cache
def compose() -> dict[str, Any]:
    """Read the compose file, with the default of every variable filled in."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(SUBSTITUTION.sub(r"\1", text))
    return document


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    """Read the manifests, those that are applied by hand included."""
    paths = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    documents = [document for path in paths for document in yaml.safe_load_all(path.read_text())]
    return tuple(document for document in documents if document["kind"] != "Kustomization")


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the pod of every workload of the manifests."""
    for document in manifests():
        if document["kind"] in ("Deployment", "Job"):
            yield document["metadata"]["name"], document["spec"]["template"]["spec"]


def is_ours(service: dict[str, Any]) -> bool:
    """Whether a compose service runs our image."""
    return str(service["image"]).partition(":")[0] == "plimsoll"


def containers() -> list[Container]:
    """Give every container of our image."""
    return [*_compose_containers(), *_kubernetes_containers()]


def _compose_containers() -> Iterator[Container]:
    for name, service in compose()["services"].items():
        if is_ours(service):
            environment = {
                key: "" if value is None else str(value) for key, value in service.get("environment", {}).items()
            }
            secrets = frozenset(service.get("secrets", ()))
            yield Container("compose", name, tuple(service["command"]), environment, secrets)


def _kubernetes_containers() -> Iterator[Container]:
    for name, pod in pods():
        (container,) = pod["containers"]
        environment = {entry["name"]: entry["value"] for entry in container.get("env", ())}
        volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
        secrets = {
            item["path"]
            for mount in container["volumeMounts"]
            if mount["mountPath"] + "/" == SECRETS
            for item in volumes[mount["name"]]["secret"]["items"]
        }
        yield Container("kubernetes", name, tuple(container["args"]), environment, frozenset(secrets))
