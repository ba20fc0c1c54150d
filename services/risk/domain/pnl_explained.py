"""Why a book won or lost between two sessions: what its Greeks and its factors foresaw, and what they did not."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np

from riskmath.arrays import BoolArray, FloatArray
from riskmath.pnl_explain import PnlExplained, explain_linear, explain_options
from riskmath.sums import sum_known
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.earned_pnl import EarnedPnl, earned_pnl
from services.risk.domain.factor_fits import FITS, MODEL, FittedBook, fit_book
from services.risk.domain.inputs import Inputs
from services.risk.domain.sensitivities import greeks
from services.risk.domain.valuation import fx_rates

LOCAL = tuple(field.name for field in fields(PnlExplained))
PARTS = (*LOCAL, "fx")


@dataclass(frozen=True, slots=True)
class PnlExplainParameters:
    """Since when (YYYY-MM-DD; `previous`: the session before)."""

    start_date: str = "previous"


@dataclass(frozen=True, slots=True)
class PnlParts:
    """Eight parts that add to a profit and loss, in base currency."""

    delta: float
    gamma: float
    vega: float
    theta: float
    factor: float
    specific: float
    unexplained: float
    fx: float


@dataclass(frozen=True, slots=True)
class PositionPnl:
    """The parts of one position."""

    position_id: str
    symbol: str
    total_pnl: float
    parts: PnlParts


@dataclass(frozen=True, slots=True)
class PnlExplanation:
    """Fields are named as in the contract."""

    start_date: date
    end_date: date
    total_pnl: float
    parts: PnlParts
    factor_model: str
    factor_reason: str
    positions: tuple[PositionPnl, ...]


def explain(inputs: Inputs, parameters: PnlExplainParameters) -> Found:
    """Explain the profit and loss of a book since an earlier session, the largest of any position first."""
    earned = earned_pnl(inputs)
    assert inputs.before is not None, "an explanation needs an earlier session"
    assert earned.before is not None, "which is assessed with it"
    if not earned.assessed.enough or not earned.before.enough:
        return Found(None, earned.coverage, earned.assessed.warnings, reason="no_market_data")
    start, end = inputs.before.market.session.as_of_date, inputs.market.session.as_of_date
    fitted, reason = _fit(inputs, start)
    parts, unmatched = _explained(inputs, earned, fitted)
    counted = np.flatnonzero(~np.isnan(earned.pnl) & _present(earned, start))
    order = sorted(counted.tolist(), key=lambda row: (-abs(earned.pnl[row]), earned.positions.position_ids[row]))
    body = PnlExplanation(
        start_date=start,
        end_date=end,
        total_pnl=sum_known(earned.pnl[counted]).total,
        parts=PnlParts(*(sum_known(part[counted]).total for part in parts)),
        factor_model="" if reason else MODEL,
        factor_reason=reason,
        positions=tuple(
            PositionPnl(
                earned.positions.position_ids[row],
                earned.positions.symbols[row],
                float(earned.pnl[row]),
                PnlParts(*parts[:, row].tolist()),
            )
            for row in order
        ),
    )
    return Found(body, earned.coverage, earned.assessed.warnings + _warnings(reason, unmatched))


PNL_EXPLAIN = Analysis(
    kind="pnl_explain",
    parameters=PnlExplainParameters,
    needs=lambda parameters: replace(FITS, before=parameters.start_date),
    compute=explain,
    formulas=("performance#profit-and-loss-explained", "factors"),
)


def _fit(inputs: Inputs, start: date) -> tuple[FittedBook | None, str]:
    """Fit the factors on the sessions up to the end; why there is no fit, or empty."""
    fitted = fit_book(inputs)
    if isinstance(fitted, Found):
        return None, fitted.reason
    return (fitted, "") if start in fitted.factors.dates else (None, "beyond_fitted_window")


def _present(earned: EarnedPnl, start: date) -> BoolArray:
    """Which positions were there at all since the beginning."""
    return np.array([day is None or day > start for day in earned.positions.exit_dates], dtype=bool)


def _explained(inputs: Inputs, earned: EarnedPnl, fitted: FittedBook | None) -> tuple[FloatArray, int]:
    """Give the eight parts of each position, (8, P), and how many cannot be followed from one end to the other.

    Those that were entered or closed meanwhile, split as options, or in another currency before, are unexplained as a
    whole.
    """
    assert inputs.before is not None, "an explanation needs an earlier session"
    table, then = earned.positions, inputs.before.book.held
    place = {number: row for row, number in enumerate(then.position_ids)}
    parts = np.zeros((len(PARTS), len(table)))
    parts[PARTS.index("unexplained")] = earned.pnl
    linear: list[tuple[int, int]] = []
    options: list[tuple[int, int]] = []
    for row in range(earned.held_count):
        earlier = place.get(table.position_ids[row])
        if earlier is None or np.isnan(earned.pnl[row]) or table.currencies[row] != then.currencies[earlier]:
            continue
        if not table.is_option[row]:
            linear.append((row, earlier))
        elif table.instrument_ids[row] == then.instrument_ids[earlier]:
            options.append((row, earlier))
    for pairs, explained in ((linear, _linear), (options, _options)):
        if pairs:
            rows, earlier_rows = (list(side) for side in zip(*pairs, strict=True))
            parts[-1, rows] = _by_currency(inputs, earned, rows, earlier_rows)
            local = replace(earned, pnl=earned.pnl - parts[-1])
            parts[:-1, rows] = explained(inputs, local, fitted, rows, earlier_rows)
    known = int((~np.isnan(earned.pnl) & _present(earned, inputs.before.market.session.as_of_date)).sum())
    return parts, known - len(linear) - len(options)


def _by_currency(inputs: Inputs, earned: EarnedPnl, rows: Sequence[int], earlier: Sequence[int]) -> FloatArray:
    """Give what the rate of exchange made of positions, the cross term included, (n,); 0 in base currency."""
    first, last = _rates(inputs, rows, earlier)
    value = earned.assessed.valued.market_value[list(rows)]
    return np.where(first == last, 0.0, value * (1.0 - first / last))


def _rates(inputs: Inputs, rows: Sequence[int], earlier: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Give the rates of exchange at both ends, (n,) each."""
    assert inputs.before is not None, "an explanation needs an earlier session"
    then, now = fx_rates(inputs.before.book, inputs.before.market), fx_rates(inputs.book, inputs.market)
    return then[list(earlier)], now[list(rows)]


