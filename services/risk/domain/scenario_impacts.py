"""What a valued case means for a book, as the answer says it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from riskmath.scenario import FactorShocks
from services.risk.domain.inputs import Inputs
from services.risk.domain.scenario_cases import PastMoves, Translated
from services.risk.domain.scenarios import FACTORS
from services.risk.domain.stressed_book import Case, Outcome, StressedBook


@dataclass(frozen=True, slots=True)
class Impact:
    """Profit and loss in base currency; in percentage points of net asset value, and that value after."""

    dollar_impact: float
    percentage_impact: float | None
    new_portfolio_value: float | None


@dataclass(frozen=True, slots=True)
class Shock:
    """What a scenario says of a factor's fund, and what is done; decimals."""

    factor: str
    stated: float | None
    applied: float
    clipped: bool


@dataclass(frozen=True, slots=True)
class FactorImpact:
    """What moves with one factor of the model."""

    name: str
    move: float
    dollar_impact: float


@dataclass(frozen=True, slots=True)
class PositionImpact:
    """What one position makes."""

    position_id: str
    symbol: str
    dollar_impact: float
    direct_dollar_impact: float | None


@dataclass(frozen=True, slots=True)
class Parts:
    """An impact by what brings it: everything but the positions adds to it, and so do these and cash."""

    factors: tuple[FactorImpact, ...]
    rate_impact: float
    instrument_impact: float
    option_adjustment: float
    floor_adjustment: float
    positions: tuple[PositionImpact, ...]
    positions_count: int
    """Of all whose result is known."""
    modelled_percent: float | None
    option_gamma_impact: float | None
    currency_impact: float
    cash_impact: float


@dataclass(frozen=True, slots=True)
class ReplayedFactor:
    """What a factor's fund returned."""

    factor: str
    total_return: float


@dataclass(frozen=True, slots=True)
class ReplayImpact:
    """A stretch of the past gone through again. Absent numbers: `reason` says why."""

    name: str
    start_date: str
    end_date: str
    available: bool
    reason: str
    factors: tuple[ReplayedFactor, ...] = ()
    proxied_factors: tuple[str, ...] = ()
    proxied_instruments: tuple[str, ...] = ()
    impact: Impact | None = None
    parts: Parts | None = None


@dataclass(frozen=True, slots=True)
class ScenarioImpact:
    """A book under one scenario. Absent numbers: `reason` says why."""

    id: str
    name: str
    description: str
    category: str
    severity: str
    available: bool
    reason: str
    partial: bool
    missing_factors: tuple[str, ...]
    ignored_instruments: tuple[str, ...]
    impact_type: str = ""
    impact: Impact | None = None
    direct_impact: Impact | None = None
    shocks: tuple[Shock, ...] = ()
    yield_change_bp: float | None = None
    volatility_change: float | None = None
    distance: float | None = None
    implausible: bool = False
    parts: Parts | None = None
    replay: ReplayImpact | None = None
    ignored_currencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """A stretch of the past to go through again, YYYY-MM-DD."""

    name: str
    start_date: str
    end_date: str


