"""The gateway's knobs."""

import pytest

from chassis.settings import SettingsError, read
from gateway.envoy.clusters import own_address
from gateway.settings import Settings


def test_defaults_fit_the_embedded_stack() -> None:
    settings = read(Settings, {})
    assert (settings.gateway_address, settings.portfolio_address) == ("127.0.0.1:8080", "127.0.0.1:50051")


def test_variables_are_named_like_the_fields() -> None:
    environ = {"PLIMSOLL_GATEWAY_ADDRESS": "0.0.0.0:80", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}
    settings = read(Settings, environ)
    assert (settings.gateway_address, settings.otlp_endpoint) == ("0.0.0.0:80", "http://c:4317")


@pytest.mark.parametrize("address", ["0.0.0.0:9901", "192.168.1.5:9901", "example.com:9901", "[::]:9901"])
def test_the_admin_address_must_be_on_loopback(address: str) -> None:
    with pytest.raises(SettingsError, match=r"PLIMSOLL_GATEWAY_ADMIN_ADDRESS must be on loopback"):
        read(Settings, {"PLIMSOLL_GATEWAY_ADMIN_ADDRESS": address})


@pytest.mark.parametrize("address", ["localhost:9901", "127.0.0.2:1", "[::1]:9901"])
def test_loopback_comes_in_several_forms(address: str) -> None:
    assert read(Settings, {"PLIMSOLL_GATEWAY_ADMIN_ADDRESS": address}).gateway_admin_address == address


@pytest.mark.parametrize(("address", "own"), [("0.0.0.0:80", ("127.0.0.1", 80)), ("[::]:80", ("::1", 80))])
def test_the_gateway_reaches_itself_wherever_it_listens(address: str, own: tuple[str, int]) -> None:
    assert own_address(Settings(gateway_address=address)) == own


@pytest.mark.parametrize("endpoint", ["collector:4317", "https://collector:4317", "http://collector"])
def test_a_collector_is_named_by_a_plain_url(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port"):
        read(Settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
