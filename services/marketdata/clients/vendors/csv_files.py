"""The CSV files of a folder, parsed, and parsed again only when they have changed."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chassis.errors import InvalidRequest
from services.marketdata.domain.actions_csv import ActionsFile, read_actions
from services.marketdata.domain.bars_csv import BarsFile, read_bars
from services.marketdata.domain.csv_table import header_of, malformed
from services.marketdata.domain.instruments_csv import InstrumentsFile, read_instruments
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.yields_csv import YieldsFile, read_yields, tenor_of

PATTERN = "*.csv"
Parsed = BarsFile | ActionsFile | InstrumentsFile | YieldsFile
P = TypeVar("P", BarsFile, ActionsFile, InstrumentsFile, YieldsFile)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file as it was when it was read."""

    modified_ns: int
    size: int
    parsed: Parsed | None
    """None: it is none of ours."""


class CsvFiles:
    """A folder, or one file."""

    def __init__(self, path: Path, price_basis: PriceBasis, source: str) -> None:
        self._path = path
        self._price_basis = price_basis
        self._source = source
        self._kept: dict[Path, _Kept] = {}
        self._turn = asyncio.Lock()

    async def of(self, kind: type[P]) -> list[P]:
        """Give the files of a kind, by name."""
        async with self._turn:  # two readers at once would parse everything twice
            parsed = await asyncio.to_thread(self._parse_all)
        return [file for file in parsed if isinstance(file, kind)]

    def _parse_all(self) -> list[Parsed]:
        kept: dict[Path, _Kept] = {}
        for path in self._paths():
            state = path.stat()
            known = self._kept.get(path)
            if known is None or (known.modified_ns, known.size) != (state.st_mtime_ns, state.st_size):
                known = _Kept(state.st_mtime_ns, state.st_size, self._parse(path))
            kept[path] = known
        self._kept = kept
        return [one.parsed for one in kept.values() if one.parsed is not None]

    def _paths(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        if not self._path.is_dir():
            log.warning("there is no folder or file %s", self._path)
        return sorted(path for path in self._path.glob(PATTERN) if path.is_file())

    def _parse(self, path: Path) -> Parsed | None:
        """Parse a file. One that cannot be read is reported when it is met, and not again before it changes."""
        try:
            parsed = _parse(path.read_bytes(), self._price_basis, self._source)
        except InvalidRequest as error:
            log.warning("%s is not used: %s", path, error.message)
            return None
        except OSError as error:
            log.warning("%s is not used: %s", path, error.strerror)
            return None
        if isinstance(parsed, InstrumentsFile) and parsed.unreadable_lines:
            lines = parsed.unreadable_lines
            log.warning("%s: %d lines are not used, the first is %d", path, len(lines), lines[0])
        return parsed


def _parse(content: bytes, price_basis: PriceBasis, source: str) -> Parsed:
    header = set(header_of(content))
    if {"symbol", "close"} <= header:
        return read_bars(content, price_basis, source)
    if {"symbol", "ex_date"} <= header:
        return read_actions(content, source)
    if {"symbol", "kind"} <= header:
        return read_instruments(content)
    if "date" in header and any(map(tenor_of, header)):
        return read_yields(content, source)
    raise malformed(f"its columns are of no kind that is known: {', '.join(sorted(header))[:400]}")
