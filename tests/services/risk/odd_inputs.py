"""Books and markets as nobody hopes to see them, drawn at random: what a user or a provider can bring in, and no more.

Quantities and prices reach as far as the contract lets them (1E15) and as the checks on ingestion do (1E-12 to 1E12).
"""

import math
from dataclasses import MISSING, fields, replace
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st

from services.risk.domain.book_history import snapshots as snapshots_of
from services.risk.domain.inputs import (
    Before,
    BookProxies,
    FactorHistory,
    Inputs,
    InstrumentFacts,
    OwnProxies,
    PriceHistory,
    YieldHistory,
)
from services.risk.domain.market import MarketSlice
from services.risk.domain.scenario_impacts import Replay
from services.risk.domain.scenarios import Scenario, market_scenarios, rate_scenarios
from services.risk.domain.snapshot import Snapshot
from services.risk.reference.library import read_library
from tests.services.risk.books import AS_OF, SESSION, Row, book, mark, market, no_mark, option_mark
from tests.services.risk.histories import days
from tests.services.risk.pasts import past, traded

UNDERLYINGS = (1, 2, 3)
SNAPSHOT = snapshots_of(traded((Row("S1", 1, 200.0, 100.0),)), past([[100.0, 100.0]] * 5), AS_OF)[-1]
OPTIONS = (4, 5)
PROXIES = {f"P{number}": number for number in range(11, 16)}
FACTORS = ("Market Beta", "Value", "Growth", "Momentum", "Quality", "Size", "Low Volatility")


def mostly(*ordinary, odd):
    """Something ordinary, and once in twenty times something odd: where all is odd, there is no answer to look at."""
    return st.sampled_from([*ordinary * math.ceil(19 * len(odd) / len(ordinary)), *odd])


QUANTITIES = mostly(200.0, -150.0, 500.0, odd=(1.0, -1.0, 1e-6, -5000.0, 1e15, -1e15))
PRICES = mostly(99.0, 100.0, 126.04, odd=(1e-12, 0.01, 1e12))
CURRENCIES = mostly("USD", odd=("EUR",))
STORIES = mostly("calm", "calm", "wild", odd=("constant", "missing", "holes", "late", "zeros", "jump", "tiny", "huge"))
EVERYTHING_FALLS = Scenario(
    id="custom_1",
    name="everything",
    category="custom",
    severity="extreme",
    description="",
    factors={"value": -0.99, "low_volatility": -0.99, "growth": 10.0},
    yield_change=-0.1,
    volatility_change=10.0,
    instruments={"AAPL": -1.0, "S1": 10.0},
)
PARAMETERS = {
    ("stress_test", "scenarios"): st.sampled_from([read_library(), (EVERYTHING_FALLS,), ()]),
    ("stress_test", "replays"): st.sampled_from([(), (Replay("autumn", "2022-09-01", "2022-12-01"),)]),
    ("market_scenarios", "scenarios"): st.just(market_scenarios()),
    ("rate_scenarios", "scenarios"): st.just(rate_scenarios()),
    ("correlation_clusters", "lookback_days"): st.sampled_from([30, 90, 252]),
    ("value_at_risk", "lookback_days"): st.sampled_from([100, 500]),
    ("value_at_risk", "horizon_days"): st.sampled_from([1, 20]),
}
"""Numbers that are drawn; of the others the defaults are taken, of choices all."""


@st.composite
def parameters(draw, analysis) -> Any:
    """Parameters that a request can state."""
    hints = get_type_hints(analysis.parameters)
    drawn = {}
    for field in fields(analysis.parameters):
        if (analysis.kind, field.name) in PARAMETERS:
            drawn[field.name] = draw(PARAMETERS[analysis.kind, field.name])
        elif get_origin(hints[field.name]) is Literal:
            drawn[field.name] = draw(st.sampled_from(get_args(hints[field.name])))
        elif hints[field.name] is bool:
            drawn[field.name] = draw(st.booleans())
        elif field.default is MISSING and field.default_factory is MISSING:
            raise LookupError(f"{field.name} of {analysis.kind} has no default: PARAMETERS must say what it can be")
    return analysis.parameters(**drawn)