@dataclass(frozen=True, slots=True, eq=False)
class Teller:
    """Tells what cases mean for one book."""

    inputs: Inputs
    book: StressedBook
    outcomes: Mapping[Case, Outcome]
    most: int
    """Positions shown in each."""

    def scenario(self, asked: Translated, past: PastMoves | None) -> ScenarioImpact:
        """Say what a scenario does to the book."""
        stated = asked.scenario
        told = ScenarioImpact(
            id=stated.id,
            name=stated.name,
            description=stated.description,
            category=stated.category,
            severity=stated.severity,
            available=not asked.reason,
            reason=asked.reason,
            partial=bool(asked.missing_factors),
            missing_factors=asked.missing_factors,
            ignored_instruments=asked.ignored_instruments,
            ignored_currencies=asked.ignored_currencies,
            yield_change_bp=1e4 * stated.yield_change if stated.yield_change else None,
            volatility_change=stated.volatility_change,
            replay=self.replay(Replay(stated.name, stated.start_date, stated.end_date), past) if past else None,
        )
        if not (asked.direct and asked.correlated and asked.shocks):
            return told
        direct, correlated = self.outcomes[asked.direct], self.outcomes[asked.correlated]
        return replace(
            told,
            impact_type="correlated",
            impact=self._impact(correlated),
            direct_impact=self._impact(direct),
            shocks=self._shocks(asked, asked.shocks),
            distance=asked.shocks.distance,
            implausible=asked.shocks.implausible,
            parts=self._parts(asked.correlated, correlated, direct),
        )

    def replay(self, asked: Replay, past: PastMoves) -> ReplayImpact:
        """Say what a stretch of the past does to the book."""
        told = ReplayImpact(asked.name, asked.start_date, asked.end_date, not past.reason, past.reason)
        if not (past.case and past.factors):
            return told
        outcome = self.outcomes[past.case]
        return replace(
            told,
            factors=tuple(ReplayedFactor(name, move) for name, move in past.factors.items()),
            proxied_factors=past.proxied_factors,
            proxied_instruments=past.proxied_instruments,
            impact=self._impact(outcome),
            parts=self._parts(past.case, outcome, None),
        )

    def _impact(self, outcome: Outcome) -> Impact:
        nav, pnl = self.book.fitted.assessed.net_asset_value, outcome.pnl
        percent = 100.0 * pnl / nav if nav is not None and nav > 0.0 else None
        return Impact(pnl, percent, None if nav is None else nav + pnl)

    def _shocks(self, asked: Translated, shocks: FactorShocks) -> tuple[Shock, ...]:
        names = self.book.fitted.factors.names
        stated = {FACTORS[key]: move for key, move in asked.scenario.factors.items()}
        clipped = [False, *shocks.clipped.tolist()]
        rows = zip(names, shocks.applied.tolist(), clipped, strict=True)
        return tuple(
            Shock(name, stated.get(name), applied, cut) for name, applied, cut in rows if not math.isnan(applied)
        )

    def _parts(self, case: Case, outcome: Outcome, direct: Outcome | None) -> Parts:
        names = self.book.fitted.factors.regressors
        gross = self.book.fitted.assessed.measured
        whole = gross.share is not None and gross.gross > 0.0
        rows = zip(names, case.factors.tolist(), outcome.by_factor.tolist(), strict=True)
        return Parts(
            factors=tuple(FactorImpact(*row) for row in rows),
            rate_impact=outcome.by_rate,
            instrument_impact=outcome.own,
            option_adjustment=outcome.option_adjustment,
            floor_adjustment=outcome.floor_adjustment,
            positions=self._positions(outcome, direct),
            positions_count=int((~np.isnan(outcome.by_position)).sum()),
            modelled_percent=100.0 * outcome.modelled / gross.gross if whole else None,
            option_gamma_impact=outcome.gamma_impact if len(self.book.options) else None,
            currency_impact=outcome.by_currency,
            cash_impact=outcome.cash,
        )

    def _positions(self, outcome: Outcome, direct: Outcome | None) -> tuple[PositionImpact, ...]:
        """Give those with the largest impact, the largest loss first."""
        held, made = self.inputs.book.held, outcome.by_position
        known = np.flatnonzero(~np.isnan(made))
        largest = known[np.argsort(-np.abs(made[known]), kind="stable")[: self.most]]
        shown = largest[np.argsort(made[largest], kind="stable")]
        direct_made = [None] * shown.size if direct is None else direct.by_position[shown].tolist()
        rows = zip(shown.tolist(), made[shown].tolist(), direct_made, strict=True)
        return tuple(PositionImpact(held.position_ids[row], held.symbols[row], *amounts) for row, *amounts in rows)
