"""gRPC clients at the same port."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.contract.descriptors import Descriptors
from plimsoll.identity.v1 import identity_service_pb2 as identity
from plimsoll.identity.v1 import identity_service_pb2_grpc as identity_grpc
from plimsoll.options.v1 import method_pb2
from plimsoll.options.v1.method_pb2 import MethodPolicy
from plimsoll.portfolio.v1 import portfolio_service_pb2 as portfolio
from plimsoll.portfolio.v1 import portfolio_service_pb2_grpc as portfolio_grpc
from tests.gateway.backends import ABSENT_ID, Seen, Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICE_TOKEN = ("x-plimsoll-service-token", "forged")


async def refusal(
    channel: grpc.aio.Channel, path: str, *metadata: tuple[str, str], body: bytes = b""
) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(path)(body, metadata=metadata, timeout=5)
    return caught.value


async def test_a_call_passes(channel: grpc.aio.Channel, tokens: Tokens, seen: Seen) -> None:
    metadata = (("authorization", f"Bearer {tokens.mint()}"), ("x-request-id", "mine"))
    user = await identity_grpc.IdentityServiceStub(channel).GetMe(identity.GetMeRequest(), metadata=metadata, timeout=2)
    assert user.email == "ada@example.com"
    assert seen.newest["x-request-id"] == "mine"
    assert seen.seconds_left[0] is not None
    assert seen.seconds_left[0] <= 2, "the client's own deadline holds"


async def test_a_call_without_a_deadline_gets_one(channel: grpc.aio.Channel, seen: Seen) -> None:
    await identity_grpc.IdentityServiceStub(channel).GetMe(identity.GetMeRequest())
    assert seen.seconds_left[0] is not None
    assert seen.seconds_left[0] <= 5.25


async def test_no_internal_rpc_can_be_reached(channel: grpc.aio.Channel, descriptors: Descriptors, seen: Seen) -> None:
    internal = [
        f"/{file.package}.{service.name}/{method.name}"
        for file in descriptors.files
        for service in file.service
        for method in service.method
        if method.options.Extensions[method_pb2.method].access == MethodPolicy.INTERNAL
    ]
    assert "/plimsoll.portfolio.v1.PortfolioService/GetBook" in internal
    for path in internal:
        assert (await refusal(channel, path, SERVICE_TOKEN)).code() == grpc.StatusCode.UNIMPLEMENTED
    assert not seen.requests


@pytest.mark.parametrize(
    "path", ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1alpha.ServerReflection/X", "/a.B/C"]
)
async def test_what_is_not_in_the_contract_is_not_there(channel: grpc.aio.Channel, path: str) -> None:
    assert (await refusal(channel, path)).code() == grpc.StatusCode.UNIMPLEMENTED


async def test_bad_tokens_are_refused(channel: grpc.aio.Channel, tokens: Tokens, seen: Seen) -> None:
    for token in ("garbage", tokens.mint(exp=1), tokens.mint(aud="elsewhere")):
        refused = await refusal(
            channel, "/plimsoll.identity.v1.IdentityService/GetMe", ("authorization", f"Bearer {token}")
        )
        assert refused.code() == grpc.StatusCode.UNAUTHENTICATED
        assert "access token" in str(refused.details())
    assert not seen.requests


async def test_a_cookie_is_no_token(channel: grpc.aio.Channel, tokens: Tokens, seen: Seen) -> None:
    stub = identity_grpc.IdentityServiceStub(channel)
    await stub.GetMe(identity.GetMeRequest(), metadata=(("cookie", f"auth_token={tokens.mint()}"),))
    assert not {"cookie", "authorization"} & set(seen.newest)


async def test_internal_metadata_is_taken_away(channel: grpc.aio.Channel, seen: Seen) -> None:
    await identity_grpc.IdentityServiceStub(channel).GetMe(identity.GetMeRequest(), metadata=(SERVICE_TOKEN,))
    assert SERVICE_TOKEN[0] not in seen.newest


async def test_a_message_over_the_limit_is_refused(channel: grpc.aio.Channel, seen: Seen) -> None:
    path = "/plimsoll.portfolio.v1.PortfolioService/CreatePortfolio"
    refused = await refusal(channel, path, body=b"x" * (2 << 20))
    assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "1048576" in str(refused.details())
    assert not seen.requests


async def test_an_upload_may_be_larger(channel: grpc.aio.Channel, seen: Seen) -> None:
    request = portfolio.UploadPortfolioRequest(portfolio_name="Core")
    request.file.data = b"a" * (10 << 20)
    await portfolio_grpc.PortfolioServiceStub(channel).UploadPortfolio(request)
    assert len(seen.requests[0].file.data) == 10 << 20


async def test_an_errors_details_come_through(channel: grpc.aio.Channel) -> None:
    stub = portfolio_grpc.PortfolioServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.GetPortfolio(portfolio.GetPortfolioRequest(portfolio_id=ABSENT_ID))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    status = status_pb2.Status.FromString(dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "RESOURCE_NOT_FOUND"
