"""The conventions of the contract as rules: each gives a sentence for every place that breaks it.

buf checks what is common to all good protos (`make lint`). These are the ones that are ours.
"""

import re
from collections.abc import Callable, Iterator
from itertools import combinations

from buf.validate.validate_pb2 import StringRules
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from plimsoll.options.v1.method_pb2 import MethodPolicy
from tests.contracts.descriptors import Contract, Rpc

Rule = Callable[[Contract], Iterator[str]]
LARGEST_REQUEST = 11 << 20
# The payload is packed binary: JSON would only make it larger.
GRPC_ONLY = {"plimsoll.marketdata.v1.MarketDataService.GetPriceMatrix"}
# Names that older clients rely on, kept although they break a rule of ours.
KEPT_NAMES = {
    "plimsoll.portfolio.v1.CompletePortfolio.last_updated",
    "plimsoll.risk.v1.Overview.last_updated",
    "plimsoll.risk.v1.Overview.position_count",
    "plimsoll.risk.v1.Overview.Exposures.long_percentage",
    "plimsoll.risk.v1.Overview.Exposures.short_percentage",
    "plimsoll.risk.v1.StressTest.Impact.percentage_impact",
}
F = FieldDescriptorProto
SIXTY_FOUR_BITS = {F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_SINT64, F.TYPE_FIXED64, F.TYPE_SFIXED64}


def policies_are_complete(contract: Contract) -> Iterator[str]:
    """Every RPC says who may call it, what it does, how long it may take, and no more bytes than the edge lets in."""
    for rpc in contract.rpcs:
        for part in ("access", "scope", "timeout"):
            if not getattr(rpc.policy, part):
                yield f"{rpc.name}: its method option has no {part}"
        if not 0 <= rpc.policy.max_request_bytes <= LARGEST_REQUEST:
            yield f"{rpc.name}: max_request_bytes {rpc.policy.max_request_bytes} is more than the edge takes"


def what_users_may_call_has_an_http_binding(contract: Contract) -> Iterator[str]:
    """Internal RPCs have no route; every other one has, but for the few that are meant for gRPC alone."""
    for rpc in contract.rpcs:
        closed = rpc.policy.access == MethodPolicy.INTERNAL or rpc.name in GRPC_ONLY
        if closed and rpc.bindings:
            yield f"{rpc.name}: has an HTTP binding and should not"
        if not closed and not rpc.bindings:
            yield f"{rpc.name}: has no HTTP binding"


def writes_are_never_a_get(contract: Contract) -> Iterator[str]:
    """A cookie authorises GET, so a GET must not write; and what only reads one thing is a GET or a POST."""
    for rpc in contract.rpcs:
        for verb, path, _ in rpc.bindings:
            if rpc.policy.scope == MethodPolicy.WRITE and verb == "get":
                yield f"{rpc.name}: writes, and is bound to GET {path}"
            if rpc.policy.scope == MethodPolicy.READ and verb not in ("get", "post"):
                yield f"{rpc.name}: only reads, and is bound to {verb.upper()} {path}"


def writes_can_be_repeated(contract: Contract) -> Iterator[str]:
    """What a signed-in caller writes takes a request_id, unless its answer or a hash of it would keep a secret.

    Public writes are left out: all of them are about secrets.
    """
    for rpc in contract.rpcs:
        by_caller = rpc.policy.access in (MethodPolicy.USER, MethodPolicy.ADMIN)
        repeatable = "request_id" in _fields(contract, rpc)
        if by_caller and rpc.policy.scope == MethodPolicy.WRITE and repeatable == _holds_secret(contract, rpc):
            said = "would have a secret stored by its request_id" if repeatable else "its request has no request_id"
            yield f"{rpc.name}: writes, and {said}"


