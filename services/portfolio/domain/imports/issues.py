"""What is wrong, or worth a look, in a file: by line where a row is at fault, and as a refusal where the whole is."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import InvalidRequest

MAX_BYTES = 10 << 20
MAX_ROWS = 10_000
MAX_COLUMNS = 256
SHOWN_NAMES = 30
SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Issue:
    """Something wrong, or worth a look, in one line of a file; line 0 is the file as a whole."""

    line: int
    field: str
    value: str
    reason: str
    message: str


class RowError(Exception):
    """A row that cannot be taken: the column at fault, the text found there, and why."""

    def __init__(self, column: str, value: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.column, self.value, self.reason, self.message = column, value, reason, message

    def at(self, line: int) -> Issue:
        """Give it as an issue of a line."""
        return Issue(line, self.column, self.value, self.reason, self.message)


def malformed(message: str, line: int | None = None) -> InvalidRequest:
    """Give the failure of a file that cannot be read as a whole."""
    return InvalidRequest("MALFORMED_FILE", message, **({} if line is None else {"line": line}))


def too_large(message: str, **limit: int) -> InvalidRequest:
    """Give the failure of a file that is larger than files may be."""
    return InvalidRequest("REQUEST_TOO_LARGE", message, **limit)


def too_many_rows() -> InvalidRequest:
    """Give the failure of a file with more rows than files may have."""
    return too_large(f"the file has more than {MAX_ROWS} rows", limit_rows=MAX_ROWS)


def listed(names: Sequence[str]) -> str:
    """Give names in one line: the first of them, each cut, if there are many or long ones."""
    shown = ", ".join(name.strip()[:SHOWN_CHARACTERS] for name in names[:SHOWN_NAMES])
    return shown + (", ..." if len(names) > SHOWN_NAMES else "")
