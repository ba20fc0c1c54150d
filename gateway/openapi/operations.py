"""One operation for each RPC and path, its parameters found as transcoding finds them.

A field is bound by the path if the path names it, by the body if the body is that field or everything (`*`), and by the
query otherwise; the fields of a message in the query are named with dots.
"""

import mimetypes
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from gateway.contract.descriptors import Descriptors
from gateway.contract.rpcs import HTTP_BODY, Binding, Rpc
from gateway.openapi.errors import RATE_LIMIT_HEADERS, possible
from gateway.openapi.examples import Examples, NoExample
from gateway.openapi.schemas import WELL_KNOWN, Schemas, is_required
from plimsoll.options.v1.method_pb2 import MethodPolicy

Json = dict[str, Any]

REQUEST_ID = "request_id"
IDEMPOTENCY_KEY = {"$ref": "#/components/parameters/IdempotencyKey"}
ANSWER_HEADERS = {"x-request-id": {"$ref": "#/components/headers/RequestId"}, **RATE_LIMIT_HEADERS}


class Operations:
    """Writes operations."""

    def __init__(self, descriptors: Descriptors, schemas: Schemas) -> None:
        self._descriptors = descriptors
        self._schemas = schemas

    def operation(self, rpc: Rpc, binding: Binding, tag: str) -> Json:
        """Give the operation of one binding of an RPC."""
        comment = self._descriptors.comment(rpc.service_name, rpc.name)
        parameters = self._parameters(rpc, binding)
        written: Json = {
            "operationId": _operation_id(rpc, binding),
            "tags": [tag],
            "summary": comment.partition(". ")[0].partition("\n")[0].removesuffix("."),
            "description": comment,
            **_extensions(rpc, binding),
        }
        if parameters:
            written["parameters"] = parameters
        if binding.body:
            written["requestBody"] = self._body(rpc, binding)
        written["responses"] = {
            "200": self._answer(rpc, binding),
            **possible(rpc, binding, has_input=bool(parameters or binding.body)),
            "default": {"$ref": "#/components/responses/Error"},
        }
        written["security"] = _security(rpc, binding)
        return written

    def _parameters(self, rpc: Rpc, binding: Binding) -> list[Json]:
        in_path = binding.template.variables
        found = [self._parameter(*self._find(rpc.request, name), name, "path") for name in in_path]
        if binding.body != "*":
            unbound = {*in_path, binding.body}
            found += [self._parameter(*each, "query") for each in self._query(rpc.request) if each[2] not in unbound]
        fields = {field.name for field in self._descriptors.messages[rpc.request].field}
        return [*found, IDEMPOTENCY_KEY] if rpc.writes and REQUEST_ID in fields else found

    def _find(self, message: str, path: str) -> tuple[str, FieldDescriptorProto]:
        name, _, rest = path.partition(".")
        field = next(field for field in self._descriptors.messages[message].field if field.name == name)
        return self._find(field.type_name.lstrip("."), rest) if rest else (message, field)

    def _query(
        self, message: str, prefix: str = "", within: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, FieldDescriptorProto, str]]:
        """Yield the fields that a query can set, each with its message and its name there."""
        for field in self._descriptors.messages[message].field:
            inner = field.type_name.lstrip(".")
            if field.type != field.TYPE_MESSAGE or inner in WELL_KNOWN:
                yield message, field, prefix + field.name
            elif field.label != field.LABEL_REPEATED and inner not in (*within, HTTP_BODY):
                yield from self._query(inner, f"{prefix}{field.name}.", (*within, message))

    def _parameter(self, message: str, field: FieldDescriptorProto, name: str, place: str) -> Json:
        schema = self._schemas.field(message, field)
        written: Json = {"name": name, "in": place, "required": place == "path" or is_required(field)}
        if description := schema.pop("description", ""):
            written["description"] = description
        written["schema"] = schema
        return written | self._example(schema, field.name)

    def _body(self, rpc: Rpc, binding: Binding) -> Json:
        if binding.body == "*":
            schema = self._schemas.object(rpc.request, without=binding.template.variables)
            return {"required": True, "content": self._json(schema)}
        message, field = self._find(rpc.request, binding.body)
        described = self._descriptors.comment(message, field.name)
        if field.type_name == f".{HTTP_BODY}":
            return {"description": described, "required": True, "content": _file(binding.body)}
        schema = self._schemas.field(message, field)
        return {"description": described, "required": is_required(field), "content": self._json(schema)}

    def _answer(self, rpc: Rpc, binding: Binding) -> Json:
        content: Json
        if rpc.response == HTTP_BODY:
            # A path that does not end in the name of a file says nothing: the answer's own header does.
            media_type = mimetypes.guess_type(binding.template.text)[0] or "*/*"
            content = {media_type: {"schema": {"type": "object"} if media_type.endswith("json") else {}}}
        else:
            content = self._json(self._schemas.of(rpc.response))
            if rpc.streams:
                content = {"text/event-stream": content["application/json"]}
        description = self._descriptors.comment(rpc.response) or "Done."
        return {"description": description, "headers": ANSWER_HEADERS, "content": content}

    def _json(self, schema: Json) -> Json:
        return {"application/json": {"schema": schema, **self._example(schema, "")}}

    def _example(self, schema: Json, name: str) -> Json:
        try:
            return {"example": Examples(self._schemas.components).of(schema, name)}
        except NoExample:
            return {}  # none is better than one that breaks the rules


def _operation_id(rpc: Rpc, binding: Binding) -> str:
    """Name an operation: RPCs of two packages may be called the same, and each further path gets a number."""
    number = rpc.bindings.index(binding) + 1
    return f"{rpc.package.split('.')[1]}_{rpc.name}" + (f"_{number}" if number > 1 else "")


def _extensions(rpc: Rpc, binding: Binding) -> Json:
    found: Json = {"x-grpc-method": rpc.path.lstrip("/"), "x-scope": "write" if rpc.writes else "read"}
    if rpc.seconds is not None:
        found["x-timeout-seconds"] = rpc.seconds
    if binding.body:
        found["x-max-request-bytes"] = rpc.max_request_bytes
    first = rpc.bindings[0]
    if binding is not first:
        found["x-alias-of"] = f"{first.verb} {first.template.openapi}"
    return found


def _file(name: str) -> Json:
    """Describe a body that reaches the service as it is."""
    multipart = {"type": "object", "properties": {name: {"contentMediaType": "text/csv"}}, "required": [name]}
    sample = "ticker,quantity,entry_price,entry_date,tags\nAAPL,100,121.41,2021-03-15,core\n"
    return {
        "text/csv": {"schema": {"type": "string"}, "example": sample},
        "multipart/form-data": {"schema": multipart, "encoding": {name: {"contentType": "text/csv"}}},
    }


def _security(rpc: Rpc, binding: Binding) -> list[Json]:
    if rpc.public:
        return []
    # A key acts as a member, whoever owns it.
    by_key: list[Json] = [] if rpc.policy.access == MethodPolicy.ADMIN else [{"apiKey": []}]
    return [{"bearer": []}, *by_key, *([{"cookie": []}] if binding.verb == "GET" else [])]
