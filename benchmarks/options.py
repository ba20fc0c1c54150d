"""Option models on one core, each beside the library that one would use instead, in the same run."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import mibian
import numpy as np
import QuantLib
from lets_be_rational import implied_volatility_from_a_transformed_rational_guess as lets_be_rational
from numpy.typing import NDArray

from benchmarks.measurement import Case, Measurement
from benchmarks.timing import exponent, median_seconds
from riskmath.american import american_price
from riskmath.black_scholes import european, european_one
from riskmath.implied_volatility import implied_volatility
from riskmath.options import CALL, PUT

Book: TypeAlias = dict[str, NDArray[np.float64]]
Row: TypeAlias = tuple[float, ...]

PEER_OPTIONS = 200
"""How many options a library is given, which values them one at a time."""
GRID = 200
"""Points and time steps of the finite differences: with 200 they err as little as the lattice, with 100 too much."""
TODAY = QuantLib.Date(15, 6, 2020)
DAYS = QuantLib.Actual365Fixed()


def european_options(arguments: list[str]) -> Measurement:
    """Price and five Greeks of European options; peers: mibian, and QuantLib with its engine reused."""
    repeats = _repeats("european_options", arguments)
    sizes = (10_000, 100_000, 1_000_000)
    sample = _rows(_book(PEER_OPTIONS))
    peers = {
        "mibian": _rate_of_each(_by_mibian, sample, repeats),
        "QuantLib": _rate_of_each(QuantLibPricer(european=True).values, sample, repeats),
    }
    one = _case("1 (european_one)", _rate_of_each(lambda row: european_one(*row), sample, repeats), peers)
    seconds = _seconds([_book(size) for size in sizes], european, repeats)
    return _measurement(
        "european_options", "price and five Greeks of European options", sizes, seconds, peers, before=[one]
    )


def american_options(arguments: list[str]) -> Measurement:
    """Price, delta, gamma and theta of American options; peer: QuantLib's finite differences."""
    repeats = _repeats("american_options", arguments)
    sizes = (2_000, 20_000, 200_000)
    sample = _rows(_book(PEER_OPTIONS))
    peers = {"QuantLib": _rate_of_each(QuantLibPricer(european=False).price_delta_gamma, sample, repeats)}
    return _measurement(
        "american_options",
        f"price, delta, gamma and theta of American options, largest error {_american_error():.1e} of strike",
        sizes,
        _seconds([_book(size) for size in sizes], american_price, repeats),
        peers,
    )


def implied_volatilities(arguments: list[str]) -> Measurement:
    """Implied volatilities of European options; peer: py_lets_be_rational."""
    repeats = _repeats("implied_volatilities", arguments)
    sizes = (10_000, 100_000, 1_000_000)
    quotes = _quotes(_book(PEER_OPTIONS))
    peers = {"lets_be_rational": _rate_of_each(lambda row: lets_be_rational(*row), _forward_rows(quotes), repeats)}
    return _measurement(
        "implied_volatilities",
        f"implied volatilities, largest difference from lets_be_rational {_implied_difference():.1e}",
        sizes,
        _seconds([_quotes(_book(size)) for size in sizes], implied_volatility, repeats),
        peers,
    )


def _repeats(name: str, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}")
    parser.add_argument("--repeats", type=int, default=7, help="samples of which the median is taken (default: 7)")
    return int(parser.parse_args(arguments).repeats)


def _measurement(
    name: str,
    subject: str,
    sizes: Sequence[int],
    seconds: Sequence[float],
    peers: Mapping[str, float],
    before: Sequence[Case] = (),
) -> Measurement:
    """One case for each size, compared with every peer, and one for each peer."""
    growth = exponent(sizes, seconds)
    cases = [*before]
    cases += [_case(f"{size:,}", size / spent, peers) for size, spent in zip(sizes, seconds, strict=True)]
    cases += [_case(peer, rate, peers) for peer, rate in peers.items()]
    return Measurement(name, f"{subject}, one core, time grows with size^{growth:.2f}", cases)


def _case(name: str, rate: float, peers: Mapping[str, float]) -> Case:
    compared = {f"times {peer}": rate / peer_rate for peer, peer_rate in peers.items()}
    return Case(name, {"options/s": rate, "microseconds each": 1e6 / rate, **compared})


