"""The real prices that every installation has: 20 stocks, the S&P 500 and five factor funds, until 2022-12-28."""

import csv
import gzip
from functools import cache
from importlib.metadata import distribution

import numpy as np

STOCKS, FUNDS, INDEX = "sp500_dataset", "factors_dataset", "sp500_index"
STYLES = ("VLUE", "MTUM", "QUAL", "SIZE", "USMV")
VALUE = 0


@cache
def prices(name):
    """Days and closes by symbol."""
    path = distribution("skfolio").locate_file(f"skfolio/datasets/data/{name}.csv.gz")
    with gzip.open(str(path), "rt", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    cells = np.array(rows)
    closes = {symbol: cells[:, column].astype(float) for column, symbol in enumerate(header) if column}
    return cells[:, 0].astype("datetime64[D]"), closes


def stocks(sessions=None):
    """Symbols, and simple returns (T, 20) of the last sessions; None: those since the funds exist."""
    _, closes = prices(STOCKS)
    sessions = sessions or len(funds())
    return list(closes), np.column_stack([_returns(series) for series in closes.values()])[-sessions:]


def funds(sessions=None):
    """Simple returns (T, 5) of the style funds in the order of STYLES."""
    _, closes = prices(FUNDS)
    found = np.column_stack([_returns(closes[symbol]) for symbol in STYLES])
    return found[-(sessions or len(found)) :]


def market(sessions=None):
    """Simple returns (T,) of the S&P 500, without dividends."""
    _, closes = prices(INDEX)
    return _returns(closes["SP500"])[-(sessions or len(funds())) :]


def days(sessions=None):
    """The days of those returns."""
    return prices(FUNDS)[0][-(sessions or len(funds())) :]


def _returns(closes):
    return closes[1:] / closes[:-1] - 1.0
