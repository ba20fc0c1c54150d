"""Groups of what a book follows that move together, and how much of the book is in them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from riskmath.arrays import FloatArray
from riskmath.clusters import average_linkage, components, concentration
from riskmath.correlation import MOVES, average_correlation, correlations, market_residuals
from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.assessed import assess
from services.risk.domain.comovement import Comovement, FilterMode, LeftOutSymbol, Window, comovement, too_many
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.market_factor import market_log_returns

Method = Literal["correlation", "residual"]
DEFAULT_LOOKBACK: Final = {"correlation": 90, "residual": 252}
"""Sessions, by method."""
SHARED: Final = 0.7
"""So many of its members must share a tag or a sector for a cluster to be named after it."""


@dataclass(frozen=True, slots=True)
class ClusterParameters:
    """How clusters are found, and in which history."""

    lookback_days: int
    method: Method = "correlation"
    min_overlap: int = 30
    threshold: float = 0.7
    filter_mode: FilterMode = "both"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Underlyings that move together."""

    name: str
    named_by: str
    symbols: tuple[str, ...]
    average_correlation: float
    gross_exposure: float
    net_exposure: float
    gross_weight: float


@dataclass(frozen=True, slots=True)
class CorrelationClusters:
    """The clusters of a book."""

    method: str
    clusters: tuple[Cluster, ...]
    unclustered: tuple[str, ...]
    average_correlation: float
    concentration: float
    left_out: tuple[LeftOutSymbol, ...]


def cluster(inputs: Inputs, parameters: ClusterParameters) -> Found:
    """Give the clusters of the larger underlyings of a book."""
    assessed = assess(inputs)
    beside = {"duration_days": parameters.lookback_days}
    if not assessed.enough:
        return assessed.unavailable(beside=beside)
    window = Window(parameters.lookback_days, parameters.min_overlap, parameters.filter_mode)
    if too_many(inputs, assessed, window):
        return assessed.unavailable("too_many_symbols", beside)
    found = comovement(inputs, assessed, window)
    if found is None:
        return assessed.unavailable("no_calculation_available", beside)
    labels = _labels(inputs, found, parameters)
    if labels is None:
        return assessed.unavailable("no_benchmark_data", beside)
    warnings = assessed.warnings + found.warnings
    body = _body(inputs, found, labels, parameters.method)
    return Found(body, assessed.coverage, warnings, lookback=found.lookback, beside=beside)


CORRELATION_CLUSTERS = Analysis(
    kind="correlation_clusters",
    parameters=ClusterParameters,
    needs=lambda parameters: Needs(
        sessions=parameters.lookback_days + 1,
        factor_sessions=parameters.lookback_days + 1 if parameters.method == "residual" else 0,
        facts=True,
    ),
    compute=cluster,
    formulas=("correlation",),
)


def _labels(inputs: Inputs, found: Comovement, parameters: ClusterParameters) -> NDArray[np.int64] | None:
    """Give the number of each underlying's cluster, -1 for none. None: the market is not known."""
    if parameters.method == "correlation":
        return components(found.correlations.matrix, threshold=parameters.threshold)
    assert inputs.history is not None, "whoever correlated has read a history"
    market = market_log_returns(inputs.factors, inputs.history.session_dates)
    if market is None:
        return None
    residuals = market_residuals(found.returns, market)
    # what is the market itself leaves rounding, and rounding must not be correlated with anything
    size, left = (np.nansum(np.square(moves), axis=0) for moves in (found.returns, residuals))
    residuals[:, left <= MOVES**2 * size] = np.nan
    return average_linkage(correlations(residuals, min_overlap=parameters.min_overlap).matrix)


def _body(inputs: Inputs, found: Comovement, labels: NDArray[np.int64], method: Method) -> CorrelationClusters:
    symbols, exposure = found.underlyings.symbols, found.underlyings.exposure
    numbers = range(int(labels.max()) + 1)
    members = [np.flatnonzero(labels == number).tolist() for number in numbers]
    average, share = found.average, concentration(labels, exposure)
    assert average is not None, "two underlyings or more have a pair"
    assert share is not None, "what is included has an exposure"
    return CorrelationClusters(
        method=method,
        clusters=tuple(_cluster(inputs, found, places) for places in members),
        unclustered=tuple(symbols[place] for place in np.flatnonzero(labels < 0)),
        average_correlation=average,
        concentration=share,
        left_out=found.left_out,
    )


def _cluster(inputs: Inputs, found: Comovement, places: list[int]) -> Cluster:
    exposure = found.underlyings.exposure[places]
    name, named_by = _name(inputs, found, places)
    return Cluster(
        name=name,
        named_by=named_by,
        symbols=tuple(found.underlyings.symbols[place] for place in places),
        average_correlation=_average(found.correlations.matrix, places),
        gross_exposure=float(np.abs(exposure).sum()),
        net_exposure=float(exposure.sum()),
        gross_weight=float(found.weights[places].sum()),
    )


def _average(matrix: FloatArray, places: list[int]) -> float:
    average = average_correlation(matrix[np.ix_(places, places)])
    assert average is not None, "a cluster has two members or more"
    return average


def _name(inputs: Inputs, found: Comovement, places: list[int]) -> tuple[str, str]:
    """Name a cluster by what most of its members share, else after the largest: they stand in that order."""
    chosen = [found.underlyings.instrument_ids[place] for place in places]
    facts = inputs.facts or {}
    tags: dict[int, set[str]] = {followed: set() for followed in chosen}
    for followed, given in zip(inputs.book.held.underlying_ids, inputs.book.held.tags, strict=True):
        if followed in tags:
            tags[followed].update(given)
    sectors = [{facts[followed].sector} - {""} for followed in chosen if followed in facts]
    for named_by, labels in (("tag", list(tags.values())), ("sector", sectors)):
        if shared := _shared(labels, len(chosen)):
            return shared, named_by
    return found.underlyings.symbols[places[0]], "largest_member"


def _shared(labels: Sequence[set[str]], members: int) -> str:
    """Give the label that the most members share; empty where none is shared by enough of them."""
    counts = Counter(label for each in labels for label in each)
    label, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))
    return label if count >= SHARED * members else ""
