"""What symbols are expected to return from a day on."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ExpectedReturn:
    """A simple return a year that is expected of a symbol from a day on, and the revision that says so."""

    symbol: str
    expected_return: Decimal
    effective_date: datetime.date
    revision: int = 0


def newest(expectations: Iterable[ExpectedReturn]) -> list[ExpectedReturn]:
    """Give of each symbol the one that is effective last, by symbol."""
    found: dict[str, ExpectedReturn] = {}
    for expectation in sorted(expectations, key=lambda e: (e.symbol, e.effective_date)):
        found[expectation.symbol] = expectation
    return list(found.values())
