"""Who may call: nobody, unless the contract says so. Over the wire, through the server as every service runs it."""

from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from chassis.call import Call, Principal, current_call
from chassis.errors import PermissionDenied
from chassis.guards import SERVICE_TOKEN, Authentication
from chassis.tokens import ServiceTokens, TokenVerifier
from tests.chassis.identity import ALICE, BOB, Identity
from tests.chassis.serving import SERVICE_KEY, Context, Metadata, bearer, refused, serving
from tests.chassis.trial import Cargo, TrialServiceStub

RPCS = ("Open", "Read", "ReadLong", "Write", "Govern", "Inside")
Code = grpc.StatusCode


async def who(request: Cargo, context: Context) -> Cargo:
    """Answer who calls."""
    call = current_call()
    caller = call.principal or Principal("", scopes=frozenset())
    return Cargo(name=caller.user_id[:8], tags=sorted(caller.scopes), request_id=call.calling_service)


@pytest.fixture
async def stub(identity: Identity) -> AsyncIterator[TrialServiceStub]:
    async with serving(who, identity) as stub:
        yield stub


def from_service(key: str = SERVICE_KEY, audience: str = "trial") -> Metadata:
    return [(SERVICE_TOKEN, ServiceTokens("risk", key).mint(audience))]


async def allowed(stub: TrialServiceStub, metadata: Metadata) -> set[str]:
    """Give the RPCs that take a call, after making sure that the others refuse it for who calls."""
    calls = {name: getattr(stub, name)(Cargo(), metadata=metadata) for name in RPCS}
    codes = {name: await call.code() for name, call in calls.items()}
    assert set(codes.values()) <= {Code.OK, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED}
    return {name for name, code in codes.items() if code == Code.OK}


async def test_without_a_token_only_what_is_public_is_open(stub: TrialServiceStub) -> None:
    assert await allowed(stub, []) == {"Open"}
    assert (await refused(stub.Read(Cargo()))).reason == "TOKEN_MISSING"
    assert (await refused(stub.Govern(Cargo()))).reason == "TOKEN_MISSING"
    inside = await refused(stub.Inside(Cargo()))
    assert (inside.code, inside.reason) == (Code.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")
    assert dict(inside.info.metadata) == {"needs": "a service token"}


async def test_a_member_may_read_and_write(stub: TrialServiceStub, identity: Identity) -> None:
    assert await allowed(stub, bearer(identity)) == {"Open", "Read", "ReadLong", "Write"}
    govern = await refused(stub.Govern(Cargo(), metadata=bearer(identity)))
    assert (govern.code, govern.reason, dict(govern.info.metadata)) == (
        Code.PERMISSION_DENIED,
        "PERMISSION_INSUFFICIENT",
        {"needs": "admin"},
    )


async def test_an_admin_may_govern_and_not_pass_for_a_service(stub: TrialServiceStub, identity: Identity) -> None:
    assert await allowed(stub, bearer(identity, role="admin")) == {*RPCS} - {"Inside"}


@pytest.mark.parametrize("role", ["Admin", "admin ", "", "root", ["admin"], 1])
async def test_no_other_role_is_admin(role: object, stub: TrialServiceStub, identity: Identity) -> None:
    assert "Govern" not in await allowed(stub, bearer(identity, role=role))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("read", {"Open", "Read", "ReadLong"}),
        ("write", {"Open", "Write"}),
        ("", {"Open"}),
        ("readwrite", {"Open"}),
        ("READ", {"Open"}),
        ("write read more", {"Open", "Read", "ReadLong", "Write"}),
    ],
)
async def test_a_token_may_do_what_its_scopes_say(
    scope: str, expected: set[str], stub: TrialServiceStub, identity: Identity
) -> None:
    assert await allowed(stub, bearer(identity, scope=scope)) == expected


async def test_a_missing_scope_is_named(stub: TrialServiceStub, identity: Identity) -> None:
    written = await refused(stub.Write(Cargo(), metadata=bearer(identity, scope="read")))
    assert (written.message, dict(written.info.metadata)) == ("this token may not write", {"needs": "write"})


async def test_an_admin_needs_the_scope_as_well(stub: TrialServiceStub, identity: Identity) -> None:
    assert await allowed(stub, bearer(identity, role="admin", scope="read")) == {"Open", "Read", "ReadLong"}


async def test_a_service_may_call_what_is_internal_and_nothing_of_users(stub: TrialServiceStub) -> None:
    assert await allowed(stub, from_service()) == {"Open", "Inside"}
    assert (await stub.Inside(Cargo(), metadata=from_service())).request_id == "risk"


async def test_a_service_may_call_for_a_user(stub: TrialServiceStub, identity: Identity) -> None:
    metadata = [*from_service(), *bearer(identity, BOB, scope="read")]
    assert await allowed(stub, metadata) == {"Open", "Read", "ReadLong", "Inside"}
    inside = await stub.Inside(Cargo(), metadata=metadata)
    assert (inside.request_id, inside.name, inside.tags) == ("risk", BOB[:8], ["read"])


async def test_what_a_service_does_inside_is_not_bound_by_the_scopes_of_its_user(
    stub: TrialServiceStub, identity: Identity
) -> None:
    assert await allowed(stub, [*from_service(), *bearer(identity, scope="")]) == {"Open", "Inside"}