def _linear(
    inputs: Inputs, earned: EarnedPnl, fitted: FittedBook | None, rows: Sequence[int], earlier: Sequence[int]
) -> FloatArray:
    """Explain what moves with its instrument by its factors, (7, n), apart from what the rate of exchange made."""
    assert inputs.before is not None, "an explanation needs an earlier session"
    assert earned.before is not None, "which is assessed with it"
    own, modelled = np.full((2, len(rows)), np.nan)
    if fitted:
        start = fitted.factors.dates.index(inputs.before.market.session.as_of_date)
        column = {number: place for place, number in enumerate(fitted.moved.underlyings.instrument_ids)}
        places = [column.get(earned.positions.underlying_ids[row], -1) for row in rows]
        known = np.array([place >= 0 for place in places], dtype=bool)
        kept = [place for place in places if place >= 0]
        own[known] = np.prod(1.0 + fitted.moved.returns[start:, kept], axis=0) - 1.0
        modelled[known] = (fitted.factors.returns[start:] @ fitted.fits.coefficients[kept].T).sum(axis=0)
    first, last = _rates(inputs, rows, earlier)
    own = np.where(first == last, own, (1.0 + own) * first / last - 1.0)
    return _stacked(explain_linear(earned.pnl[rows], earned.before.valued.exposure[earlier], own, modelled))


def _options(
    inputs: Inputs, earned: EarnedPnl, _: FittedBook | None, rows: Sequence[int], earlier: Sequence[int]
) -> FloatArray:
    """Explain options by their Greeks at the beginning, (7, n); theta until the end, or until they expired."""
    assert inputs.before is not None, "an explanation needs an earlier session"
    then, start = inputs.before.book.held, inputs.before.market.session.as_of_date
    units = greeks(then, inputs.before.market)
    size = (then.quantity * then.multiplier * fx_rates(inputs.before.book, inputs.before.market))[earlier]
    first = [inputs.before.market.marks[then.instrument_ids[row]].option for row in earlier]
    last = [inputs.market.marks[earned.positions.instrument_ids[row]].option for row in rows]
    ends = zip(first, last, strict=True)
    changes = [
        (b.underlying_price - a.underlying_price, b.volatility - a.volatility) if a and b else (np.nan,) * 2
        for a, b in ends
    ]
    spot, volatility = np.array(changes).T
    sensitivity = np.stack(
        [getattr(units, name)[earlier] * size for name in ("delta", "gamma", "vega", "theta")], axis=1
    )
    end = inputs.market.session.as_of_date
    days = np.array([(min(end, then.expiry_dates[row] or end) - start).days for row in earlier])
    found = np.zeros((len(LOCAL), len(rows)))
    for count in sorted(set(days.tolist())):
        chosen = np.flatnonzero(days == count)
        pnl = earned.pnl[np.array(rows)[chosen]]
        found[:, chosen] = _stacked(
            explain_options(pnl, sensitivity[chosen], spot[chosen], volatility[chosen], max(0.0, float(count)))
        )
    return found


def _stacked(explained: PnlExplained) -> FloatArray:
    return np.stack([getattr(explained, name) for name in LOCAL])


def _warnings(reason: str, unmatched: int) -> tuple[str, ...]:
    told = []
    if reason:
        told.append(f"no factors could be fitted ({reason}): what is linear in its instrument is unexplained")
    if unmatched:
        told.append(f"positions entered or closed meanwhile, which are unexplained as a whole: {unmatched}")
    return tuple(told)
