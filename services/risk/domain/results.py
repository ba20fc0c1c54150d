"""The overview of a portfolio, as a result: frozen, free of the wire, and the same for the same input.

What cannot be known is None with a reason beside it. No field is NaN or infinite.
"""

from dataclasses import dataclass
from datetime import datetime

from services.risk.domain.market import PriceBasis


@dataclass(frozen=True, slots=True)
class Excluded:
    """A position that the answer leaves out, and why."""

    position_id: str
    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class BookCoverage:
    """How much of the book the answer covers. Amounts in base currency."""

    modelled_gross_exposure: float
    gross_exposure: float
    modelled_percent: float | None
    """Percentage points."""
    excluded: tuple[Excluded, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an answer was computed from."""

    result_id: str
    as_of_date: str
    portfolio_revision: int
    data_version: int
    model_version: str
    price_basis: PriceBasis
    coverage: BookCoverage
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exposures:
    """Exposure by side, in base currency; percentages of the net asset value in percentage points."""

    long: float
    short: float
    gross: float
    net: float
    long_percentage: float | None
    short_percentage: float | None


@dataclass(frozen=True, slots=True)
class Pnl:
    """Profit and loss since entry, in base currency."""

    unrealized: float
    realized: float

    @property
    def total(self) -> float:
        """Unrealised plus realised."""
        return self.unrealized + self.realized


@dataclass(frozen=True, slots=True)
class PositionCount:
    """Held positions, by the sign of their quantity."""

    total: int
    long: int
    short: int
    options: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What could be said of a book. Amounts in base currency."""

    total_value: float | None
    total_value_reason: str
    cash_balance: float | None
    exposures: Exposures
    pnl: Pnl
    position_count: PositionCount
    last_updated: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """The answer about one portfolio."""

    portfolio_id: str
    metadata: Metadata
    summary: Summary | None
    """None: `reason` says why."""
    reason: str = ""
