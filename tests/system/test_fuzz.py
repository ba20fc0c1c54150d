"""Every REST operation under generated requests, valid and not: no crash, no 5xx, and answers as the document says.

`make test` samples a few requests an operation; `make soak` sends 300. A second test throws bytes at every RPC.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import Default

from chassis.contract import services_of
from tests.system.conftest import PATIENCE_SECONDS, Running

SOAK = "PLIMSOLL_SOAK" in os.environ
EXAMPLES = 300 if SOAK else 5
PHASES = "examples,coverage,fuzzing" if SOAK else "examples,fuzzing"
"""Every bound of every parameter of every operation takes minutes."""
BLOBS = 300 if SOAK else 10
SEED = "20221228"
ENDS_THE_ACCOUNT = "identity_DeleteMe"
FAILURES = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance,status_code_conformance"


def test_no_request_makes_the_stack_fail(stack: Running):
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "run", f"{stack.url}/openapi.json", "--url", stack.url),
        *("--checks", CHECKS, "--phases", PHASES, "--max-examples", str(EXAMPLES)),
        *("--seed", SEED, "--header", f"authorization: Bearer {stack.sign_up('fuzz@example.com')}"),
        *("--exclude-operation-id", ENDS_THE_ACCOUNT),  # everything after it would be refused alike
        *("--no-color", "--warnings", "off", "--suppress-health-check", "all", "--request-timeout", "60"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=7200 if SOAK else 3600, check=False)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


@pytest.mark.parametrize("server", ["portfolio", "marketdata", "risk"])
async def test_no_bytes_make_a_service_fail(stack: Running, token: str, server: str):
    chance = random.Random(SEED)
    async with grpc.aio.insecure_channel(stack.address(server)) as channel:
        for service in services_of(server):
            for method in Default().FindServiceByName(service).methods:
                for _ in range(BLOBS if method.name not in ENDS_THE_ACCOUNT else 0):
                    blob = chance.randbytes(chance.choice([0, 1, 7, 64, 1000]))
                    answer = await outcome(channel, f"/{service}/{method.name}", blob, token)
                    assert answer not in FAILURES, f"{method.name} answered {answer} to {blob!r}"
    with stack.client() as client:
        assert client.get(f"/api/v1/health/{server}").json()["healthy"]


async def outcome(channel: grpc.aio.Channel, path: str, blob: bytes, token: str) -> grpc.StatusCode:
    """Send bytes as if they were a request, and give the status. gRPC itself refuses what it cannot decode."""
    try:
        await channel.unary_unary(path)(blob, metadata=[("authorization", f"Bearer {token}")], timeout=PATIENCE_SECONDS)
    except grpc.aio.AioRpcError as error:
        undecodable = error.code() == grpc.StatusCode.INTERNAL and "deserializ" in str(error.details())
        return grpc.StatusCode.INVALID_ARGUMENT if undecodable else error.code()
    return grpc.StatusCode.OK
