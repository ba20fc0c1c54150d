"""The rules of the contract, enforced: each broken field is named with its value, and no secret is shown."""

from typing import Any

import pytest
from google.protobuf.message import Message

from chassis.call import Call
from chassis.contract import method
from chassis.errors import InvalidFields, InvalidRequest
from chassis.validation import LARGE_BYTES, MOST_VIOLATIONS, Validation
from plimsoll.identity.v1.identity_service_pb2 import LoginRequest, RegisterRequest
from plimsoll.marketdata.v1.marketdata_service_pb2 import GetQuotesRequest, ListBarsRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import CreatePortfolioRequest
from tests.chassis.trial import Cargo, Crate

VALIDATION = Validation()
TRIAL = "/plimsoll.trial.v1.TrialService/"
LONG = "x" * 21
SECRET = "the secret of the harbour master"
INFINITY, NAN = float("inf"), float("nan")


async def check(request: Message, path: str = TRIAL + "Read") -> None:
    await VALIDATION(Call(method(path), "an-id"), request)


async def violations(request: Message) -> dict[str, str]:
    """Give the broken fields with what is said of each."""
    with pytest.raises(InvalidFields) as caught:
        await check(request)
    return {violation.field: str(violation) for violation in caught.value.violations}


async def test_what_obeys_the_rules_passes() -> None:
    whole = Cargo(name="n", weight=-1.5e308, tags=["a"] * 3000, shocks={"k": 0.0}, bays={7: "b"}, south="s")
    whole.crate.CopyFrom(Crate(label="l", inner=Crate(label="m")))
    whole.decks["d"].label = "l"
    for request in (Cargo(), whole):
        await check(request)


