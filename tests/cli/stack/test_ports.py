"""Ports are settled before anything starts."""

import socket

import pytest

from cli.stack.errors import PortTaken
from cli.stack.ports import HOST, settle


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def test_zero_means_any_free_port_and_never_the_same_twice() -> None:
    ports = settle(dict.fromkeys(("A", "B", "C"), 0))
    assert len(set(ports.values())) == 3
    for port in ports.values():
        socket.create_server((HOST, port)).close()


def test_a_wanted_port_is_kept() -> None:
    port = free_port()
    assert settle({"A": port, "B": 0})["A"] == port


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            PortTaken, match=rf"port {port} \(PLIMSOLL_RISK_PORT\) is taken by another program; set PLIMS"
        ):
            settle({"PLIMSOLL_GATEWAY_PORT": 0, "PLIMSOLL_RISK_PORT": port})


def test_a_port_taken_on_every_address_is_taken() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken, pytest.raises(PortTaken):
        settle({"A": taken.getsockname()[1]})


def test_a_port_named_twice_is_refused() -> None:
    port = free_port()
    with pytest.raises(PortTaken, match=f"A and C both name port {port}"):
        settle({"A": port, "B": 0, "C": port})


def test_a_connection_that_has_just_ended_does_not_take_the_port() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((HOST, port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # who closes first stays in TIME_WAIT
            assert client.recv(1) == b""
    assert settle({"A": port}) == {"A": port}
