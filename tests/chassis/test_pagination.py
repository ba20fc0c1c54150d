"""Page tokens: what was given out comes back, and nothing else is taken."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidFields
from chassis.pagination import decode_page, encode_page

STORABLE = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


def token_of(found: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(found).encode()).decode().rstrip("=")


@given(st.dictionaries(STORABLE, STORABLE, min_size=1, max_size=3))
def test_a_position_comes_back(position: dict[str, str]) -> None:
    assert decode_page(encode_page(position), *position) == position


def test_a_token_stands_in_a_url_as_it_is() -> None:
    for length in range(8):
        assert encode_page({"name": "ÿ?>" * length}).replace("-", "").replace("_", "").isalnum()


def test_no_token_is_the_first_page() -> None:
    assert decode_page("", "name") == {}


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "!!!!",
        "é",
        "\0",
        "a",
        "=",
        encode_page({"name": "x"})[:-3],
        token_of(["name"]),
        token_of("name"),
        token_of(None),
        token_of({"name": 1}),
        token_of({"name": ["x"]}),
        token_of({"name": None}),
        token_of({}),
        token_of({"other": "x"}),
        token_of({"name": "x", "other": "y"}),
        token_of({"name": "nul \0"}),
        token_of({"name": "\ud800"}),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b'{"name": "\xff"}').decode(),
    ],
)
def test_a_token_that_we_did_not_give_out_is_refused(token: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        decode_page(token, "name")
    (violation,) = caught.value.violations
    assert (violation.field, violation.value) == ("page_token", token)
    assert violation.rule == "was not given out by this list"


def test_a_list_that_names_no_fields_takes_any() -> None:
    assert decode_page(encode_page({"after": "x"})) == {"after": "x"}


@given(st.text())
def test_no_text_does_anything_but_be_refused(token: str) -> None:
    try:
        position = decode_page(token, "name")
    except InvalidFields:
        return
    assert token == "" or set(position) == {"name"}
