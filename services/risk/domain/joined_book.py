"""All portfolios of a user as one book: positions of the same instrument add up, and so does cash.

What one portfolio is long and another short is offset: it stands among the closed positions, bought and sold at what
was paid and received on average, so that the profit and loss of the whole is that of the parts. What is left is held at
the average price of its side.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np

from services.risk.domain.book import Book, CashBalance, Positions

ALL: Final = "all"
"""Stands for the id of a portfolio where every portfolio is meant."""
PARTS: Final = "portfolio_revisions"
"""In a resolved request about all portfolios: the revision of each, by its id."""
DEFAULT_CURRENCY: Final = "USD"
Row = dict[str, Any]
"""A position, its fields by the names of the columns."""


def join(books: Sequence[Book]) -> Book:
    """Give the portfolios of a user as one.

    Base currency is the one that most of them have; of several the first by name, or USD where there is none. What is
    in another currency is exchanged, as in any book.
    """
    base_currency = _most_common(book.base_currency for book in books) or DEFAULT_CURRENCY
    lots = _by_instrument((row for book in books for row in _rows(book.held)), base_currency)
    netted = [_net(rows) for rows in lots.values()]
    closed = [row for book in books for row in _rows(book.closed)]
    return Book(
        portfolio_id=ALL,
        revision=0,
        base_currency=base_currency,
        held=_columns([row for held, _ in netted for row in held]),
        closed=_columns(closed + [row for _, offset in netted for row in offset]),
        cash=_cash(balance for book in books for balance in book.cash),
        cash_reason=next((book.cash_reason for book in books if book.cash_reason), ""),
        benchmark=_same(book.benchmark for book in books),
        movements=tuple(
            sorted((move for book in books for move in book.movements), key=lambda move: move.movement_date)
        ),
        digest=hashlib.sha256("\n".join(f"{book.portfolio_id} {book.digest}" for book in books).encode()).hexdigest(),
        parts={book.portfolio_id: book.revision for book in books},
    )


def _by_instrument(rows: Iterable[Row], base_currency: str) -> dict[tuple[Any, ...], list[Row]]:
    lots: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        contract = row["symbols"] if row["is_option"] else ""  # those that nobody lists share one id
        currency = row["currencies"]
        # What was paid in another currency is exchanged at the rate of its day: only one day has one average price.
        paid_on = "" if currency == base_currency else row["entry_dates"]
        key = row["instrument_ids"], contract, currency, paid_on, row["multiplier"], row["underlying_ids"]
        lots.setdefault(key, []).append(row)
    return lots


def _net(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Give what of one instrument is held in the end, and what of it is offset."""
    if len(rows) == 1:
        return rows, []
    bought = [row for row in rows if row["quantity"] > 0.0]
    sold = [row for row in rows if row["quantity"] < 0.0]
    long, short = _quantity(bought), -_quantity(sold)
    offset = min(long, short)
    closed, held = [], []
    if offset > 0.0:
        last = max(row["entry_dates"] for row in rows)
        exit_of = {"exit_price": _average(sold), "exit_dates": last}
        closed = [_joined(bought, quantity=offset, entry_price=_average(bought), **exit_of)]
    if long != short:
        side = bought if long > short else sold
        held = [_joined(side, quantity=long - short, entry_price=_average(side))]
    return held, closed


def _joined(rows: list[Row], **figures: Any) -> Row:
    """Give several positions as one, under the id of the first of them."""
    tags = dict.fromkeys(tag for row in rows for tag in row["tags"])
    dates = {"entry_dates": min(row["entry_dates"] for row in rows)}
    return rows[0] | dates | {"tags": tuple(tags), "strategies": _same(row["strategies"] for row in rows)} | figures


def _quantity(rows: list[Row]) -> float:
    return float(np.sum([row["quantity"] for row in rows]))


def _average(rows: list[Row]) -> float:
    """Average price at entry; of one position its own, to the last bit."""
    prices = {row["entry_price"] for row in rows}
    if len(prices) == 1:
        return float(prices.pop())
    paid = float(np.sum([row["quantity"] * row["entry_price"] for row in rows]))
    return paid / _quantity(rows)


def _cash(balances: Iterable[CashBalance]) -> tuple[CashBalance, ...]:
    amounts: dict[str, float] = {}
    for balance in balances:
        amounts[balance.currency] = amounts.get(balance.currency, 0.0) + balance.amount
    return tuple(CashBalance(currency, amounts[currency]) for currency in sorted(amounts))


def _most_common(names: Iterable[str]) -> str:
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], name), default="")


def _same(names: Iterable[str]) -> str:
    """Give the name that all have; empty where they differ."""
    different = set(names)
    return different.pop() if len(different) == 1 else ""


def _rows(positions: Positions) -> list[Row]:
    named = [field.name for field in fields(Positions)]
    columns = [getattr(positions, name) for name in named]
    listed = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]
    return [dict(zip(named, row, strict=True)) for row in zip(*listed, strict=True)]


def _columns(rows: Sequence[Row]) -> Positions:
    numbers = ("quantity", "multiplier", "entry_price", "exit_price")
    columns: dict[str, Any] = {}
    for field in fields(Positions):
        column = [row[field.name] for row in rows]
        if field.name in numbers:
            columns[field.name] = np.array(column, dtype=np.float64)
        else:
            columns[field.name] = np.array(column, dtype=bool) if field.name == "is_option" else tuple(column)
    return Positions(**columns)
