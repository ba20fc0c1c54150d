"""Stress tests: what a book makes in scenarios and in stretches of the past, by factor and by position."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from services.risk.domain.analysis import Analysis, Found
from services.risk.domain.factor_fits import LONGEST, MODEL_NEEDS, fit_book
from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.rate_betas import RATE_NEEDS, rate_book
from services.risk.domain.scenario_cases import NO_SESSION, PastMoves, Plausibility, Translated, past_moves, translated
from services.risk.domain.scenario_impacts import Replay, ReplayImpact, ScenarioImpact, Teller
from services.risk.domain.scenarios import Scenario
from services.risk.domain.stressed_book import Case, StressedBook, stressed_book

MOST_POSITIONS: Final = 100


@dataclass(frozen=True, slots=True)
class StressParameters:
    """Which scenarios, as they are stated: the library may change, and a result must not."""

    scenarios: tuple[Scenario, ...]
    scenarios_requested: tuple[str, ...] = ()
    """Ids of the library that were named. None: all of it, or none where others are stated."""
    replays: tuple[Replay, ...] = ()
    plausibility: Plausibility = "clipped"
    max_positions: int = MOST_POSITIONS
    """Positions shown in each scenario, those with the largest impact."""


@dataclass(frozen=True, slots=True)
class StressTest:
    """A book under scenarios."""

    scenarios: tuple[ScenarioImpact, ...]
    """By category, then name."""
    replays: tuple[ReplayImpact, ...]
    portfolio_value: float | None
    portfolio_value_reason: str
    calculation_date: date
    scenarios_requested: tuple[str, ...]
    assumptions: tuple[str, ...]


def needs(parameters: StressParameters) -> Needs:
    """Histories of factors always; yields where one moves; longer ones of prices where the past is gone through."""
    rates = any(scenario.yield_change for scenario in parameters.scenarios)
    sessions = max(MODEL_NEEDS.sessions, RATE_NEEDS.sessions if rates else 0)
    return replace(
        MODEL_NEEDS,
        sessions=LONGEST if parameters.replays else sessions,
        yield_sessions=RATE_NEEDS.yield_sessions if rates else 0,
    )


def stress_test(inputs: Inputs, parameters: StressParameters) -> Found:
    """Give what the present positions make in every scenario and replay."""
    fitted = fit_book(inputs)
    if isinstance(fitted, Found):
        return fitted
    book = stressed_book(inputs, fitted, rate_book(inputs) if inputs.yields is not None else None)
    asked = [translated(book, scenario, parameters.plausibility) for scenario in parameters.scenarios]
    pasts = [_happened(inputs, book, scenario) for scenario in parameters.scenarios]
    replays = [
        past_moves(inputs, book, date.fromisoformat(one.start_date), date.fromisoformat(one.end_date), instruments=True)
        for one in parameters.replays
    ]
    cases = _cases(asked, pasts, replays)
    teller = Teller(inputs, book, dict(zip(cases, book.evaluate(cases), strict=True)), parameters.max_positions)
    told = [teller.scenario(one, past) for one, past in zip(asked, pasts, strict=True)]
    impacts = tuple(sorted(told, key=lambda one: (one.category, one.name, one.id)))
    gone_through = tuple(teller.replay(one, past) for one, past in zip(parameters.replays, replays, strict=True))
    assessed, warnings = fitted.assessed, fitted.warnings(inputs) + _without_session(parameters.replays, replays)
    everything: tuple[ScenarioImpact | ReplayImpact, ...] = (*impacts, *gone_through)
    if not any(one.available for one in everything):
        beside = {"scenarios": impacts, "replays": gone_through}
        return Found(None, assessed.coverage, warnings, reason=_common_reason(everything), beside=beside)
    body = StressTest(
        scenarios=impacts,
        replays=gone_through,
        portfolio_value=assessed.net_asset_value,
        portfolio_value_reason=assessed.cash_reason,
        calculation_date=inputs.market.session.as_of_date,
        scenarios_requested=parameters.scenarios_requested,
        assumptions=_assumptions(book),
    )
    return Found(body, assessed.coverage, warnings, lookback=fitted.lookback)


def _analysis(kind: str) -> Analysis[StressParameters]:
    return Analysis(
        kind=kind,
        parameters=StressParameters,
        needs=needs,
        compute=stress_test,
        formulas=("stress", "factors", "rates", "options"),
    )


STRESS_TEST = _analysis("stress_test")
MARKET_SCENARIOS = _analysis("market_scenarios")
RATE_SCENARIOS = _analysis("rate_scenarios")


def _happened(inputs: Inputs, book: StressedBook, scenario: Scenario) -> PastMoves | None:
    """Give what the factors did when a scenario happened. None: it is made up."""
    if not scenario.start_date:
        return None
    days = date.fromisoformat(scenario.start_date), date.fromisoformat(scenario.end_date)
    return past_moves(inputs, book, *days, instruments=False)


def _without_session(asked: Sequence[Replay], found: Sequence[PastMoves]) -> tuple[str, ...]:
    """Name the days between which the exchange was closed all along."""
    closed = [one for one, past in zip(asked, found, strict=True) if past.reason == NO_SESSION]
    return tuple(f"no session lies between {one.start_date} and {one.end_date}: nothing moved" for one in closed)


def _cases(asked: Sequence[Translated], pasts: Sequence[PastMoves | None], replays: Sequence[PastMoves]) -> list[Case]:
    cases = [case for one in asked for case in (one.direct, one.correlated)]
    cases += [past.case for past in (*pasts, *replays) if past]
    return [case for case in cases if case]


def _common_reason(unavailable: Sequence[ScenarioImpact | ReplayImpact]) -> str:
    """Say why there is nothing at all, in one word where all have the same reason."""
    reasons = {one.reason for one in unavailable}
    return reasons.pop() if len(reasons) == 1 else "no_results"


def _assumptions(book: StressedBook) -> tuple[str, ...]:
    """Say what had to be assumed of options."""
    if not len(book.options):
        return ()
    at_strike = int(book.options.strike_specific.sum())
    return (
        "implied volatility of the index, unless a scenario states it, rises by 3.3 % for each 1 % that the market "
        "falls, and falls by 2.3 % for each that it rises, to at most 85 %; now it is taken to be that of recent "
        f"returns of the market, {100.0 * book.index_volatility:.1f} %",
        "options of 30 days or less follow it in full on an index, by 0.6 on other underlyings, longer ones less; "
        f"options whose volatility is that of their own strike by a third of that: {at_strike} of {len(book.options)}",
        "shocks are instantaneous: no time passes for options, and where yields move, their rates move as much",
    )
