"""Access tokens: only what identity signed, for us, in time, with all its claims, is taken."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from chassis.call import Principal
from chassis.errors import PermissionDenied, Unauthenticated
from chassis.tokens import LONGEST_TOKEN, REQUIRED_CLAIMS, SERVICE_TOKEN_SECONDS, ServiceTokens, TokenVerifier
from tests.chassis.identity import ALICE, Identity, base64url, public_bytes

KEY = "a key that the services of a test share"


@pytest.fixture
def verifier(identity: Identity) -> TokenVerifier:
    return TokenVerifier("plimsoll", "plimsoll", identity.fetch_keys)


async def reason(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await verifier.verify(token)
    return caught.value.reason


def unsigned(header: object, claims: object, signature: bytes = b"") -> str:
    """Put a token together without a library that knows better."""
    parts = [json.dumps(part).encode() if not isinstance(part, bytes) else part for part in (header, claims)]
    return ".".join(map(base64url, [*parts, signature]))


def forged(header: dict[str, Any], identity: Identity) -> str:
    """Sign rightly, under a header of the forger's choice."""
    text = unsigned(header, identity.claims()).rpartition(".")[0]
    return f"{text}.{base64url(identity.keys['first'].sign(text.encode()))}"


async def test_a_token_of_identity_proves_its_user(verifier: TokenVerifier, identity: Identity) -> None:
    token = identity.token(role="admin", scope="read")
    expected = Principal(ALICE, "admin", frozenset({"read"}))
    assert await verifier.verify(token) == expected
    assert list(verifier._verified) == [token]  # which spares the signature's check at the next call
    assert await verifier.verify(token) == expected


async def test_the_forger_of_these_tests_can_sign_rightly(verifier: TokenVerifier, identity: Identity) -> None:
    assert (await verifier.verify(forged({"alg": "EdDSA", "kid": "first"}, identity))).user_id == ALICE


async def test_an_expired_token_is_told_apart(verifier: TokenVerifier, identity: Identity) -> None:
    now = int(time.time())
    assert await reason(verifier, identity.token(exp=now - 1)) == "TOKEN_EXPIRED"
    assert await reason(verifier, identity.token(exp=0)) == "TOKEN_EXPIRED"


async def test_a_token_that_was_verified_expires_nevertheless(verifier: TokenVerifier, identity: Identity) -> None:
    principal = await verifier.verify(identity.token())
    expired = int(time.time()) - 1
    token = identity.token(exp=expired)
    verifier._verified[token] = principal, expired, "first"  # as if it had been verified while it was valid
    assert await reason(verifier, token) == "TOKEN_EXPIRED"
    assert token not in verifier._verified


@pytest.mark.parametrize("claim", REQUIRED_CLAIMS)
async def test_every_claim_is_required(claim: str, verifier: TokenVerifier, identity: Identity) -> None:
    changed: dict[str, Any] = {claim: None}
    token = jwt.encode(identity.claims(**changed), identity.keys["first"], "EdDSA", {"kid": "first"})
    assert await reason(verifier, token) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "somebody"),
        ("iss", ""),
        ("aud", "another-api"),
        ("aud", ["another-api"]),
        ("aud", "plimsol"),
        ("exp", "soon"),
        ("exp", True),
        ("nbf", 9_999_999_999),
        ("sub", 5),
    ],
)
async def test_a_token_for_or_from_somebody_else_is_refused(
    claim: str, value: object, verifier: TokenVerifier, identity: Identity
) -> None:
    changed: dict[str, Any] = {claim: value}
    token = jwt.encode(identity.claims(**changed), identity.keys["first"], "EdDSA", {"kid": "first"})
    assert await reason(verifier, token) in ("TOKEN_INVALID", "TOKEN_EXPIRED")


async def test_a_clock_of_identity_that_is_ahead_locks_nobody_out(verifier: TokenVerifier, identity: Identity) -> None:
    assert (await verifier.verify(identity.token(iat=int(time.time()) + 5))).user_id == ALICE


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "EDDSA", "eddsa", "Ed25519", "HS256", "RS256", None, 7]
)
async def test_no_other_algorithm_is_taken(algorithm: object, verifier: TokenVerifier, identity: Identity) -> None:
    assert await reason(verifier, unsigned({"alg": algorithm, "kid": "first"}, identity.claims())) == "TOKEN_INVALID"
    assert await reason(verifier, forged({"alg": algorithm, "kid": "first"}, identity)) == "TOKEN_INVALID"


