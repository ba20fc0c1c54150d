"""A portfolio as arithmetic wants it: one row per position, one column per property."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from riskmath.arrays import BoolArray, FloatArray

A_LONG_WEEKEND: Final = timedelta(days=7)
"""What happened on a day without a session has the rate of exchange of the last session before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Positions by column; row i of every column is the same position, in the order they were entered."""

    position_ids: tuple[str, ...]
    symbols: tuple[str, ...]
    """As the user wrote them."""
    instrument_ids: tuple[int, ...]
    underlying_ids: tuple[int, ...]
    """The instrument whose spot the exposure follows: the position's own, or an option's underlying."""
    currencies: tuple[str, ...]
    """ISO 4217, of all prices of the row."""
    is_option: BoolArray
    quantity: FloatArray
    """Signed, in shares or contracts."""
    multiplier: FloatArray
    """Units of the underlying per contract."""
    entry_price: FloatArray
    exit_price: FloatArray
    """NaN for a position that is held."""
    entry_dates: tuple[date, ...]
    exit_dates: tuple[date | None, ...]
    """None for a position that is held."""
    position_types: tuple[str, ...]
    """`LONG`, `SHORT`, `LC`, `LP`, `SC`, `SP`."""
    tags: tuple[tuple[str, ...], ...]
    strategies: tuple[str, ...]
    """Empty: none."""
    underlying_symbols: tuple[str, ...]
    """The symbol that each exposure follows."""
    expiry_dates: tuple[date | None, ...]
    """None for what is no option."""

    def __len__(self) -> int:
        return len(self.position_ids)


@dataclass(frozen=True, slots=True)
class CashBalance:
    """Cash in one currency at the close of the day, signed."""

    currency: str
    amount: float


@dataclass(frozen=True, slots=True)
class CashMovement:
    """What moved the cash besides trades, signed."""

    kind: str
    """`DEPOSIT`, `WITHDRAWAL`, `DIVIDEND`, `FEE`, `INTEREST`."""
    currency: str
    amount: float
    movement_date: date


@dataclass(frozen=True, slots=True)
class Foreign:
    """The currencies that have to be exchanged into one, and since when."""

    base_currency: str
    currencies: tuple[str, ...]
    """In order, without the base currency; at least one."""
    since: date
    """A session is there on or before the first day whose rate is needed."""


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """A portfolio at one revision and one day, or all portfolios of a user as one."""

    portfolio_id: str
    revision: int
    """0: it joins several, which have revisions of their own."""
    base_currency: str
    held: Positions
    closed: Positions
    """Closed on or before the day."""
    cash: tuple[CashBalance, ...]
    cash_reason: str
    """Why the cash cannot be known. Empty: it can, and no balances mean that there is none."""
    benchmark: str
    """Symbol that the owner compares the portfolio with. Empty: none."""
    movements: tuple[CashMovement, ...]
    """On or before the day, by day."""
    digest: str
    """SHA-256, in hex, of all of it."""
    parts: Mapping[str, int] | None = None
    """The portfolios that it joins, and the revision of each. None: it is one portfolio."""

    def foreign(self, last: date, first: date) -> Foreign | None:
        """Say which rates of exchange the book needs, up to a day, and from one on. None: all is in base currency."""
        days = {last, first}
        currencies = {balance.currency for balance in self.cash}
        for positions in (self.held, self.closed):
            rows = [row for row, currency in enumerate(positions.currencies) if currency != self.base_currency]
            days |= {positions.entry_dates[row] for row in rows}
            currencies |= {positions.currencies[row] for row in rows}
        for movement in self.movements:
            if movement.currency != self.base_currency:
                days.add(movement.movement_date)
                currencies.add(movement.currency)
        foreign = sorted(currencies - {self.base_currency})
        return Foreign(self.base_currency, tuple(foreign), min(days) - A_LONG_WEEKEND) if foreign else None

    def everything(self) -> Positions:
        """Give the positions that are held and those that are closed as one table, in this order."""
        columns: list[Any] = []
        for field in fields(Positions):
            held, closed = getattr(self.held, field.name), getattr(self.closed, field.name)
            columns.append(np.concatenate([held, closed]) if isinstance(held, np.ndarray) else held + closed)
        return Positions(*columns)

    def followed_ids(self) -> tuple[int, ...]:
        """Every instrument whose price the held positions follow, each once, in ascending order."""
        return tuple(sorted(set(self.held.underlying_ids)))

    def instrument_ids(self) -> tuple[int, ...]:
        """Every instrument whose mark the held positions need, each once, in ascending order."""
        return tuple(sorted({*self.held.instrument_ids, *self.held.underlying_ids}))


_EMPTY_COLUMNS: Mapping[Any, Any] = {FloatArray: np.empty(0), BoolArray: np.empty(0, dtype=bool)}
_NOTHING: Final = Positions(*(_EMPTY_COLUMNS.get(field.type, ()) for field in fields(Positions)))
NO_BOOK: Final = Book(
    portfolio_id="",
    revision=0,
    base_currency="USD",
    held=_NOTHING,
    closed=_NOTHING,
    cash=(),
    cash_reason="",
    benchmark="",
    movements=(),
    digest=hashlib.sha256(b"").hexdigest(),
)
"""What an answer about no portfolio reads."""
