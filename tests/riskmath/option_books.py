"""Books of random options for the tests of the option models, and how to put one option through a model."""

import hypothesis.strategies as st
import numpy as np

from riskmath.options import CALL, PUT

TERMS = ("spot", "strike", "years_to_expiry", "volatility", "rate", "dividend_yield", "right")
VALUES = ("price", "delta", "gamma", "theta", "vega", "rho")


def random_book(size, seed, *, days=(2, 1095), volatility=(0.05, 1.0), rate=(0.0, 0.1), dividend_yield=(0.0, 0.1)):
    """Terms by name: two days to three years, spot 0.55 to 1.8 times the strike, three in ten without dividends."""
    random = np.random.default_rng(seed)
    strike = random.uniform(20.0, 500.0, size)
    spot = strike * np.exp(random.uniform(-0.6, 0.6, size))
    calendar_days = np.round(np.exp(random.uniform(*np.log(days), size)))
    sigma = np.exp(random.uniform(*np.log(volatility), size))
    r = random.uniform(*rate, size)
    q = np.where(random.random(size) < 0.3, 0.0, random.uniform(*dividend_yield, size))
    right = random.choice([CALL, PUT], size)
    return dict(zip(TERMS, (spot, strike, calendar_days / 365.0, sigma, r, q, right), strict=True))


def rows(book):
    """The options of a book, one after the other, as tuples in the order of TERMS."""
    return list(zip(*(book[name].tolist() for name in TERMS), strict=True))


def select(book, mask):
    return {name: column[mask] for name, column in book.items()}


def carry(book):
    """What early exercise can earn until expiry, as a part of the strike."""
    from_asset = np.maximum(book["right"] * book["dividend_yield"], 0.0) * book["spot"] / book["strike"]
    return (from_asset + np.maximum(-book["right"] * book["rate"], 0.0)) * book["years_to_expiry"]


def bumped(book, name, by):
    return {**book, name: book[name] + by}


options = st.fixed_dictionaries(
    {
        "spot": st.floats(1.0, 1_000.0),
        "strike": st.floats(1.0, 1_000.0),
        "years_to_expiry": st.floats(1.0 / 365.0, 5.0),
        "volatility": st.floats(0.03, 2.0),
        "rate": st.floats(-0.02, 0.15),
        "dividend_yield": st.floats(0.0, 0.12),
        "right": st.sampled_from([CALL, PUT]),
    }
)
"""Any option, as terms by name."""


def alone(option, **changes):
    """The columns of a book of one option, with some terms changed."""
    return {name: [term] for name, term in {**option, **changes}.items()}
