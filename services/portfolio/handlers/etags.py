"""Revisions as HTTP knows them: an answer's `ETag`, and a change's `If-Match`."""

import re
from typing import Any

import grpc

from chassis.call import current_call
from chassis.errors import InvalidFields, Violation

IF_MATCH = "if-match"
ETAG = re.compile(r'"?([1-9][0-9]{0,8})"?')


def expected_revision(revision: int) -> int:
    """Give the revision that the caller read: the request's own, or the header's; 0 without either.

    Raises:
        InvalidFields: the header is none of our tags, or says something else than the request.
    """
    header = current_call().metadata.get(IF_MATCH, "").strip()
    if header in ("", "*"):
        return revision
    tag = ETAG.fullmatch(header)
    if tag is None:
        raise InvalidFields([Violation(IF_MATCH, header, "is not the ETag of an answer")])
    if revision and int(tag[1]) != revision:
        raise InvalidFields([Violation(IF_MATCH, header, f"is not the revision {revision} of the request")])
    return int(tag[1])


async def tell_revision(context: grpc.aio.ServicerContext[Any, Any], revision: int) -> None:
    """Send an answer's revision as its `ETag`."""
    await context.send_initial_metadata((("etag", f'"{revision}"'),))
