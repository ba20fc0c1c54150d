"""Finding the file in an upload: the body itself, or the one file of a multipart form."""

from email.parser import BytesParser
from email.policy import HTTP

from chassis.errors import InvalidFields, InvalidRequest, Violation
from plimsoll.portfolio.v1 import portfolio_service_pb2
from services.portfolio.application.accounts import DEFAULT_CURRENCY
from services.portfolio.application.uploads import Upload

TABLE_TYPES = {"text/csv", "text/plain", "application/csv", "application/vnd.ms-excel", "application/octet-stream", ""}


def upload_of(request: portfolio_service_pb2.UploadPortfolioRequest) -> Upload:
    """Give what an upload asks for.

    Raises:
        InvalidFields: it names no portfolio or two, or does not ask to be committed.
        InvalidRequest: the body is not a CSV, or a form without exactly one file.
    """
    name = request.portfolio_name.strip()
    if not request.commit:
        rule = "must be true: an import that waits for a confirmation is not offered yet"
        raise InvalidFields([Violation("commit", "false", rule)])
    if bool(name) == bool(request.portfolio_id):
        rule = "must be given, or portfolio_id, and not both"
        raise InvalidFields([Violation("portfolio_name", request.portfolio_name, rule)])
    return Upload(
        portfolio_name=name,
        portfolio_id=request.portfolio_id,
        base_currency=request.base_currency or DEFAULT_CURRENCY,
        content=_content(request.file.content_type, request.file.data),
    )


def _content(content_type: str, body: bytes) -> bytes:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _only_file(content_type, body)
    if kind not in TABLE_TYPES:
        raise InvalidFields([Violation("file.content_type", content_type, "must be text/csv or multipart/form-data")])
    return body


def _only_file(content_type: str, body: bytes) -> bytes:
    if "\r" in content_type or "\n" in content_type:
        raise InvalidFields([Violation("file.content_type", content_type, "must be one line")])
    header = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    form = BytesParser(policy=HTTP).parsebytes(header + body)
    parts = list(form.iter_parts()) if form.is_multipart() else []
    files = [part for part in parts if part.get_filename() is not None]
    if len(files) != 1:
        raise InvalidRequest("MALFORMED_FILE", f"the form holds {len(files)} files, exactly one is wanted")
    payload = files[0].get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