async def test_the_public_key_is_no_shared_secret(verifier: TokenVerifier, identity: Identity) -> None:
    public = identity.keys["first"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps((await identity.fetch_keys())["keys"][0]).encode()
    for secret in (public_bytes(identity.keys["first"]), pem, jwk, base64url(public_bytes(identity.keys["first"]))):
        key = secret if isinstance(secret, bytes) else secret.encode()
        text = unsigned({"alg": "HS256", "kid": "first"}, identity.claims()).rpartition(".")[0]
        signature = jwt.get_algorithm_by_name("HS256").sign(text.encode(), key)
        assert await reason(verifier, f"{text}.{base64url(signature)}") == "TOKEN_INVALID"
        text = unsigned({"alg": "EdDSA", "kid": "first"}, identity.claims()).rpartition(".")[0]
        assert await reason(verifier, f"{text}.{base64url(signature)}") == "TOKEN_INVALID"


async def test_a_foreign_key_proves_nothing(verifier: TokenVerifier, identity: Identity) -> None:
    ours = identity.claims()
    for kid in ("first", "theirs"):
        token = jwt.encode(ours, Ed25519PrivateKey.generate(), "EdDSA", {"kid": kid})
        assert await reason(verifier, token) == "TOKEN_INVALID"
    rsa = generate_rsa_key(public_exponent=65537, key_size=2048)
    assert await reason(verifier, jwt.encode(ours, rsa, "RS256", {"kid": "first"})) == "TOKEN_INVALID"
    ec = generate_ec_key(SECP256R1())
    assert await reason(verifier, jwt.encode(ours, ec, "ES256", {"kid": "first"})) == "TOKEN_INVALID"


async def test_a_key_that_the_token_brings_is_not_used(verifier: TokenVerifier, identity: Identity) -> None:
    mallory = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(public_bytes(mallory)), "kid": "first"}
    for extra in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/"}, {"x5c": ["AAAA"]}):
        header: dict[str, Any] = {"alg": "EdDSA", "kid": "first", **extra}
        text = unsigned(header, identity.claims()).rpartition(".")[0]
        token = f"{text}.{base64url(mallory.sign(text.encode()))}"
        assert await reason(verifier, token) == "TOKEN_INVALID"


async def test_a_critical_extension_that_nobody_knows_is_refused(verifier: TokenVerifier, identity: Identity) -> None:
    header = {"alg": "EdDSA", "kid": "first", "crit": ["unheard-of"], "unheard-of": 1}
    assert await reason(verifier, forged(header, identity)) == "TOKEN_INVALID"


KIDS = [
    "",
    "../../../../etc/passwd",
    "/dev/null",
    "' OR '1'='1",
    "first'; DROP TABLE signing_keys; --",
    "first\0",
    "first ",
    "FIRST",
    "http://127.0.0.1:1/key",
    "%00",
    "\n",
    "😀",
    "k" * 5000,
    None,
    7,
    True,
    ["first"],
    {"first": 1},
]


@pytest.mark.parametrize("kid", KIDS, ids=lambda kid: repr(kid)[:30])
async def test_a_key_id_is_only_ever_looked_up(kid: object, verifier: TokenVerifier, identity: Identity) -> None:
    assert await reason(verifier, forged({"alg": "EdDSA", "kid": kid}, identity)) == "TOKEN_INVALID"
    assert await reason(verifier, unsigned({"alg": "none", "kid": kid}, identity.claims())) == "TOKEN_INVALID"


async def test_a_token_without_a_key_id_is_refused(verifier: TokenVerifier, identity: Identity) -> None:
    assert await reason(verifier, forged({"alg": "EdDSA"}, identity)) == "TOKEN_INVALID"
    assert identity.asked == 0


DAMAGED = [
    "",
    ".",
    "..",
    "...",
    "a.b.c",
    "e30.e30.",
    "null",
    "é.é.é",
    "\0",
    base64url(b"[" * 6000) + ".e30.AAAA",
    base64url(b'{"alg":"EdDSA","kid":' + b"9" * 5000 + b"}") + ".e30.AAAA",
    base64url(b'{"alg":"EdDSA","alg":"none","kid":"first"}') + ".e30.",
    base64url(b"\xff\xfe") + ".e30.AAAA",
    base64url(b"7") + ".e30.AAAA",
    base64.b64encode(b'{"alg":"EdDSA","kid":"first"}').decode() + ".!!!.AAAA",
]


