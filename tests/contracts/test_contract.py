"""Our contract keeps its conventions, and each convention's rule finds a breach where there is one."""

import pytest

from tests.contracts.descriptors import Contract
from tests.contracts.rules import GRPC_ONLY, KEPT_NAMES, RULES, Rule

BROKEN = "plimsoll.broken.v1."
SERVICE = BROKEN + "BrokenService."
THINGS = BROKEN + "Things."
FOUND = {
    "policies_are_complete": [
        f"{SERVICE}Forgotten: its method option has no access",
        f"{SERVICE}Forgotten: its method option has no scope",
        f"{SERVICE}Forgotten: its method option has no timeout",
        f"{SERVICE}Write: max_request_bytes 99999999 is more than the edge takes",
    ],
    "what_users_may_call_has_an_http_binding": [
        f"{SERVICE}Forgotten: has no HTTP binding",
        f"{SERVICE}Leaking: has an HTTP binding and should not",
    ],
    "writes_are_never_a_get": [
        f"{SERVICE}Write: writes, and is bound to GET /write/{{absent}}",
        f"{SERVICE}ListThings: only reads, and is bound to DELETE /api/v1/a/{{text}}/c",
    ],
    "writes_can_be_repeated": [
        f"{SERVICE}Write: writes, and its request has no request_id",
        f"{SERVICE}Whisper: writes, and would have a secret stored by its request_id",
    ],
    "lists_have_pages": [f"{SERVICE}ListThings: lists without next_page_token, page_size, page_token"],
    "everything_has_a_comment": [
        f"rpc {SERVICE}Uncommented: has no comment",
        f"message {BROKEN}Things: has no comment",
        f"field {THINGS}plain: has no comment",
        f"oneof {THINGS}choice: has no comment",
        f"value {BROKEN}Outside.SOMETHING: has no comment",
    ],
    "numbers_in_requests_are_finite": [
        f"{THINGS}number: a double that may be NaN or infinite",
        f"{THINGS}numbers[]: a double that may be NaN or infinite",
        f"{THINGS}weights.value: a double that may be NaN or infinite",
    ],
    "enums_in_requests_are_defined": [f"{THINGS}outside: an enum without defined_only"],
    "sizes_in_requests_are_bounded": [
        f"{THINGS}plain: a string without max_len, len, uuid or a pattern of limited length",
        f"{THINGS}text: a string without max_len, len, uuid or a pattern of limited length",
        f"{THINGS}numbers: a list or map without a largest size",
        f"{THINGS}weights: a list or map without a largest size",
        f"{THINGS}weights.key: a string without max_len, len, uuid or a pattern of limited length",
        f"{THINGS}content: bytes without max_len",
    ],
    "integers_fit_json": [
        f"{THINGS}big: a 64-bit integer; use int32, double or string",
        f"{THINGS}small: a float; use double",
    ],
    "names_tell_the_type": [
        f"{THINGS}made_time: is named _time, and is something else",
        f"{THINGS}row_count: is named _count, and is something else",
        f"{THINGS}start_date: is named _date, and is something else",
        f"{THINGS}share_percent: is named _percent, and is something else",
        f"{THINGS}made: a Timestamp that is not named _time",
        f"{THINGS}start: a date that is not named _date",
        f"{THINGS}share: percentage points that are not named _percent",
    ],
    "enums_are_nested": [f"{BROKEN}Outside: an enum outside a message"],
    "paths_name_fields": [
        f"{SERVICE}Write: /write/{{absent}} is neither below /api nor /.well-known",
        f"{SERVICE}Write: /write/{{absent}} names absent, which the request does not have",
        f"{SERVICE}Write: /write/{{absent}} has the body nothing, which the request does not have",
        f"{SERVICE}Write: GET /write/{{absent}} has a body",
    ],
    "paths_are_distinct": [
        f"{SERVICE}ListThings and {SERVICE}ListThings both fit DELETE /api/v1/a/{{}}/c",
        f"{SERVICE}ListThings and {SERVICE}ListThings both fit DELETE /api/v1/{{}}:go",
    ],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_contract_keeps(rule: Rule, contract: Contract) -> None:
    assert list(rule(contract)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_breach_is_found_of(rule: Rule, broken_contract: Contract) -> None:
    found = list(rule(broken_contract))
    assert [sentence for sentence in FOUND[rule.__name__] if sentence not in found] == []


def test_two_routes_overlap_only_where_neither_is_narrower(broken_contract: Contract) -> None:
    paths = next(rule for rule in RULES if rule.__name__ == "paths_are_distinct")
    assert list(paths(broken_contract)) == FOUND["paths_are_distinct"]


def test_every_exception_is_still_needed(contract: Contract) -> None:
    names = {element.name for element in contract.elements}
    assert sorted((KEPT_NAMES | GRPC_ONLY) - names) == []