@pytest.mark.parametrize(
    ("request_", "field", "said"),
    [
        (Cargo(name=LONG), "name", f"name: '{LONG}' must be at most 20 characters"),
        (Cargo(weight=NAN), "weight", "weight: 'nan' must be finite"),
        (Cargo(weight=-INFINITY), "weight", "weight: '-inf' must be finite"),
        (Cargo(tags=["a", LONG]), "tags[1]", f"tags[1]: '{LONG}' must be at most 20 characters"),
        (Cargo(shocks={"k": INFINITY}), "shocks[k]", "shocks[k]: 'inf' must be finite"),
        (Cargo(shocks={LONG: 1}), f"shocks[{LONG}]", f"shocks[{LONG}]: '{LONG}' must be at most 20 characters"),
        (Cargo(bays={-7: LONG}), "bays[-7]", f"bays[-7]: '{LONG}' must be at most 20 characters"),
        (Cargo(south=LONG), "south", f"south: '{LONG}' must be at most 20 characters"),
        (Cargo(crate=Crate(label=LONG)), "crate.label", f"crate.label: '{LONG}' must be at most 20 characters"),
        (
            Cargo(crates=[Crate(), Crate(inner=Crate(label=LONG))]),
            "crates[1].inner.label",
            f"crates[1].inner.label: '{LONG}' must be at most 20 characters",
        ),
        (
            Cargo(decks={"main": Crate(label=LONG)}),
            "decks[main].label",
            f"decks[main].label: '{LONG}' must be at most 20 characters",
        ),
        (Cargo(crate=Crate(label="crate", combination="c")), "crate", "crate must not be called crate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_broken_field_is_named_with_its_value(request_: Cargo, field: str, said: str) -> None:
    assert await violations(request_) == {field: said}


async def test_a_list_that_is_too_long_is_not_shown() -> None:
    assert await violations(Cargo(tags=["a"] * 3001)) == {"tags": "tags must contain no more than 3000 item(s)"}


async def test_all_broken_fields_are_named() -> None:
    found = await violations(Cargo(name=LONG, weight=NAN, crate=Crate(label=LONG)))
    assert list(found) == ["name", "weight", "crate.label"]


@pytest.mark.parametrize("number", [NAN, INFINITY, -INFINITY])
async def test_only_a_rule_refuses_what_is_not_finite(number: float) -> None:
    await check(Cargo(anything=number))


SECRETS = [
    Cargo(password=SECRET),
    Cargo(crate=Crate(combination=SECRET)),
    Cargo(crate=Crate(label="crate", combination=SECRET)),
    Cargo(crate=Crate(label="crate", inner=Crate(combination=SECRET))),
    Cargo(crates=[Crate(inner=Crate(combination=SECRET))]),
    Cargo(decks={"d": Crate(combination=SECRET)}),
    Cargo(keys_of_decks={"d": SECRET}),
    Cargo(keys_of_decks={SECRET: LONG}),
    Cargo(password=f"{SECRET}\0"[-20:]),
    Cargo(crate=Crate(combination=f"{SECRET}\0"[-20:])),
    Cargo(keys_of_decks={f"{SECRET}\0": "d"}),
    Cargo(keys_of_decks={SECRET: "d\0"}),
]


@pytest.mark.parametrize("request_", SECRETS, ids=range(len(SECRETS)))
async def test_a_secret_is_named_and_not_shown(request_: Cargo) -> None:
    with pytest.raises(InvalidFields) as caught:
        await check(request_)
    told = caught.value.message + str(caught.value.violations) + str(caught.value.metadata)
    assert SECRET[-19:] not in told
    assert caught.value.violations[0].field.split(".")[-1] in told


@pytest.mark.parametrize(
    ("request_", "field", "value"),
    [
        (Cargo(name="a\0b"), "name", "a\0b"),
        (Cargo(request_id="\0"), "request_id", "\0"),
        (Cargo(tags=["a", "b\0"]), "tags[1]", "b\0"),
        (Cargo(shocks={"k\0": 1}), "shocks", "k\0"),
        (Cargo(bays={7: "b\0"}), "bays[7]", "b\0"),
        (Cargo(north="n\0"), "north", "n\0"),
        (Cargo(crate=Crate(inner=Crate(label="\0"))), "crate.inner.label", "\0"),
        (Cargo(crates=[Crate(label="\0")]), "crates[0].label", "\0"),
        (Cargo(decks={"d": Crate(label="\0")}), "decks[d].label", "\0"),
        (Cargo(decks={"d\0": Crate()}), "decks", "d\0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_nul_is_refused_wherever_it_stands(request_: Cargo, field: str, value: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        await check(request_)
    (violation,) = caught.value.violations
    assert (violation.field, violation.value, violation.rule) == (field, value, "must not contain NUL")


async def test_bytes_may_contain_nul() -> None:
    await check(Cargo(sealed=b"\0\0"))


async def test_a_request_over_the_limit_of_its_rpc_is_refused() -> None:
    over = Cargo(sealed=b"x" * (1 << 20))
    with pytest.raises(InvalidRequest) as caught:
        await check(over)
    assert caught.value.reason == "REQUEST_TOO_LARGE"
    assert caught.value.metadata == {"limit_bytes": str(1 << 20)}
    assert caught.value.message == f"the request has {over.ByteSize()} bytes, this call takes {1 << 20}"
    await check(over, TRIAL + "ReadLong")


async def test_a_request_at_the_limit_passes() -> None:
    size = (1 << 20) - 4
    at_the_limit = Cargo(sealed=b"x" * size)
    assert at_the_limit.ByteSize() == 1 << 20
    await check(at_the_limit)


async def test_few_of_many_violations_are_named() -> None:
    assert len(await violations(Cargo(tags=[LONG] * 100))) == MOST_VIOLATIONS
    assert len(await violations(Cargo(tags=["\0"] * 100))) == MOST_VIOLATIONS


async def test_of_a_large_request_one_violation_is_sought() -> None:
    large = Cargo(tags=["a", LONG] * 500, weight=NAN)
    assert large.ByteSize() < LARGE_BYTES
    assert len(await violations(large)) == MOST_VIOLATIONS
    large.sealed = b"x" * LARGE_BYTES
    assert len(await violations(large)) == 1


REAL: list[tuple[Message, dict[str, Any]]] = [
    (
        RegisterRequest(email="not an address", password="short"),
        {"email": "'not an address'", "password": "password "},
    ),
    (LoginRequest(email="a@example.com", password=""), {"password": "password "}),
    (LoginRequest(email="a@example.com", password="p" * 201), {"password": "password "}),
    (GetQuotesRequest(symbols=["AAPL", ""]), {"symbols[1]": "symbols[1] "}),
    (CreatePortfolioRequest(name=" ", base_currency="usd"), {"name": "' '", "base_currency": "'usd'"}),
    (ListBarsRequest(symbol="AAPL", price_basis=7, page_size=-1), {"price_basis": "'7'", "page_size": "'-1'"}),
]


@pytest.mark.parametrize(("request_", "expected"), REAL, ids=[type(request).__name__ for request, _ in REAL])
async def test_the_rules_of_the_real_contract_are_enforced(request_: Message, expected: dict[str, str]) -> None:
    found = await violations(request_)
    assert found.keys() == expected.keys()
    for field, part in expected.items():
        assert part in found[field]
        assert "p" * 20 not in found[field]
