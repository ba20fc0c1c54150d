"""Each container is given what its process reads: nothing is missing, unread or refused."""

import re
from pathlib import Path

import pytest

from chassis.settings import SettingsError, read, variables
from services.marketdata.provider_settings import ProviderSettings
from services.marketdata.settings import Settings as MarketDataSettings
from tests.deploy.containers import ROOT, SECRETS, Container, containers, pods
from tests.deploy.processes import CLASSES, PROCESSES, classes_read, known_variables, required

CONTAINERS = containers()
A_SECRET = "0123456789abcdef0123456789abcdef"
each_container = pytest.mark.parametrize("container", CONTAINERS, ids=str)


def bare(name: str) -> str:
    """Give the variable that `<NAME>_FILE` stands for."""
    return name.removesuffix("_FILE")


def mounted(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Give an environment whose secrets are files that exist."""
    environ = dict(environment)
    for name in [name for name in environment if name.endswith("_FILE")]:
        path = folder / Path(environment[name]).name
        path.write_text(A_SECRET)
        environ[name] = str(path)
    return environ


def provider_variables() -> set[str]:
    """Give the variables that say who is asked for market data, and how."""
    return {name for name, _ in variables(ProviderSettings)}


@each_container
def test_every_variable_is_read(container: Container) -> None:
    known = known_variables(container.process)
    assert {name for name in container.environment if bare(name) not in known} == set()


@each_container
def test_every_required_variable_is_given_once(container: Container) -> None:
    given = [bare(name) for name in container.environment]
    assert required(container.process) - set(given) == set()
    assert len(given) == len(set(given))


@each_container
def test_every_value_is_accepted(container: Container, tmp_path: Path) -> None:
    for settings in PROCESSES[container.process]:
        read(settings, mounted(container.environment, tmp_path))


def test_a_wrong_value_would_be_refused(tmp_path: Path) -> None:
    gateway = next(container for container in CONTAINERS if container.process == "gateway")
    with pytest.raises(SettingsError, match="PLIMSOLL_RISK_ADDRESS"):
        read(PROCESSES["gateway"][0], {**gateway.environment, "PLIMSOLL_RISK_ADDRESS": "risk"})


@each_container
def test_secrets_come_as_files_and_all_of_them_are_read(container: Container) -> None:
    files = {name: value for name, value in container.environment.items() if name.endswith("_FILE")}
    assert all(value.startswith(SECRETS) for value in files.values())
    assert {value.removeprefix(SECRETS) for value in files.values()} == container.secrets
    secret = {name for name, field in known_variables(container.process).items() if "Secret" in str(field.type)}
    # The Redis of the compose file has no password; one that has gets its URL from a file.
    allowed = {"REDIS_URL"} if container.source == "compose" else set()
    assert {name for name in container.environment if name in secret} <= allowed


@each_container
def test_an_address_names_a_container_that_listens_there(container: Container) -> None:
    siblings = {other.name: other for other in CONTAINERS if other.source == container.source}
    for name, value in container.environment.items():
        host, _, port = value.rpartition(":")
        if name.endswith("_ADDRESS") and host not in ("0.0.0.0", "127.0.0.1"):
            assert siblings[host].environment["PLIMSOLL_LISTEN_ADDRESS"].endswith(f":{port}")


def test_both_run_the_same_parts() -> None:
    parts = {source: {c.process for c in CONTAINERS if c.source == source} for source in ("compose", "kubernetes")}
    assert parts["compose"] == parts["kubernetes"] == set(PROCESSES) - {"stack", "admin", "ingest", "report"}


def test_what_compose_and_kubernetes_give_differs_only_where_it_should() -> None:
    by_name = {(c.source, c.name): c.environment for c in CONTAINERS}
    # What an operator of the compose file sets outside of it, and what an ingress in front asks for.
    local = {
        "PLIMSOLL_LOG_LEVEL",
        "REDIS_URL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "PLIMSOLL_SECURE_COOKIE",
        "PLIMSOLL_GATEWAY_TRUSTED_PROXIES",
        *provider_variables(),  # in Kubernetes a ConfigMap has them all
    }
    for (source, name), environment in by_name.items():
        other = by_name.get(("kubernetes" if source == "compose" else "compose", name), environment)
        assert {key for key in environment.keys() ^ other.keys() if key not in local} == set()


def test_whoever_runs_the_containers_can_set_up_every_provider() -> None:
    # Made-up prices are for load tests, and nobody gets them by a slip in `.env`.
    expected = {name for name in provider_variables() if "SYNTHETIC" not in name}
    keys = {name for name in expected if "Secret" in str(known_variables("marketdata")[name].type)}
    assert len(keys) == 3
    given = {c.source: c.environment for c in CONTAINERS if c.name == "marketdata"}
    assert {bare(name) for name in given["compose"]} & provider_variables() == expected
    assert {bare(name) for name in given["kubernetes"]} & provider_variables() == keys
    (pod,) = [pod for name, pod in pods() if name == "marketdata"]
    assert pod["containers"][0]["envFrom"] == [{"configMapRef": {"name": "plimsoll-providers", "optional": True}}]


def test_an_empty_file_is_no_key_and_a_blank_variable_is_the_default(tmp_path: Path) -> None:
    (container,) = [c for c in CONTAINERS if str(c) == "compose:marketdata"]
    environ = mounted(container.environment, tmp_path)
    for name in ("massive_api_key", "fmp_api_key", "fred_api_key"):
        (tmp_path / name).write_text("")
    found = read(MarketDataSettings, environ)
    assert all(getattr(found, field.name) == field.default for _, field in variables(ProviderSettings))


def test_a_secret_is_known_by_its_type() -> None:
    assert "Secret" in str(known_variables("portfolio")["DATABASE_URL"].type)
    assert "Secret" in str(known_variables("risk")["PLIMSOLL_SERVICE_KEY"].type)


def test_every_class_that_is_read_is_looked_at() -> None:
    assert set(classes_read()) == {f"{settings.__module__}.{settings.__qualname__}" for settings in CLASSES}


def test_the_manual_creates_every_secret_that_a_pod_mounts() -> None:
    manual = (ROOT / "deploy" / "kubernetes" / "README.md").read_text()
    created = set(re.findall(r"--from-literal=(\w+)=", manual))
    assert created == {key for c in CONTAINERS if c.source == "kubernetes" for key in c.secrets}
