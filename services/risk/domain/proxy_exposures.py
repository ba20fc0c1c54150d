"""What each position moves with by proxies of its own: the model `stock_proxies`, by month.

Funds stand for market, momentum, value and industry of a stock, and peers for its subindustry, as the owner stated them
or by default of exchange and industry. A default that has no prices gives way to the fund that stands for the factor of
that name in the other model, and the answer says so; what the owner stated never does. Betas of different stocks are on
different funds: they are not added up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.returns import month_ends, simple_returns
from riskmath.stock_proxies import PROXIES, ProxyFit, median_of_peers, proxy_fit
from services.risk.domain.analysis import Analysis, Found, Lookback
from services.risk.domain.assessed import Assessed, assess
from services.risk.domain.caveats import named_first
from services.risk.domain.coverage import is_enough
from services.risk.domain.factor_fits import FULL, LARGE_BETA
from services.risk.domain.inputs import BookProxies, FactorHistory, Inputs, Needs, OwnProxies, PriceHistory
from services.risk.domain.market_factor import MARKET
from services.risk.domain.moves import without
from services.risk.domain.position_factors import PositionFactorParameters, asked_for
from services.risk.domain.results import known

MODEL: Final = "stock_proxies"
MONTHS: Final = 60
"""Months that a fit looks back over."""
SESSIONS: Final = 1350
"""Closes that so many months are in, with the one before the first and those of a month that is not over."""
PEERS: Final = PROXIES.index("subindustry")
FACTORS: Final = {"market": MARKET, "momentum": "Momentum", "value": "Value"}
"""The factors whose funds stand for a proxy by default where that has no prices."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands for one driver of a position, and what the position does with it."""

    name: str
    symbols: tuple[str, ...]
    stated: bool
    unknown_symbols: tuple[str, ...]
    instead_of: tuple[str, ...]
    beta: float | None
    standard_error: float | None
    t_stat: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class ProxiedPosition:
    """One position."""

    position_id: str
    symbol: str
    underlying_symbol: str
    delta_adjusted_exposure: float
    exposures: Mapping[str, float]
    exposure_dollars: Mapping[str, float]
    t_stats: Mapping[str, float]
    market_beta: float
    market_beta_error: float | None
    r2: float | None
    observations: int
    quality_flag: str
    large_beta: bool
    proxies: tuple[Proxy, ...]


