"""How tests read an error."""

from typing import Any

import httpx
import jsonschema

from gateway.assembly import assemble
from gateway.settings import Settings

DOCUMENT = assemble(Settings()).openapi
STATUS = {**DOCUMENT["components"]["schemas"]["Status"], "components": DOCUMENT["components"]}


def error_of(response: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """Give code, reason and metadata of an error, which must look as the OpenAPI document says."""
    body: dict[str, Any] = response.json()
    assert response.headers["content-type"] == "application/json"
    jsonschema.Draft202012Validator(STATUS).validate(body)
    (detail,) = body["details"]
    return body["code"], detail["reason"], detail.get("metadata", {})