async def test_a_service_that_calls_for_a_user_needs_a_good_token_of_the_user(stub: TrialServiceStub) -> None:
    bad = [*from_service(), ("authorization", "Bearer nonsense")]
    assert (await refused(stub.Inside(Cargo(), metadata=bad))).reason == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "make",
    [
        lambda: from_service(key="another key, which is just as long"),
        lambda: from_service(audience="portfolio"),
        lambda: [(SERVICE_TOKEN, "nonsense")],
        lambda: [(SERVICE_TOKEN, "risk")],
    ],
    ids=["another key", "for another service", "no token", "a name"],
)
async def test_a_bad_service_token_is_refused(
    make: Callable[[], Metadata], stub: TrialServiceStub, identity: Identity
) -> None:
    metadata = make()
    for rpc, more in ((stub.Inside, []), (stub.Inside, bearer(identity)), (stub.Read, bearer(identity))):
        found = await refused(rpc(Cargo(), metadata=[*metadata, *more]))
        assert (found.code, found.reason) == (Code.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")


async def test_an_empty_service_token_is_none(stub: TrialServiceStub, identity: Identity) -> None:
    assert await allowed(stub, [(SERVICE_TOKEN, ""), *bearer(identity)]) == {"Open", "Read", "ReadLong", "Write"}


async def test_tokens_do_not_change_places(stub: TrialServiceStub, identity: Identity) -> None:
    user, service = identity.token(), ServiceTokens("risk", SERVICE_KEY).mint("trial")
    assert await allowed(stub, [(SERVICE_TOKEN, user)]) == {"Open"}
    assert await allowed(stub, [("authorization", f"Bearer {service}")]) == {"Open"}
    for_users = ServiceTokens("plimsoll", SERVICE_KEY).mint("plimsoll")
    assert await allowed(stub, [("authorization", f"Bearer {for_users}")]) == {"Open"}


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}", "Bearer {} "])
async def test_a_bearer_is_recognised(form: str, stub: TrialServiceStub, identity: Identity) -> None:
    answer = await stub.Read(Cargo(), metadata=[("authorization", form.format(identity.token()))])
    assert answer.name == ALICE[:8]


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("", "TOKEN_MISSING"),
        ("{}", "TOKEN_MISSING"),
        ("Basic {}", "TOKEN_MISSING"),
        ("Bearer{}", "TOKEN_MISSING"),
        ("Token {}", "TOKEN_MISSING"),
        ("Bearer", "TOKEN_MISSING"),
        ("Bearer Bearer {}", "TOKEN_INVALID"),
        ("Bearer {}, Bearer {}", "TOKEN_INVALID"),
        ("Bearer {}x", "TOKEN_INVALID"),
    ],
)
async def test_anything_else_is_no_token(form: str, reason: str, stub: TrialServiceStub, identity: Identity) -> None:
    metadata = [("authorization", form.replace("{}", identity.token()))]
    found = await refused(stub.Read(Cargo(), metadata=metadata))
    assert (found.code, found.reason) == (Code.UNAUTHENTICATED, reason)


async def test_a_token_that_comes_with_a_forged_one_does_not_vouch_for_it(
    stub: TrialServiceStub, identity: Identity
) -> None:
    ours, forged = bearer(identity), bearer(Identity(), BOB, role="admin")
    for metadata in ([*ours, *forged], [*forged, *ours]):
        assert "Govern" not in await allowed(stub, metadata)
        call = stub.Read(Cargo(), metadata=metadata)
        assert await call.code() == Code.UNAUTHENTICATED or (await call).name == ALICE[:8]


async def test_a_stale_token_does_not_keep_its_owner_from_what_is_public(
    stub: TrialServiceStub, identity: Identity
) -> None:
    for metadata in (bearer(identity, exp=1), [("authorization", "Bearer nonsense")], [(SERVICE_TOKEN, "nonsense")]):
        assert (await stub.Open(Cargo(), metadata=metadata)).name == ""


async def test_without_identity_a_caller_is_not_called_unknown(identity: Identity) -> None:
    identity.failure = ConnectionRefusedError("identity is down")
    async with serving(who, identity) as stub:
        found = await refused(stub.Read(Cargo(), metadata=bearer(identity)))
        assert (found.code, found.reason) == (Code.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
        assert (await stub.Open(Cargo())).name == ""


async def test_what_is_public_is_nobodys(identity: Identity) -> None:
    async def whose(request: Cargo, context: Context) -> Cargo:
        return Cargo(name=current_call().user_id)

    async with serving(whose, identity) as stub:
        assert (await refused(stub.Open(Cargo(), metadata=bearer(identity)))).reason == "TOKEN_MISSING"
        assert (await refused(stub.Inside(Cargo(), metadata=from_service()))).reason == "TOKEN_MISSING"


async def test_a_method_without_a_policy_is_closed(identity: Identity) -> None:
    tokens = TokenVerifier("plimsoll", "plimsoll", identity.fetch_keys)
    guard = Authentication(tokens, ServiceTokens("trial", SERVICE_KEY))
    with pytest.raises(PermissionDenied):
        await guard(Call(None, "an-id", dict(bearer(identity, role="admin"))), Cargo())


async def test_a_refused_call_does_not_reach_the_handler(identity: Identity) -> None:
    reached = []

    async def note(request: Cargo, context: Context) -> Cargo:
        reached.append(request)
        return request

    async with serving(note, identity) as stub:
        for name in RPCS[1:]:
            await refused(getattr(stub, name)(Cargo()))
    assert reached == []