def lists_have_pages(contract: Contract) -> Iterator[str]:
    """A List RPC pages from its first day: by tokens, or as documented clients ask, by limit and offset."""
    for rpc in contract.rpcs:
        if not rpc.proto.name.startswith("List"):
            continue
        answer = contract.messages.get(rpc.proto.output_type.lstrip("."), DescriptorProto())
        names = {*_fields(contract, rpc), *(field.name for field in answer.field)}
        if names >= {"limit", "offset", "total"}:
            continue
        if missing := sorted({"page_size", "page_token", "next_page_token"} - names):
            yield f"{rpc.name}: lists without {', '.join(missing)}"


def everything_has_a_comment(contract: Contract) -> Iterator[str]:
    """A reader of the contract is told what each thing means. What UNSPECIFIED means is said by its name."""
    for element in contract.elements:
        if element.kind == "enum" or element.name.endswith("_UNSPECIFIED"):
            continue
        if not element.comment:
            yield f"{element.kind} {element.name}: has no comment"


def numbers_in_requests_are_finite(contract: Contract) -> Iterator[str]:
    """NaN and infinity pass the edge as JSON text; only a rule stops them."""
    for sent in contract.inputs():
        if sent.type == F.TYPE_DOUBLE and not sent.is_list and not sent.rules.double.finite:
            yield f"{sent.name}: a double that may be NaN or infinite"


def enums_in_requests_are_defined(contract: Contract) -> Iterator[str]:
    """An enum number that no one has defined passes the edge too."""
    for sent in contract.inputs():
        if sent.type == F.TYPE_ENUM and not sent.is_list and not sent.rules.enum.defined_only:
            yield f"{sent.name}: an enum without defined_only"


def sizes_in_requests_are_bounded(contract: Contract) -> Iterator[str]:
    """No caller may send a text or a list of unlimited length."""
    for sent in contract.inputs():
        if sent.is_list:
            if not (sent.rules.repeated.max_items or sent.rules.map.max_pairs):
                yield f"{sent.name}: a list or map without a largest size"
        elif sent.type == F.TYPE_STRING and not _bounded(sent.rules.string):
            yield f"{sent.name}: a string without max_len, len, uuid or a pattern of limited length"
        elif sent.type == F.TYPE_BYTES and not sent.rules.bytes.max_len:
            yield f"{sent.name}: bytes without max_len"


def integers_fit_json(contract: Contract) -> Iterator[str]:
    """A 64-bit integer is printed as a JSON string; a float loses digits of a price."""
    for element in contract.elements:
        if element.kind != "field":
            continue
        if element.proto.type in SIXTY_FOUR_BITS:
            yield f"{element.name}: a 64-bit integer; use int32, double or string"
        if element.proto.type == F.TYPE_FLOAT:
            yield f"{element.name}: a float; use double"


def names_tell_the_type(contract: Contract) -> Iterator[str]:
    """`_time` is a Timestamp, `_date` a text YYYY-MM-DD, `_count` an int32, percentage points are `_percent`."""
    for element in contract.elements:
        if element.kind != "field" or element.name in KEPT_NAMES:
            continue
        name, kind = element.proto.name, element.proto.type
        is_time = element.proto.type_name == ".google.protobuf.Timestamp"
        is_date = kind == F.TYPE_STRING and "YYYY-MM-DD" in element.comment
        for suffix, expected in (
            (("_time", "_times"), is_time),
            (("_date", "_dates"), is_date),
            (("_count", "_counts"), kind == F.TYPE_INT32),
            (("_percent",), "percentage points" in element.comment),
        ):
            if name.endswith(suffix) and not expected:
                yield f"{element.name}: is named {suffix[0]}, and is something else"
        if is_time and not name.endswith(("_time", "_times")):
            yield f"{element.name}: a Timestamp that is not named _time"
        if is_date and not name.endswith(("_date", "_dates")):
            yield f"{element.name}: a date that is not named _date"
        if "percentage points" in element.comment and not name.endswith("_percent"):
            yield f"{element.name}: percentage points that are not named _percent"