@st.composite
def odd_inputs(draw, needs) -> Inputs:
    """A book, its marks, and the slices that an analysis needs."""
    count = draw(mostly(3, 4, 5, odd=(0, 1, 2)))
    rows = draw(st.lists(positions(), min_size=count, max_size=count))
    closed = draw(st.lists(closed_positions(), max_size=2))
    cash = draw(mostly([("USD", 250_000.0)], odd=((), [("USD", 0.0)], [("USD", -1e9)], [("EUR", 5.0)])))
    held = book(rows, closed, cash, cash_reason=draw(mostly("", odd=("cash_unknown",))))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    followed = held.followed_ids()
    own = draw(proxies(held)) if needs.proxies else None
    priced = sorted({*followed, *own.instrument_ids.values()}) if own else followed
    return Inputs(
        book=held,
        market=market(*[draw(marks(number)) for number in held.instrument_ids()]),
        history=draw(histories(rng, needs.sessions, priced)) if needs.sessions and priced else None,
        factors=draw(factor_histories(rng, needs.factor_sessions)) if needs.factor_sessions else None,
        facts={number: draw(facts(number)) for number in followed} if needs.facts else None,
        proxies=own,
        snapshots=draw(snapshots()) if needs.snapshots else None,
        before=draw(earlier(held)) if needs.before else None,
        yields=draw(yield_histories(rng, needs.yield_sessions)) if needs.yield_sessions else None,
    )


@st.composite
def proxies(draw, held) -> BookProxies:
    """Proxies of everything that is held: one that another is too, one that nobody knows, the stock itself, or none."""
    one = mostly(*PROXIES, odd=("NONE", "S1", ""))
    named = {
        symbol: OwnProxies((*(((fund,) if (fund := draw(one)) else ()) for _ in range(4)), draw(peers)), (True,) * 5)
        for symbol in sorted(set(held.held.underlying_symbols))
        for peers in [st.lists(one.filter(bool), max_size=3).map(tuple)]
    }
    known = PROXIES | {"S1": 1}
    asked = {symbol for own in named.values() for symbol in own.named()}
    return BookProxies(named, {symbol: known[symbol] for symbol in asked if symbol in known})


@st.composite
def earlier(draw, held) -> Before:
    """The same book a week ago, with other marks; or one in which the first position was not there yet."""
    session = replace(SESSION, as_of_date=AS_OF - timedelta(days=7))
    then = draw(mostly(held, odd=(book(),)))
    return Before(then, MarketSlice(session, {number: draw(marks(number)) for number in then.instrument_ids()}))


