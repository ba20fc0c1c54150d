"""What is to be saved of a source that states a whole portfolio, and what is to be said of it."""

from dataclasses import dataclass, field

from services.portfolio.domain.book import CashBalance, Position
from services.portfolio.domain.import_record import Report
from services.portfolio.domain.imports.issues import Issue


@dataclass(slots=True)
class WholeImport:
    """Positions and cash of a source, with everything that is wrong with it or worth a look."""

    row_count: int
    positions: list[Position] = field(default_factory=list)
    cash: list[CashBalance] = field(default_factory=list)
    errors: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to save."""
        return not (self.positions or self.cash)

    @property
    def report(self) -> Report:
        """What is to be said of it."""
        return Report(self.errors, self.warnings)
