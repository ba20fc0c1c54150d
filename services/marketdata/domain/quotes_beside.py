"""The contract that is quoted next to an option: what its volatility is looked for in, where its own quote tells none.

What is quoted on an underlying is read once, and compared with all of its options at once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.instruments import Contract
from services.marketdata.domain.sightings import OptionQuote

PAIRS_AT_ONCE = 500_000
"""Options times quotes that are compared together: some 20 MB, however many there are."""
Contracts = Sequence[tuple[int, Contract]]
"""Contracts, and the instruments that they are."""


def quotes_beside(wanted: Mapping[int, Contract], quotes: Mapping[int, OptionQuote]) -> dict[int, OptionQuote]:
    """Give the quote next to each option, by option; one beside which nothing usable is quoted is left out.

    On the same underlying: the nearest expiry, of those the nearest strike, of those the same right, and of two that
    are equally near the one of the lower number. The option's own quote is none beside it.

    Args:
        wanted: the contract of each option.
        quotes: the newest quote of contracts on the same underlyings, by instrument.
    """
    near: defaultdict[int, list[tuple[int, Contract]]] = defaultdict(list)
    for number, quote in sorted(quotes.items()):
        if quote.implied_volatility is not None or quote.mid is not None:
            near[quote.contract.underlying_instrument_id].append((number, quote.contract))
    options: defaultdict[int, list[tuple[int, Contract]]] = defaultdict(list)
    for number, contract in wanted.items():
        options[contract.underlying_instrument_id].append((number, contract))
    found: dict[int, OptionQuote] = {}
    for underlying_id in options.keys() & near.keys():
        asked, quoted = options[underlying_id], near[underlying_id]
        size = max(1, PAIRS_AT_ONCE // len(quoted))
        for start in range(0, len(asked), size):
            block = asked[start : start + size]
            for (number, _), place in zip(block, _nearest(block, quoted).tolist(), strict=True):
                if place >= 0:
                    found[number] = quotes[quoted[place][0]]
    return found


def _nearest(options: Contracts, quoted: Contracts) -> NDArray[np.int64]:
    """Give the place among Q quoted contracts of the one nearest to each of O options on their underlying; -1: none."""
    of_option, of_quote = _columns(options), _columns(quoted)
    days, gap, other_right, itself = (
        np.abs(of_quote[0] - of_option[0][:, None]),
        np.abs(np.log(of_quote[1] / of_option[1][:, None])),
        of_quote[2] != of_option[2][:, None],
        of_quote[3] == of_option[3][:, None],
    )
    days = np.where(itself, np.inf, days)
    gap = np.where(days == days.min(axis=1, keepdims=True), gap, np.inf)
    rank = np.where(gap == gap.min(axis=1, keepdims=True), other_right, np.inf)  # of equal ones the first is taken
    return np.where(np.isinf(days).all(axis=1), -1, rank.argmin(axis=1))


def _columns(contracts: Contracts) -> NDArray[np.float64]:
    """Give expiry as a number of days, strike, right and instrument, (4, N)."""
    rows = [(one.expiry.toordinal(), one.strike, one.right.value == "C", number) for number, one in contracts]
    return np.array(rows, dtype=np.float64).T
