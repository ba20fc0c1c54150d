"""The CSV files of a folder, parsed, and parsed again only when they have changed."""

import asyncio
import logging
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from chassis.errors import InvalidRequest
from services.marketdata.domain.actions_csv import ActionsFile, read_actions
from services.marketdata.domain.bars_csv import BarsFile, read_bars
from services.marketdata.domain.csv_table import header_of
from services.marketdata.domain.fetched import Reason
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
    """None: it is none of ours, or cannot be read."""
    reason: Reason | None = None
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Read(Generic[P]):
    """The files of a kind, by name."""

    files: Sequence[P]
    gap: Reason | None
    """Why there may be more than these. None: this is all that there is."""


NOTHING = _Kept(0, 0, None, Reason.UNAVAILABLE)
"""What is kept of a file or folder that could not be read; it is tried again each time."""


class CsvFiles:
    """A folder, or one file."""

    def __init__(self, path: Path, price_basis: PriceBasis, source: str) -> None:
        self._path = path
        self._price_basis = price_basis
        self._source = source
        self._kept: dict[Path, _Kept] = {}
        self._turn = asyncio.Lock()

    async def of(self, kind: type[P]) -> Read[P]:
        """Give the files of a kind."""
        async with self._turn:  # two readers at once would parse everything twice
            kept = await asyncio.to_thread(self._read_all)
        gap = next((one.reason for one in kept if one.reason), None)
        return Read([one.parsed for one in kept if isinstance(one.parsed, kind)], gap)

    def _read_all(self) -> list[_Kept]:
        try:
            paths = self._paths()
        except OSError as error:
            log.warning("%s cannot be read: %s", self._path, error.strerror)
            return [NOTHING]
        self._kept = {path: self._read(path) for path in paths}
        return list(self._kept.values())

    def _paths(self) -> list[Path]:
        if stat.S_ISREG(self._path.stat().st_mode):
            return [self._path]
        return sorted(path for path in self._path.iterdir() if path.match(PATTERN) and path.is_file())

    def _read(self, path: Path) -> _Kept:
        """Read a file. What is wrong with one is reported when it is met, and not again before it changes."""
        try:
            state = path.stat()
            known = self._kept.get(path)
            if known and (known.modified_ns, known.size) == (state.st_mtime_ns, state.st_size):
                return known
            content = path.read_bytes()
        except OSError as error:
            log.warning("%s is not used: %s", path, error.strerror)
            return NOTHING
        return self._parsed(path, content, state)

    def _parsed(self, path: Path, content: bytes, state: os.stat_result) -> _Kept:
        reason = None
        parsed = None
        try:
            parsed = _parse(content, self._price_basis, self._source)
        except _NoneOfOurs as error:
            log.warning("%s is not used: %s", path, error)
        except InvalidRequest as error:
            log.warning("%s is not used: %s", path, error.message)
            reason = Reason.MALFORMED
        if isinstance(parsed, InstrumentsFile) and parsed.unreadable_lines:
            lines = parsed.unreadable_lines
            log.warning("%s: %d lines are not used, the first is %d", path, len(lines), lines[0])
        return _Kept(state.st_mtime_ns, state.st_size, parsed, reason)


class _NoneOfOurs(Exception):
    """A file of another kind than those that we know."""


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
    raise _NoneOfOurs(f"its columns are of no kind that is known: {', '.join(sorted(header))[:400]}")
