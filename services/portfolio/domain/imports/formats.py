"""What a format is: the columns that tell it from others, and how its rows are read."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.portfolio.domain.imports.issues import MAX_ROWS, too_many_rows
from services.portfolio.domain.imports.statements import ParsedFile
from services.portfolio.domain.imports.tables import Row

Record = Mapping[str, str]


def plain(name: str) -> str:
    """Give the name of a column without what people vary: case, underscores, blanks."""
    return " ".join(name.lower().replace("_", " ").split())


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a file: all rows of the file, and which of them is the header."""

    rows: Sequence[Row]
    header_place: int
    file_date: datetime.date | None = None
    """The day to take where the file states neither a day of entry nor its own day."""
    columns: Mapping[str, int] = field(init=False)
    """Place of each column, by its plain name; of columns of one name, of the first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", columns_of(self.header))

    @property
    def header(self) -> list[str]:
        """The header's cells."""
        return self.rows[self.header_place][1]

    @property
    def header_line(self) -> int:
        """The header's line."""
        return self.rows[self.header_place][0]

    def preamble(self) -> Iterator[str]:
        """Yield the texts above the header."""
        for _, cells in self.rows[: self.header_place]:
            yield from cells

    def body(self) -> Sequence[Row]:
        """Give the rows below the header."""
        return self.rows[self.header_place + 1 :]

    def records(self) -> Iterator[tuple[int, Record]]:
        """Yield the rows below the header: the line, and the cells by the plain name of their column."""
        for line, cells in self.body():
            yield line, record(self.columns, cells)


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """Give the place of each column of a header by its plain name; of columns of one name, of the first."""
    columns: dict[str, int] = {}
    for place, name in enumerate(header):
        columns.setdefault(plain(name), place)
    return columns


def record(columns: Mapping[str, int], cells: Sequence[str]) -> Record:
    """Give the cells of a row by column; those that a short row has not are empty."""
    return {name: cells[place] if place < len(cells) else "" for name, place in columns.items()}


def count_row(parsed: ParsedFile) -> None:
    """Count a row that states something.

    Raises:
        InvalidRequest: it is one too many.
    """
    parsed.row_count += 1
    if parsed.row_count > MAX_ROWS:
        raise too_many_rows()


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be read."""

    name: str
    """In snake case, for programs."""
    title: str
    """For people."""
    needed: tuple[frozenset[str], ...]
    """The columns that tell it; of each set, one must be there."""
    read: Callable[[Table], ParsedFile]

    def missing(self, cells: Sequence[str]) -> list[str]:
        """Give the columns that a row would have to have besides, to be the header of this format."""
        found = {plain(cell) for cell in cells}
        return [min(names) for names in self.needed if not names & found]


def one_of(*names: str) -> frozenset[str]:
    """Give the names that a column may have."""
    return frozenset(names)