@st.composite
def snapshots(draw) -> tuple[Snapshot, ...]:
    """Snapshots of the last days, whose values need not have anything to do with each other."""
    count = draw(mostly(30, 260, odd=(0, 1, 2)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    value = 1e5 * path(rng, draw(mostly("calm", "wild", odd=("constant", "zeros", "jump", "tiny", "huge"))), count)
    moved = np.cumsum(rng.random((2, count)) * draw(mostly(0.0, 100.0, odd=(1e15,))), axis=1)
    basis = draw(mostly("funded_from_cash", "contribution_at_entry", odd=("",)))
    unknown = draw(mostly(0, odd=(3,)))
    return tuple(
        replace(
            SNAPSHOT,
            snapshot_date=day,
            performance_basis=basis,
            total_value=None if unknown and place % unknown == 0 else float(value[place]),
            total_value_reason="no_fx_rate" if unknown and place % unknown == 0 else "",
            contributions=float(moved[0, place]),
            withdrawals=float(moved[1, place]),
        )
        for place, day in enumerate(days(count))
    )


@st.composite
def positions(draw) -> Row:
    """A position, of a symbol that others may have too."""
    underlying = draw(st.sampled_from(UNDERLYINGS))
    named = {
        "quantity": draw(QUANTITIES),
        "entry_price": draw(mostly(100.0, odd=(0.0, 1e-12, 1e15))),
        "currency": draw(CURRENCIES),
        "tags": draw(st.sampled_from([(), ("core",), ("core", "hedge")])),
    }
    if draw(st.integers(0, 3)):
        return Row(draw(mostly(f"S{underlying}", odd=("S1",))), underlying, **named)
    number = draw(st.sampled_from(OPTIONS))
    return Row(f"OPTION{number}", number, **named, underlying_id=1, multiplier=100.0)


@st.composite
def closed_positions(draw) -> Row:
    """A position that is closed."""
    price = draw(st.sampled_from([0.0, 60.0, 1e15]))
    return Row("KO", 9, draw(QUANTITIES), 55.0, exit_price=price, currency=draw(CURRENCIES))


@st.composite
def marks(draw, number):
    """The mark of an instrument; an option may have expired, or lack what its delta takes."""
    if reason := draw(mostly("", odd=("no_price",))):
        return no_mark(number, reason)
    changes = {"age_sessions": draw(mostly(0, odd=(40,))), "currency": draw(CURRENCIES)}
    price = draw(PRICES)
    if number not in OPTIONS:
        return mark(number, price, **changes)
    expiry = AS_OF + timedelta(days=draw(st.sampled_from([-30, 0, 1, 23, 700])))
    terms = {
        "expiry_date": expiry,
        "expired": expiry <= AS_OF,
        "is_call": draw(st.booleans()),
        "is_american": draw(st.booleans()),
        "strike": draw(mostly(99.0, 130.0, odd=(0.01, 1e6))),
        "underlying_price": draw(PRICES),
        "volatility": math.nan if expiry <= AS_OF else draw(mostly(0.4, odd=(math.nan, 1e-4, 5.0))),
        "dividend_yield": draw(st.sampled_from([0.0, 0.3])),
    }
    return option_mark(number, price, changes, **terms)


@st.composite
def histories(draw, rng, sessions, instrument_ids) -> PriceHistory:
    """Closes of what a book follows, for as many sessions as there happen to be."""
    count = draw(lengths(sessions))
    closes = np.column_stack([path(rng, draw(STORIES), count) for _ in instrument_ids])
    return PriceHistory(days(count), tuple(instrument_ids), closes, ("raw",) * len(instrument_ids), 5)


@st.composite
def factor_histories(draw, rng, sessions) -> FactorHistory:
    """Closes of factors: all of them, or few, or none."""
    names = draw(mostly(FACTORS, odd=(FACTORS[:1], FACTORS[1:3], ())))
    count = draw(lengths(sessions))
    paths = [path(rng, draw(STORIES), count) for _ in names]
    closes = np.column_stack(paths) if paths else np.empty((count, 0))
    return FactorHistory(days(count), names, names, closes, ("raw",) * len(names), (), 5)


@st.composite
def facts(draw, number) -> InstrumentFacts:
    """What an instrument is, as far as anybody knows."""
    sector = draw(st.sampled_from(["", "Technology", "Energy"]))
    return InstrumentFacts(f"S{number}", "", "STOCK", "XNAS", "USD", sector, "")


@st.composite
def yield_histories(draw, rng, sessions) -> YieldHistory:
    """Yields of two tenors, or of none at all."""
    tenors = draw(mostly(("10Y", "2Y"), odd=(("2Y",), ())))
    count = draw(lengths(sessions))
    levels = 0.03 + np.cumsum(rng.normal(0.0, draw(mostly(5e-4, odd=(0.0,))), (count, len(tenors))), axis=0)
    levels[rng.random(levels.shape) < draw(mostly(0.0, odd=(0.2, 1.0)))] = np.nan
    return YieldHistory(days(count), tenors, levels, 5)


def lengths(sessions):
    """How many sessions there are: as asked for, or fewer."""
    return mostly(sessions, odd=tuple(min(count, sessions) for count in (0, 1, 2, 10, 70, 130)))


def path(rng, story, count):
    """Closes of one instrument, (count,), oldest first."""
    moves = rng.normal(0.0, 0.15 if story == "wild" else 0.01, count)
    closes = 100.0 * np.exp(np.cumsum(moves))
    if story in ("constant", "missing", "zeros"):
        closes[:] = {"constant": 100.0, "missing": np.nan, "zeros": 0.0}[story]
    elif story == "holes":
        closes[rng.random(count) < 0.4] = np.nan
    elif story == "late":
        closes[: max(count - 10, 0)] = np.nan
    elif story == "jump":
        closes[count // 2 :] *= 1e9
    elif story in ("tiny", "huge"):
        closes[count // 3 : count // 2] = 1e-12 if story == "tiny" else 1e12
    return np.asarray(closes)