@pytest.mark.parametrize("token", DAMAGED, ids=lambda token: repr(token)[:30])
async def test_a_damaged_token_is_refused(token: str, verifier: TokenVerifier) -> None:
    assert await reason(verifier, token) == "TOKEN_INVALID"


async def test_a_token_whose_text_was_changed_is_refused(verifier: TokenVerifier, identity: Identity) -> None:
    header, claims, signature = identity.token().split(".")
    other = identity.token(role="admin").split(".")
    assert await reason(verifier, f"{header}.{other[1]}.{signature}") == "TOKEN_INVALID"
    assert await reason(verifier, f"{header}.{claims}.{signature[:-4]}") == "TOKEN_INVALID"
    assert await reason(verifier, f"{header}.{claims}.") == "TOKEN_INVALID"


async def test_an_endless_token_is_not_even_read(verifier: TokenVerifier, identity: Identity) -> None:
    assert await reason(verifier, "x" * (1 << 20)) == "TOKEN_INVALID"
    assert await reason(verifier, identity.token(jti="x" * LONGEST_TOKEN)) == "TOKEN_INVALID"
    assert identity.asked == 0


async def test_refused_tokens_are_not_remembered(verifier: TokenVerifier, identity: Identity) -> None:
    await verifier.verify(identity.token())
    for number in range(100):
        await reason(verifier, forged({"alg": "EdDSA", "kid": f"unknown-{number}"}, identity))
        await reason(verifier, identity.token(aud="other", jti=str(number)))
    assert len(verifier._verified) == 1


def test_a_service_token_proves_a_service() -> None:
    assert ServiceTokens("portfolio", KEY).verify(ServiceTokens("risk", KEY).mint("portfolio")) == "risk"


def test_a_service_token_is_used_for_half_its_life() -> None:
    tokens = ServiceTokens("risk", KEY)
    first = tokens.mint("portfolio")
    assert tokens.mint("portfolio") == first
    assert tokens.mint("marketdata") != first
    tokens._minted["portfolio"] = first, time.time()  # as if half a minute had passed
    tokens.mint("portfolio")
    claims = jwt.decode(tokens.mint("portfolio"), KEY, ["HS256"], audience="portfolio")
    assert claims["exp"] - claims["iat"] == SERVICE_TOKEN_SECONDS


def service_token(key: str = KEY, algorithm: str = "HS256", **changed: object) -> str:
    now = int(time.time())
    claims = {"iss": "risk", "aud": "portfolio", "iat": now, "exp": now + 60, **changed}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm)


def test_the_forger_can_make_a_service_token_with_the_key() -> None:
    assert ServiceTokens("portfolio", KEY).verify(service_token()) == "risk"


BAD_SERVICE_TOKENS = {
    "for another service": lambda: service_token(aud="marketdata"),
    "for nobody": lambda: service_token(aud=None),
    "from nobody": lambda: service_token(iss=None),
    "without an end": lambda: service_token(exp=None),
    "expired": lambda: service_token(exp=int(time.time()) - 1),
    "another key": lambda: service_token(key="another key, which is just as long"),
    "another algorithm": lambda: service_token(algorithm="HS512", key=KEY * 2),
    "unsigned": lambda: unsigned({"alg": "none"}, {"iss": "risk", "aud": "portfolio", "exp": 9_999_999_999}),
    "too deep": lambda: unsigned(b"[" * 50_000, {}),
    "empty": lambda: "",
    "no ASCII": lambda: "é",
    "no JSON": lambda: "a.b.c",
}


@pytest.mark.parametrize("make", BAD_SERVICE_TOKENS.values(), ids=BAD_SERVICE_TOKENS)
def test_no_other_service_token_is_taken(make: Callable[[], str]) -> None:
    # Not Unauthenticated: that would be passed on to a user, who can do nothing about it.
    with pytest.raises(PermissionDenied) as caught:
        ServiceTokens("portfolio", KEY).verify(make())
    assert caught.value.reason == "PERMISSION_INSUFFICIENT"
    assert caught.value.metadata == {"needs": "a service token"}


async def test_a_token_of_one_kind_is_none_of_the_other(verifier: TokenVerifier, identity: Identity) -> None:
    services = ServiceTokens("plimsoll", KEY)
    assert await reason(verifier, services.mint("plimsoll")) == "TOKEN_INVALID"
    with pytest.raises(PermissionDenied):
        services.verify(identity.token())
