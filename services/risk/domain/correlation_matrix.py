"""The correlation matrix of what a book follows."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import assess
from services.risk.domain.comovement import (
    Comovement,
    FilterMode,
    IncludedSymbol,
    LeftOutSymbol,
    Window,
    comovement,
)
from services.risk.domain.inputs import Inputs, Needs


@dataclass(frozen=True, slots=True)
class CorrelationMatrixParameters:
    """Which history, of which underlyings, and how many of them."""

    lookback_days: int = 90
    min_overlap: int = 30
    max_symbols: int = 25
    filter_mode: FilterMode = "both"


@dataclass(frozen=True, slots=True)
class MatrixByName:
    """Correlations by symbol and symbol, as held: with a short, the sign is turned."""

    matrix: Mapping[str, Mapping[str, float]]
    average_correlation: float | None


@dataclass(frozen=True, slots=True)
class CorrelationMatrix:
    """Correlations of what a book follows."""

    data: MatrixByName
    symbols: tuple[IncludedSymbol, ...]
    window: str
    repair_distance: float
    left_out: tuple[LeftOutSymbol, ...]


def correlate(inputs: Inputs, parameters: CorrelationMatrixParameters) -> Found:
    """Give the correlation matrix of the largest underlyings of a book."""
    assessed = assess(inputs)
    beside = {"duration_days": parameters.lookback_days}
    if not assessed.enough:
        return assessed.unavailable(beside=beside)
    window = Window(parameters.lookback_days, parameters.min_overlap, parameters.filter_mode)
    found = comovement(inputs, assessed, window, parameters.max_symbols)
    if found is None:
        return assessed.unavailable("no_calculation_available", beside)
    warnings = assessed.warnings + found.warnings
    return Found(_body(found), assessed.coverage, warnings, lookback=found.lookback, beside=beside)


CORRELATION_MATRIX = Analysis(
    kind="correlation_matrix",
    parameters=CorrelationMatrixParameters,
    needs=lambda parameters: Needs(sessions=parameters.lookback_days + 1),
    compute=correlate,
    formulas=("correlation",),
)


def _body(found: Comovement) -> CorrelationMatrix:
    symbols = found.underlyings.symbols
    rows = found.as_held.tolist()
    return CorrelationMatrix(
        data=MatrixByName(
            matrix={symbol: dict(zip(symbols, row, strict=True)) for symbol, row in zip(symbols, rows, strict=True)},
            average_correlation=found.average,
        ),
        symbols=found.included(),
        window=found.correlations.window,
        repair_distance=found.correlations.distance,
        left_out=found.left_out,
    )