def _seconds(books: Sequence[Book], model: Callable[..., object], repeats: int) -> list[float]:
    """Median time of each book; the smaller ones are valued several times, or the clock is too coarse."""
    sizes = [book["spot"].size for book in books]
    return [
        median_seconds(partial(model, **book), repeats, max(1, sizes[1] // size))
        for book, size in zip(books, sizes, strict=True)
    ]


def _rate_of_each(value: Callable[[Row], object], rows: Sequence[Row], repeats: int) -> float:
    return len(rows) / median_seconds(lambda: [value(row) for row in rows], repeats)


def _book(size: int) -> Book:
    """Listed options on many underlyings: a week to two years, in and out of the money, as many puts as calls."""
    random = np.random.default_rng(2022)
    spot = random.uniform(20.0, 500.0, size)
    return {
        "spot": spot,
        "strike": spot * random.uniform(0.7, 1.4, size),
        "years_to_expiry": random.integers(7, 730, size) / 365.0,
        "volatility": random.uniform(0.1, 0.6, size),
        "rate": random.uniform(0.0, 0.05, size),
        "dividend_yield": random.uniform(0.0, 0.03, size),
        "right": random.choice([CALL, PUT], size),
    }


def _rows(book: Book) -> list[Row]:
    return list(zip(*(column.tolist() for column in book.values()), strict=True))


def _by_mibian(row: Row) -> object:
    # rate and volatility in per cent, the dividend in money; it computes every Greek when it is made
    spot, strike, years, volatility, rate, dividend_yield, _ = row
    terms = [spot, strike, rate * 100.0, dividend_yield * spot, years * 365.0]
    return mibian.Me(terms, volatility=volatility * 100.0)


class QuantLibPricer:
    """One QuantLib engine, told the terms of option after option; whole days to expiry."""

    def __init__(self, *, european: bool) -> None:
        QuantLib.Settings.instance().evaluationDate = TODAY
        self._spot, self._volatility, self._rate, self._dividend_yield = (QuantLib.SimpleQuote(0.1) for _ in range(4))
        self._exercise = QuantLib.EuropeanExercise if european else lambda date: QuantLib.AmericanExercise(TODAY, date)
        process = self._process()
        self._engine = (
            QuantLib.AnalyticEuropeanEngine(process)
            if european
            else QuantLib.FdBlackScholesVanillaEngine(process, GRID, GRID)
        )
        self._fixed_point = QuantLib.QdFpAmericanEngine(process)

    def _process(self) -> QuantLib.BlackScholesMertonProcess:
        volatility, rate, dividend_yield = (
            QuantLib.QuoteHandle(quote) for quote in (self._volatility, self._rate, self._dividend_yield)
        )
        surface = QuantLib.BlackConstantVol(TODAY, QuantLib.NullCalendar(), volatility, DAYS)
        return QuantLib.BlackScholesMertonProcess(
            QuantLib.QuoteHandle(self._spot),
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, dividend_yield, DAYS)),
            QuantLib.YieldTermStructureHandle(QuantLib.FlatForward(TODAY, rate, DAYS)),
            QuantLib.BlackVolTermStructureHandle(surface),
        )

    def _option(self, row: Row, engine: object) -> QuantLib.VanillaOption:
        spot, strike, years, volatility, rate, dividend_yield, right = row
        self._spot.setValue(spot)
        self._volatility.setValue(volatility)
        self._rate.setValue(rate)
        self._dividend_yield.setValue(dividend_yield)
        payoff = QuantLib.PlainVanillaPayoff(QuantLib.Option.Call if right == CALL else QuantLib.Option.Put, strike)
        option = QuantLib.VanillaOption(payoff, self._exercise(TODAY + round(years * 365.0)))
        option.setPricingEngine(engine)
        return option

    def values(self, row: Row) -> Row:
        """Price and five Greeks."""
        option = self._option(row, self._engine)
        return option.NPV(), option.delta(), option.gamma(), option.theta(), option.vega(), option.rho()

    def price_delta_gamma(self, row: Row) -> Row:
        """What a lattice or a grid gives."""
        option = self._option(row, self._engine)
        return option.NPV(), option.delta(), option.gamma()

    def fixed_point(self, row: Row) -> float:
        """The American price of the engine that refines QD+."""
        return float(self._option(row, self._fixed_point).NPV())


def _american_error() -> float:
    book = _book(1_000)
    pricer = QuantLibPricer(european=False)
    oracle = np.array([pricer.fixed_point(row) for row in _rows(book)])
    return float((np.abs(american_price(**book, steps=None).price - oracle) / book["strike"]).max())


def _quotes(book: Book) -> Book:
    """Prices in place of volatilities, where a price is not all intrinsic value and so says something about them."""
    values = european(**book)
    kept = values.vega > 1e-6 * book["spot"]
    quotes = {"price": values.price, **{name: column for name, column in book.items() if name != "volatility"}}
    return {name: column[kept] for name, column in quotes.items()}


def _forward_rows(quotes: Book) -> list[Row]:
    """Undiscounted price, forward, strike, time and right, as lets_be_rational takes them."""
    growth = np.exp(quotes["rate"] * quotes["years_to_expiry"])
    forward = quotes["spot"] * np.exp((quotes["rate"] - quotes["dividend_yield"]) * quotes["years_to_expiry"])
    terms = (quotes["price"] * growth, forward, *(quotes[name] for name in ("strike", "years_to_expiry", "right")))
    return list(zip(*(column.tolist() for column in terms), strict=True))


def _implied_difference() -> float:
    quotes = _quotes(_book(2_000))
    theirs = np.array([lets_be_rational(*row) for row in _forward_rows(quotes)])
    return float(np.abs(implied_volatility(**quotes) - theirs).max())
