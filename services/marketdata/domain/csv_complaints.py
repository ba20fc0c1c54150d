"""What is wrong with the rows of a CSV file, each told once, by line and column."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days
from services.marketdata.domain.csv_table import Chunk
from services.marketdata.domain.fetched import RejectedRow, RowKind
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.row_json import row_json, shown

Mask = NDArray[np.bool_]


class Complaints:
    """The complaints about one chunk. A row that is blamed cannot be used, and is not blamed again."""

    def __init__(self, chunk: Chunk, day_column: Days, kind: RowKind, source: str) -> None:
        self._chunk = chunk
        self._days = day_column
        self._kind = kind
        self._source = source
        self._found: list[tuple[int, str, str]] = []
        self.unblamed: Mask = np.ones(len(chunk.lines), dtype=np.bool_)

    def add(self, column: str, wrong: Mask, reason: str) -> None:
        """Blame rows for what a column holds."""
        self.add_cells(column, wrong & self.unblamed, reason)
        self.unblamed &= ~wrong

    def add_cells(self, column: str, wrong: Mask, reason: str) -> None:
        """Complain of cells whose rows are good for the rest."""
        self._found += [(place, column, reason) for place in np.flatnonzero(wrong).tolist()]

    def rows(self) -> list[RejectedRow]:
        """Give what was found, by line."""
        return [self._rejected(*found) for found in sorted(self._found)]

    def _rejected(self, place: int, column: str, reason: str) -> RejectedRow:
        row = self._chunk.row(place)
        day: date | None = self._days[place].item()
        return RejectedRow(
            kind=self._kind,
            symbol=shown(canonical(row.get("symbol", ""))),
            row_date=day,
            row_json=row_json(row),
            source=self._source,
            reason=reason,
            field=column,
            value=shown(row[column]),
            line=int(self._chunk.lines[place]),
        )
