"""A snapshot: what a portfolio was at the close of one session, in numbers that are kept."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import rfc8785

from services.risk.domain.caveats import named_first
from services.risk.domain.market import STALE_SESSIONS
from services.risk.domain.result_id import MODEL_VERSION
from services.risk.domain.results import Excluded

NOT_CONTENT: Final = frozenset({"digest", "backfilled"})
"""Fields that do not say what the portfolio was: the same day looked at later is the same snapshot."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Fields are named as in the contract, which says what each of them is; amounts are in base currency."""

    snapshot_date: date
    portfolio_revision: int
    data_version: int
    price_basis: str
    backfilled: bool
    option_valuation_source: str
    volatility_date: str
    performance_basis: str
    total_value: float | None
    total_value_reason: str
    cash_value: float | None
    market_value: float
    long_value: float
    short_value: float
    long_exposure: float
    short_exposure: float
    gross_exposure: float
    net_exposure: float
    portfolio_delta: float
    portfolio_gamma: float
    portfolio_theta: float
    portfolio_vega: float
    portfolio_rho: float
    daily_pnl: float | None
    daily_return: float | None
    unrealized_pnl: float
    realized_pnl: float
    cumulative_pnl: float
    contributions: float
    withdrawals: float
    position_count: int
    long_count: int
    short_count: int
    option_count: int
    stale_count: int
    modelled_percent: float | None
    excluded: tuple[Excluded, ...]
    digest: str = ""

    @property
    def left_out(self) -> frozenset[str]:
        """Ids of the positions that its amounts leave out."""
        return frozenset(position.position_id for position in self.excluded)


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """Which snapshots to read: of days from `start` to `end`, each included, at most `size`."""

    start: date = date.min
    end: date = date.max
    size: int = 5_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of keeping snapshots; those that are neither were there already."""

    created_count: int
    replaced_count: int

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(self.created_count + other.created_count, self.replaced_count + other.replaced_count)


def digest_of(snapshot: Snapshot) -> str:
    """Give the SHA-256, in hex, of what a snapshot says, and of the formulas that it was made by."""
    told: dict[str, Any] = {name: value for name, value in asdict(snapshot).items() if name not in NOT_CONTENT}
    told["snapshot_date"] = snapshot.snapshot_date.isoformat()
    told["excluded"] = [[each.position_id, each.symbol, each.reason] for each in snapshot.excluded]
    return hashlib.sha256(rfc8785.dumps({**told, "model_version": MODEL_VERSION})).hexdigest()


def warnings_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Give what a careful reader of a snapshot should know, one sentence each, always in the same order."""
    return tuple(_warnings(snapshot))


def _warnings(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.price_basis == "total_return_adjusted":
        yield (
            "prices are adjusted for later dividends and splits (total_return_adjusted): as values of "
            f"{snapshot.snapshot_date} they, and profit and loss, are approximations"
        )
    if snapshot.excluded:
        named = named_first([f"{each.symbol} ({each.reason})" for each in snapshot.excluded])
        yield f"positions that could not be valued are left out: {named}"
    if snapshot.stale_count:
        yield f"positions valued at a price older than {STALE_SESSIONS} sessions: {snapshot.stale_count}"
    if snapshot.option_valuation_source == "model" and snapshot.volatility_date:
        yield f"options are valued by a model, at the implied volatility of {snapshot.volatility_date} carried back"
    elif snapshot.option_valuation_source == "model":
        yield "options are valued by a model, at the volatility that their underlyings had realised"
