"""The history of exports: what was given out, told by its hash."""

import datetime
import hashlib
from dataclasses import dataclass
from typing import Literal

from services.portfolio.domain.portfolio import Portfolio

Kind = Literal["PORTFOLIO", "TRADES"]


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is given out."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Export:
    """A line of the history."""

    export_id: str
    kind: Kind
    portfolio_id: str
    portfolio_revision: int
    format: str
    sections: tuple[str, ...]
    byte_count: int
    sha256: str
    created_time: datetime.datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """What an export is of."""

    export_id: str
    kind: Kind
    portfolio: Portfolio
    format: str
    sections: tuple[str, ...] = ()

    def made(self, content: bytes, created_time: datetime.datetime) -> Export:
        """Give the line of the history for a file of it."""
        return Export(
            export_id=self.export_id,
            kind=self.kind,
            portfolio_id=self.portfolio.portfolio_id,
            portfolio_revision=self.portfolio.revision,
            format=self.format,
            sections=self.sections,
            byte_count=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            created_time=created_time,
        )
