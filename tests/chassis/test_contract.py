"""What the contract demands of each RPC, and that an incomplete one does not start."""

import pytest

from chassis.contract import DEFAULT_REQUEST_BYTES, ContractError, method, methods, services_of
from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.chassis import trial
from tests.chassis.identity import Identity
from tests.chassis.serving import Trial, trial_server

TRIAL = "/plimsoll.trial.v1.TrialService/"


def test_a_policy_is_read_from_the_descriptor() -> None:
    write, long = method(TRIAL + "Write"), method(TRIAL + "ReadLong")
    assert write is not None
    assert long is not None
    assert (write.path, write.access, write.writes, write.seconds) == (TRIAL + "Write", MethodPolicy.USER, True, 5.0)
    assert write.max_request_bytes == DEFAULT_REQUEST_BYTES == 1 << 20
    assert (long.writes, long.seconds, long.max_request_bytes) == (False, 120.0, 4 << 20)


def test_access_is_told() -> None:
    found = {name: method(TRIAL + name) for name in ("Open", "Read", "Govern", "Inside")}
    assert {name: (m.public, m.internal) for name, m in found.items() if m} == {
        "Open": (True, False),
        "Read": (False, False),
        "Govern": (False, False),
        "Inside": (False, True),
    }


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/plimsoll.trial.v1.NoService/Read",
        "/plimsoll.trial.v1.TrialService/NoMethod",
        "/plimsoll.trial.v1.TrialService",
        "",
        "/",
        "/plimsoll.trial.v1.TrialService/Read/",
        "/plimsoll." + "x" * 100_000,
    ],
)
def test_what_is_no_rpc_of_ours_has_no_policy(path: str) -> None:
    assert method(path) is None


def test_every_rpc_of_a_service_is_found() -> None:
    names = {"Open", "Read", "ReadLong", "Write", "Govern", "Inside"}
    assert set(methods(services_of("trial"))) == {TRIAL + name for name in names}


def test_a_service_may_serve_several_packages() -> None:
    served = services_of("portfolio")
    assert "plimsoll.identity.v1.IdentityService" in served
    assert "plimsoll.portfolio.v1.PortfolioService" in served
    assert services_of("risk") == [
        "plimsoll.risk.v1.AnalyticsService",
        "plimsoll.risk.v1.CacheService",
        "plimsoll.risk.v1.HealthService",
        "plimsoll.risk.v1.ResultService",
    ]


@pytest.mark.parametrize("server", ["portfolio", "marketdata", "risk"])
def test_the_real_contract_is_complete(server: str) -> None:
    assert methods(services_of(server))


INCOMPLETE = [
    ("Unfinished", "/plimsoll.trial.v1.UnfinishedService/Bare has no complete"),
    ("HalfFinished", "/plimsoll.trial.v1.HalfFinishedService/Half has no complete"),
    ("Streaming", "/plimsoll.trial.v1.StreamingService/Watch is a stream"),
]


@pytest.mark.parametrize(("name", "complaint"), INCOMPLETE)
async def test_a_service_with_an_incomplete_contract_does_not_start(
    name: str, complaint: str, identity: Identity
) -> None:
    servicer = getattr(trial, f"{name}ServiceServicer")()
    register = [(getattr(trial, f"add_{name}ServiceServicer_to_server"), servicer)]
    server = trial_server(Trial(), identity, register=register)
    with pytest.raises(ContractError, match=complaint):
        await server.start()
    assert server.port == 0
