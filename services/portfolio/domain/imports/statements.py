"""What a file states, whatever its format: positions and cash, each with the line it stands on."""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal

from services.portfolio.domain.book import MovementKind
from services.portfolio.domain.imports.issues import Issue

Date = datetime.date


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A row that states a position."""

    line: int
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    entry_date: Date
    tags: tuple[str, ...] = ()
    exit_date: Date | None = None
    exit_price: Decimal | None = None
    strategy: str = ""
    stated_class: str = ""
    """PUBLIC, OPTIONS or PRIVATE, where the file says it."""
    entry_known: bool = True
    """Whether the file states the day of entry; otherwise `entry_date` is the day that the file is of."""


@dataclass(frozen=True, slots=True)
class CashRow:
    """A row that states a cash balance."""

    line: int
    currency: str
    amount: Decimal
    balance_date: Date


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A row that states a movement of cash; signed as it changed the cash."""

    line: int
    kind: MovementKind
    currency: str
    amount: Decimal
    movement_date: Date
    symbol: str = ""
    note: str = ""


@dataclass(slots=True)
class ParsedFile:
    """What a file says, in its order."""

    format: str = ""
    """Name of the format it is in."""
    row_count: int = 0
    """Rows that state something: not the header, and not the lines around the table."""
    positions: list[PositionRow] = field(default_factory=list)
    cash: list[CashRow] = field(default_factory=list)
    movements: list[MovementRow] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
