"""Log lines: one JSON object each for machines, or plain text for people, with the ids of the call they belong to."""

import json
import logging
import re
import sys
import textwrap
from datetime import UTC, datetime
from typing import Any, Literal

from opentelemetry import trace

from chassis.call import serving

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""What could move a terminal's cursor. Line ends are apart: a traceback has them."""


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = dict(getattr(record, "fields", {}))
    if call := serving():
        fields["request_id"] = call.request_id
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        fields["trace_id"] = f"{span.trace_id:032x}"
    return {key: value for key, value in fields.items() if value != ""}


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as a line for people, in which what came from a client cannot pass for a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        fields = " ".join(f"{key}={value}" for key, value in _fields(record).items())
        line = f"{time} {record.levelname.lower():7} {record.getMessage()} {fields}".rstrip().replace("\n", "\\n")
        if record.exc_info:
            line += "\n" + textwrap.indent(self.formatException(record.exc_info), "    ")
        return CONTROL.sub(lambda found: repr(found[0])[1:-1], line)


def configure(service: str, level: str, form: Literal["json", "text"]) -> None:
    """Send all log records of this process to standard error, in one form."""
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(JsonFormatter(service) if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[writer], force=True)
