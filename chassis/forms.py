"""The file of an upload: the body itself, or the one file of a multipart form.

The standard library reads forms as it reads letters, line by line, and needs most of a second for ten megabytes. Here
the body is cut at its boundaries, and only the few lines that head a part are parsed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from itertools import islice, pairwise

from chassis.errors import InvalidFields, InvalidRequest, Violation

TABLE_TYPES = {"text/csv", "text/plain", "application/csv", "application/vnd.ms-excel", "application/octet-stream", ""}
FORM = "multipart/form-data"
LONGEST_BOUNDARY = 70
# The library's parser of heads takes minutes for a megabyte of parameters, and a form could have a million heads.
LONGEST_HEAD = 2000
MOST_PARTS = 100
LINE_FEED = 10
BLANK_LINE = re.compile(rb"\A\r?\n|\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file as it was uploaded: its media type in lower case, its name where the client gave one, and its content."""

    media_type: str
    name: str
    content: bytes
    in_form: bool = False


def table_of(content_type: str, body: bytes) -> bytes:
    """Give the table, a CSV, that was uploaded as `text/csv` or in a form.

    Raises:
        InvalidFields: the content type is neither.
        InvalidRequest: a form without exactly one file.
    """
    file = file_of(content_type, body)
    if file.in_form or file.media_type in TABLE_TYPES:
        return file.content
    raise InvalidFields([Violation("file.content_type", content_type, f"must be text/csv or {FORM}")])


def file_of(content_type: str, body: bytes) -> Uploaded:
    """Give the file that was uploaded as the body itself, or as the one file of a form.

    Raises:
        InvalidFields: the content type is none that can be read.
        InvalidRequest: a form without exactly one file.
    """
    if "\r" in content_type or "\n" in content_type or len(content_type) > LONGEST_HEAD:
        rule = f"must be one line of at most {LONGEST_HEAD} characters"
        raise InvalidFields([Violation("file.content_type", content_type, rule)])
    kind = content_type.partition(";")[0].strip().lower()
    return _only_file(content_type, body) if kind == FORM else Uploaded(kind, "", body)


def _only_file(content_type: str, body: bytes) -> Uploaded:
    files = [
        Uploaded(head.get_content_type(), name, content, in_form=True)
        for head, content in _parts(_boundary(content_type), body)
        if (name := head.get_filename()) is not None
    ]
    if len(files) != 1:
        raise InvalidRequest("MALFORMED_FILE", f"the form holds {len(files)} files, exactly one is wanted")
    return files[0]


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if not boundary or len(boundary) > LONGEST_BOUNDARY or not boundary.isascii():
        raise InvalidFields([Violation("file.content_type", content_type, "has no boundary that RFC 2046 allows")])
    return boundary.encode()


def _parts(boundary: bytes, body: bytes) -> Iterator[tuple[Message, bytes]]:
    """Yield the head and the content of each part."""
    lines = re.finditer(b"--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r?\n|\Z)", body)
    lines = (line for line in lines if line.start() == 0 or body[line.start() - 1] == LINE_FEED)
    cuts = list(islice(lines, MOST_PARTS + 2))
    if len(cuts) > MOST_PARTS + 1:
        raise InvalidRequest("MALFORMED_FILE", f"the form has more than {MOST_PARTS} parts")
    if not any(cut[1] for cut in cuts):
        raise InvalidRequest("MALFORMED_FILE", "the form does not end with its boundary: it may have been cut off")
    for cut, following in pairwise(cuts):
        if cut[1]:
            return
        # The line end before a boundary belongs to the boundary.
        part = body[cut.end() : following.start()].removesuffix(b"\n").removesuffix(b"\r")
        part = part.removeprefix(b"\r").removeprefix(b"\n")
        if blank := BLANK_LINE.search(part, 0, LONGEST_HEAD):
            yield BytesHeaderParser().parsebytes(part[: blank.start()]), part[blank.end() :]