@dataclass(frozen=True, slots=True)
class ProxyExposures:
    """Positions on one page."""

    calculation_date: date
    factor_model: str
    total: int
    limit: int
    offset: int
    positions: tuple[ProxiedPosition, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MonthlyReturns:
    """Simple returns of instruments over the last months that are over."""

    returns: FloatArray
    """(T, N); NaN where one is missing, or the close at either end of its month."""
    dates: tuple[date, ...]
    """(T + 1,), the last sessions of the months, with the one before the first; empty without history."""
    columns: Mapping[int, int]
    """Where each instrument is."""
    funds: Mapping[str, tuple[str, FloatArray]]
    """By proxy, the symbol and the returns, (T,), of the fund that stands for the factor of that name."""

    def of(self, instrument_ids: list[int]) -> FloatArray:
        """Returns of these, (T, len)."""
        return self.returns[:, [self.columns[number] for number in instrument_ids]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fit of one underlying, and the proxies that it is made of."""

    fit: ProxyFit
    own: OwnProxies
    instead: Mapping[str, str]
    """By proxy, the fund that stands in the place of a default without prices."""
    unknown: tuple[tuple[str, ...], ...]
    """(5,), symbols that nobody knows."""
    reasons: tuple[str, ...]
    """(5,), why a proxy is not in the fit; empty where it is."""
    missing: str
    """Why there is no fit: `no_market_proxy` where nothing with prices stands for the market, or
    `insufficient_history`. Empty: there is one."""


def expose_to_proxies(inputs: Inputs, parameters: PositionFactorParameters) -> Found:
    """Give what positions do with proxies of their own, in the order of the book."""
    assessed = assess(inputs)
    if not len(inputs.book.held):
        return assessed.unavailable("no_exposure")
    if not assessed.enough:
        return assessed.unavailable()
    assert inputs.proxies is not None, "they are among the needs"
    months = monthly_returns(inputs.history, inputs.factors)
    if unpriced := _without_prices(inputs.proxies, months):
        told = f"proxies that have no prices: {named_first(unpriced)}"
        assessed = replace(assessed, warnings=(*assessed.warnings, told))
    fits = _fits(inputs, inputs.proxies, months, assessed)
    assessed = without(inputs, assessed, {number: fitted.missing for number, fitted in fits.items() if fitted.missing})
    if not is_enough(assessed.measured):
        return assessed.unavailable("insufficient_overlap")
    followed = inputs.book.held.underlying_ids
    rows = asked_for(inputs, [row for row, why in enumerate(assessed.valued.reasons) if not why], parameters.symbols)
    page = rows[parameters.offset : parameters.offset + parameters.limit]
    body = ProxyExposures(
        calculation_date=inputs.market.session.as_of_date,
        factor_model=MODEL,
        total=len(rows),
        limit=parameters.limit,
        offset=parameters.offset,
        positions=tuple(_position(inputs, assessed, row, fits[followed[row]]) for row in page),
    )
    lookback = Lookback(SESSIONS, len(months.returns), months.dates[0], months.dates[-1])
    return Found(body, assessed.coverage, assessed.warnings, lookback=lookback)


STOCK_PROXY_EXPOSURES = Analysis(
    kind="stock_proxy_exposures",
    parameters=PositionFactorParameters,
    needs=lambda _: Needs(sessions=SESSIONS, factor_sessions=SESSIONS, proxies=True),
    compute=expose_to_proxies,
    formulas=("factors#own-proxies",),
)


def monthly_returns(history: PriceHistory | None, factors: FactorHistory | None) -> MonthlyReturns:
    """Give the returns of the last `MONTHS` months that are over."""
    if history is None:
        return MonthlyReturns(np.empty((0, 0)), (), {}, {})
    ends = month_ends(np.array(history.session_dates, dtype="datetime64[D]"))[-MONTHS - 1 :]
    columns = {number: column for column, number in enumerate(history.instrument_ids)}
    dates = tuple(history.session_dates[end] for end in ends)
    funds = _funds(factors, dates) if factors else {}
    return MonthlyReturns(_returns(history.closes[ends]), dates, columns, funds)


def _funds(factors: FactorHistory, dates: tuple[date, ...]) -> dict[str, tuple[str, FloatArray]]:
    rows = {day: row for row, day in enumerate(factors.session_dates)}
    closes = np.vstack([factors.closes, np.full((1, len(factors.names)), np.nan)])  # the last row: of no session
    returns = _returns(closes[[rows.get(day, -1) for day in dates]])
    known = {name: factors.names.index(factor) for name, factor in FACTORS.items() if factor in factors.names}
    return {name: (factors.symbols[column], returns[:, column]) for name, column in known.items()}


def _returns(closes: FloatArray) -> FloatArray:
    """Simple returns; NaN where a close is missing, or at or below 0."""
    with np.errstate(invalid="ignore"):
        return simple_returns(np.where(closes > 0.0, closes, np.nan))


def _without_prices(proxies: BookProxies, months: MonthlyReturns) -> list[str]:
    """Symbols that stand for something, and that nobody knows, or of which no month is known."""
    symbols = {symbol for own in proxies.by_symbol.values() for symbol in own.named()}
    ids = proxies.instrument_ids
    return sorted(each for each in symbols if each not in ids or np.isnan(months.of([ids[each]])).all())


def _fits(inputs: Inputs, proxies: BookProxies, months: MonthlyReturns, assessed: Assessed) -> dict[int, Fitted]:
    """Fit every underlying that a modelled position follows."""
    held = inputs.book.held
    rows = zip(held.underlying_ids, held.underlying_symbols, assessed.valued.reasons, strict=True)
    named = {number: symbol for number, symbol, why in rows if not why}
    return {number: _fitted(number, proxies.by_symbol[symbol], proxies, months) for number, symbol in named.items()}


def _fitted(instrument_id: int, own: OwnProxies, proxies: BookProxies, months: MonthlyReturns) -> Fitted:
    ids = proxies.instrument_ids
    priced = [[ids[symbol] for symbol in symbols if symbol in ids] for symbols in own.symbols]
    unknown = tuple(tuple(symbol for symbol in symbols if symbol not in ids) for symbols in own.symbols)
    priced[PEERS] = [number for number in priced[PEERS] if number != instrument_id]  # nobody is a peer of his own
    columns = [median_of_peers(months.of(numbers)) for numbers in priced]  # of one fund it is the fund
    instead = {}
    for place, name in enumerate(PROXIES):
        if name in months.funds and own.symbols[place] and not own.stated[place] and np.isnan(columns[place]).all():
            instead[name], columns[place] = months.funds[name]
    fit = proxy_fit(months.of([instrument_id])[:, 0], np.column_stack(columns))
    reasons = tuple(
        left_out if numbers or name in instead else "unknown_symbol" if nobody_knows else "no_proxy"
        for name, left_out, numbers, nobody_knows in zip(PROXIES, fit.left_out, priced, unknown, strict=True)
    )
    no_fit = "no_market_proxy" if np.isnan(columns[0]).all() else "insufficient_history"
    return Fitted(fit, own, instead, unknown, reasons, missing=no_fit if reasons[0] else "")


def _position(inputs: Inputs, assessed: Assessed, row: int, fitted: Fitted) -> ProxiedPosition:
    held, fit = inputs.book.held, fitted.fit
    exposure = float(assessed.valued.exposure[row])
    proxies = _proxies(fitted)
    betas = {proxy.name: proxy.beta for proxy in proxies if proxy.beta is not None}
    return ProxiedPosition(
        position_id=held.position_ids[row],
        symbol=held.symbols[row],
        underlying_symbol=held.underlying_symbols[row],
        delta_adjusted_exposure=exposure,
        exposures=betas,
        exposure_dollars={name: exposure * beta for name, beta in betas.items()},
        t_stats={proxy.name: proxy.t_stat for proxy in proxies if proxy.t_stat is not None},
        market_beta=fit.market_beta,
        market_beta_error=known(fit.market_beta_error),
        r2=known(fit.r2),
        observations=fit.observations,
        quality_flag="limited_history" if fit.observations < FULL * MONTHS else "full_history",
        large_beta=abs(fit.market_beta) > LARGE_BETA,
        proxies=proxies,
    )


def _proxies(fitted: Fitted) -> tuple[Proxy, ...]:
    fit, own = fitted.fit, fitted.own
    return tuple(
        Proxy(
            name=name,
            symbols=(fitted.instead[name],) if name in fitted.instead else own.symbols[place],
            stated=own.stated[place],
            unknown_symbols=fitted.unknown[place],
            instead_of=own.symbols[place] if name in fitted.instead else (),
            beta=known(fit.coefficients[place]),
            standard_error=known(fit.errors[place]),
            t_stat=known(fit.t[place]),
            reason=fitted.reasons[place],
        )
        for place, name in enumerate(PROXIES)
    )
