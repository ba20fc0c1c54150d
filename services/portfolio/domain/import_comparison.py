"""What of a file was imported before: the same file twice adds nothing, and equal rows of one file are all kept."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.portfolio.domain.imported import Import, Taken, TakenMovement
from services.portfolio.domain.imports.issues import Issue


@dataclass(frozen=True, slots=True)
class Imported:
    """A row that an import of a portfolio saved before."""

    import_id: str
    format: str
    instrument_id: int | None
    """None for a movement of cash."""
    row_hash: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows of a file, by whether they were saved before."""

    new: list[Taken]
    new_movements: list[TakenMovement]
    repeated: dict[int, str]
    """By line: the other import that saved the row."""
    issues: list[Issue]
    """What has to be said of that."""


def compare(read: Import, before: Sequence[Imported], import_id: str = "") -> Comparison:
    """Tell which rows of a file no import saved yet.

    A row that stands twice in the file and was saved once is saved once more. So the same file adds nothing, and equal
    rows of one file are all kept.

    Args:
        read: the file.
        before: the rows that the imports of its portfolio saved.
        import_id: the import itself, if it saved some of them: nothing has to be said of those.
    """
    saved: dict[bytes, list[str]] = defaultdict(list)
    for row in before:
        saved[row.row_hash].append(row.import_id)
    repeated: dict[int, str] = {}
    new = [taken for taken in read.taken if _is_new(taken, saved, repeated)]
    new_movements = [taken for taken in read.movements if _is_new(taken, saved, repeated)]
    repeated = {line: origin for line, origin in repeated.items() if origin != import_id}
    issues = [_said_before(line, origin) for line, origin in repeated.items()]
    return Comparison(new, new_movements, repeated, issues + _stated_otherwise(read.format, new, before))


def _is_new(taken: Taken | TakenMovement, saved: Mapping[bytes, list[str]], repeated: dict[int, str]) -> bool:
    origins = saved.get(taken.row_hash)
    if not origins:
        return True
    repeated[taken.line] = origins.pop()
    return False


def _said_before(line: int, origin: str) -> Issue:
    return Issue(line, "", "", "already_imported", f"the import {origin} saved this row before: it is not added again")


def _stated_otherwise(name: str, new: Iterable[Taken], before: Iterable[Imported]) -> list[Issue]:
    """Say which positions of a broker's day an earlier file of that broker stated with other figures."""
    imports: Mapping[int, set[str]] = defaultdict(set)
    for row in before:
        if row.format == name and row.instrument_id is not None:
            imports[row.instrument_id].add(row.import_id)
    issues = []
    for taken in new:
        if not taken.entry_known and (known := imports.get(taken.position.instrument_id)):
            symbol = taken.position.symbol
            message = f"{symbol} came with other figures in the import {min(known)}, which is still there: undo one"
            issues.append(Issue(taken.line, "ticker", symbol, "stated_before", message))
    return issues
