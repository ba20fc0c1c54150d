"""Writes the example portfolios: `python -m examples.portfolios.generate` (`--check` only compares).

Entry prices of stocks and funds are the bundled closes of the entry date, rounded to cents. Option premiums cannot be:
nobody publishes the chains of those days freely. They are the Black-Scholes values at the realised volatility of the 90
sessions before entry, rounded to five cents, and every row that has one says so by the tag `illustrative-premium`.
"""

import csv
import gzip
import io
import math
import re
import sys
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import files
from itertools import pairwise
from pathlib import Path

from examples.portfolios.books import BOOKS, VALUATION_DATE, Book, Lot

FOLDER = Path(__file__).parent
COLUMNS = ("ticker", "quantity", "entry_price", "entry_date", "tags")
PREMIUM_TAG = "illustrative-premium"
RATE = 0.04
VOLATILITY_SESSIONS = 90
CENT = Decimal("0.01")
OCC_SYMBOL = re.compile(r"(?P<underlying>[A-Z]{1,6})(?P<expiry>\d{6})(?P<right>[CP])(?P<strike>\d{8})")

Closes = Mapping[str, Mapping[str, Decimal]]


def bundled_closes() -> dict[str, dict[str, Decimal]]:
    """Closes by symbol and ISO date, from the data files inside the `skfolio` wheel; the package is not imported."""
    closes: dict[str, dict[str, Decimal]] = {}
    for packed in files("skfolio") or ():
        if packed.name not in {"sp500_dataset.csv.gz", "factors_dataset.csv.gz"}:
            continue
        with gzip.open(Path(str(packed.locate())), "rt", encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                day = row.pop("Date")
                for symbol, close in row.items():
                    closes.setdefault(symbol, {})[day] = Decimal(close)
    if not closes:
        raise SystemExit("no bundled closes: the `skfolio` wheel of locks/prices.txt is not installed")
    return closes


def realised_volatility(history: Mapping[str, Decimal], until: str) -> float:
    """Annualised standard deviation of the log returns of the sessions up to a day."""
    days = [day for day in sorted(history) if day <= until][-VOLATILITY_SESSIONS - 1 :]
    returns = [math.log(history[day] / history[before]) for before, day in pairwise(days)]
    mean = sum(returns) / len(returns)
    return math.sqrt(252 * sum((r - mean) ** 2 for r in returns) / (len(returns) - 1))


def black_scholes(right: str, spot: float, strike: float, years: float, volatility: float) -> float:
    """European value without dividends (Black and Scholes 1973)."""
    d1 = (math.log(spot / strike) + (RATE + volatility**2 / 2) * years) / (volatility * math.sqrt(years))
    d2 = d1 - volatility * math.sqrt(years)
    sign = 1.0 if right == "C" else -1.0
    return sign * (spot * _normal(sign * d1) - strike * math.exp(-RATE * years) * _normal(sign * d2))


def _normal(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


def illustrative_premium(contract: re.Match[str], entry_date: str, closes: Closes) -> Decimal:
    """A plausible premium for a contract on a day, to the next five cents."""
    history = closes[contract["underlying"]]
    expiry = date.fromisoformat(f"20{contract['expiry'][:2]}-{contract['expiry'][2:4]}-{contract['expiry'][4:]}")
    value = black_scholes(
        contract["right"],
        spot=float(history[entry_date]),
        strike=int(contract["strike"]) / 1000,
        years=(expiry - date.fromisoformat(entry_date)).days / 365,
        volatility=realised_volatility(history, entry_date),
    )
    return (Decimal(value) * 20).quantize(Decimal(1), ROUND_HALF_UP) / 20


def row(lot: Lot, closes: Closes) -> tuple[str, str, str, str, str]:
    """One line of the file."""
    contract = OCC_SYMBOL.fullmatch(lot.symbol)
    if contract is None:
        price = closes[lot.symbol][lot.entry_date].quantize(CENT, ROUND_HALF_UP)
        return lot.symbol, lot.quantity, str(price), lot.entry_date, lot.tags
    premium = illustrative_premium(contract, lot.entry_date, closes).quantize(CENT)
    return lot.symbol, lot.quantity, str(premium), lot.entry_date, f"{lot.tags};{PREMIUM_TAG}"


def text_of(book: Book, closes: Closes) -> str:
    """The whole file: lots in the order of the book, then its cash."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row(lot, closes) for lot in book.lots)
    writer.writerow(("CUR:USD", str(book.cash), "", VALUATION_DATE.isoformat(), ""))
    return text.getvalue()


def main() -> None:
    """Writes the files, or with `--check` fails where one differs."""
    closes = bundled_closes()
    for book in BOOKS:
        path, text = FOLDER / book.file_name, text_of(book, closes)
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path.name} is not what the books and the bundled closes give; run without --check")


if __name__ == "__main__":
    main()