def enums_are_nested(contract: Contract) -> Iterator[str]:
    """JSON shows LONG, not POSITION_TYPE_LONG: the message around the enum says what the value is of."""
    for file in contract.files:
        for enum in file.enum_type:
            yield f"{file.package}.{enum.name}: an enum outside a message"


def paths_name_fields(contract: Contract) -> Iterator[str]:
    """A path starts with /api or /.well-known, and its variables and body are fields of the request."""
    for rpc in contract.rpcs:
        fields = _fields(contract, rpc)
        for verb, path, body in rpc.bindings:
            # Older clients know some paths without the version.
            if not path.startswith(("/api/", "/.well-known/")):
                yield f"{rpc.name}: {path} is neither below /api nor /.well-known"
            for variable in re.findall(r"\{([^}=]+)", path):
                if variable not in fields:
                    yield f"{rpc.name}: {path} names {variable}, which the request does not have"
            if body not in ("", "*", *fields):
                yield f"{rpc.name}: {path} has the body {body}, which the request does not have"
            if body and verb in ("get", "delete"):
                yield f"{rpc.name}: {verb.upper()} {path} has a body"


def paths_are_distinct(contract: Contract) -> Iterator[str]:
    """No request fits two routes equally well: where two overlap, one of them is the narrower in every part."""
    routes = [
        (rpc.name, verb, [re.sub(r"\{[^}]*\}", "{}", part) for part in path.strip("/").split("/")])
        for rpc in contract.rpcs
        for verb, path, _ in rpc.bindings
    ]
    for (one, verb, path), (other, other_verb, other_path) in combinations(routes, 2):
        if verb != other_verb or len(path) != len(other_path):
            continue
        parts = list(zip(path, other_path, strict=True))
        if not all(_overlap(a, b) for a, b in parts):
            continue
        if len({_width(a) < _width(b) for a, b in parts if a != b}) != 1:
            yield f"{one} and {other} both fit {verb.upper()} /{'/'.join(path)}"


def _overlap(one: str, other: str) -> bool:
    """Whether some text fits both segments."""
    if one.startswith("{}") and other.startswith("{}"):
        return one == other or "{}" in (one, other)
    wide, narrow = (one, other) if one.startswith("{}") else (other, one)
    return wide == narrow or (wide.startswith("{}") and narrow.endswith(wide[2:]))


def _width(segment: str) -> int:
    """Order segments by how much they take: a literal, `{id}:verb`, `{id}`."""
    return 2 if segment == "{}" else 1 if segment.startswith("{}") else 0


def _fields(contract: Contract, rpc: Rpc) -> set[str]:
    request = contract.messages.get(rpc.proto.input_type.lstrip("."), DescriptorProto())
    return {field.name for field in request.field}


def _holds_secret(contract: Contract, rpc: Rpc) -> bool:
    """Whether a field of the request or of the answer must not be shown."""
    names = (rpc.proto.input_type.lstrip("."), rpc.proto.output_type.lstrip("."))
    messages = (contract.messages.get(name, DescriptorProto()) for name in names)
    return any(field.options.debug_redact for message in messages for field in message.field)


def _bounded(found: StringRules) -> bool:
    if found.max_len or found.len or found.max_bytes or found.len_bytes or found.uuid or found.const:
        return True
    # Anchored at both ends and without *, + or {n,}: such a pattern bounds the length by itself.
    anchored = found.pattern.startswith("^") and found.pattern.endswith("$")
    return anchored and not re.search(r"(?<!\\)[*+]|,\}", found.pattern)


RULES: list[Rule] = [
    policies_are_complete,
    what_users_may_call_has_an_http_binding,
    writes_are_never_a_get,
    writes_can_be_repeated,
    lists_have_pages,
    everything_has_a_comment,
    numbers_in_requests_are_finite,
    enums_in_requests_are_defined,
    sizes_in_requests_are_bounded,
    integers_fit_json,
    names_tell_the_type,
    enums_are_nested,
    paths_name_fields,
    paths_are_distinct,
]
