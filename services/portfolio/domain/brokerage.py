"""What a broker states of a user's accounts, and how much of it counts.

Cash that a broker sweeps into a money market fund is stated by some as the fund and by others as the fund and as cash.
What the account is worth in all, as the broker says too, tells which: where the lines sum to more by exactly the funds,
they stand there twice, and the cash is that much less.
"""

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.portfolio.domain.cash_map import PREFIX

CENT = Decimal("0.01")
CASH = "cash"


@dataclass(frozen=True, slots=True)
class LinkToken:
    """What a login is begun with, and when it ends."""

    token: str = field(repr=False)
    expire_time: datetime.datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """The right to read at a broker."""

    item: str
    """Plaid's id of the login."""
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """An account; `current` is what everything in it is worth, where the broker says so."""

    account_id: str
    name: str
    mask: str
    subtype: str
    currency: str
    current: Decimal | None


@dataclass(frozen=True, slots=True)
class BrokerLine:
    """A line of an account, under the broker's own identifiers."""

    account_id: str
    security_id: str
    ticker: str
    """Such as `CUR:USD`. Empty: there is none."""
    name: str
    security_type: str
    cash_equivalent: bool
    quantity: Decimal
    price: Decimal
    value: Decimal
    cost_basis: Decimal | None
    currency: str
    counted_value: Decimal = Decimal(0)
    """How much of the value counts; `counted` says so."""

    @property
    def is_cash(self) -> bool:
        """Whether it is an amount of a currency. A coin has such a ticker too, and is of another type."""
        return self.security_type == CASH and self.ticker.upper().startswith(PREFIX)

    @property
    def is_sweep(self) -> bool:
        """Whether it is a fund that cash is kept in."""
        return not self.is_cash and (self.cash_equivalent or self.security_type == CASH)


@dataclass(frozen=True, slots=True)
class BrokerStatement:
    """Accounts and what stands in them; where they do not add up, a sentence each."""

    accounts: tuple[BrokerAccount, ...]
    lines: tuple[BrokerLine, ...]
    warnings: tuple[str, ...] = ()

    def only(self, account_ids: Sequence[str]) -> "BrokerStatement":
        """Give some of the accounts with their lines; all, if none is named."""
        if not account_ids:
            return self
        return replace(
            self,
            accounts=tuple(account for account in self.accounts if account.account_id in account_ids),
            lines=tuple(line for line in self.lines if line.account_id in account_ids),
        )


def counted(statement: BrokerStatement) -> BrokerStatement:
    """Give a statement with the value of each line that counts."""
    by_account: dict[str, list[BrokerLine]] = defaultdict(list)
    for line in statement.lines:
        by_account[line.account_id].append(line)
    twice: dict[str, Decimal] = {}
    warnings: list[str] = []
    for account in statement.accounts:
        twice[account.account_id], found = _stated_twice(account, by_account[account.account_id])
        warnings += found
    lines = tuple(_counted(line, twice) for line in statement.lines)
    return replace(statement, lines=lines, warnings=tuple(warnings))


def _counted(line: BrokerLine, twice: dict[str, Decimal]) -> BrokerLine:
    """Take from a line of cash what is in a fund as well, and remember how much of that is left to be taken."""
    left = twice.get(line.account_id, Decimal(0))
    taken = min(left, line.value) if line.is_cash and line.value > 0 else Decimal(0)
    if taken:
        twice[line.account_id] = left - taken
    return replace(line, counted_value=line.value - taken)


def _stated_twice(account: BrokerAccount, lines: Sequence[BrokerLine]) -> tuple[Decimal, list[str]]:
    """Give the amount that an account states as cash and as a fund, and what does not add up."""
    if any(line.currency != account.currency for line in lines):
        return Decimal(0), []  # without rates of exchange there is no sum
    total = sum((line.value for line in lines), Decimal(0))
    cash = sum((line.value for line in lines if line.is_cash and line.value > 0), Decimal(0))
    swept = sum((line.value for line in lines if line.is_sweep), Decimal(0))
    if account.current is None:
        return (swept if swept and cash == swept else Decimal(0)), []
    excess = total - account.current
    if abs(excess) <= CENT:
        return Decimal(0), []
    if swept > 0 and abs(excess - swept) <= CENT and cash >= swept - CENT:
        return swept, []
    return Decimal(0), [f"{account.name}: the broker says {account.current:f} in all, and its lines sum to {total:f}"]
