"""What a portfolio file amounts to on a day: positions entered at that day's prices, and cash.

The file says no entries. So everything is entered at the close of one session, the last day of the file, at the price
there: then the book is worth what the file says, to the cent, and has gained nothing yet.
"""

import datetime
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.portfolio.domain import entries
from services.portfolio.domain.book import CashBalance, Position
from services.portfolio.domain.cash_map import CashMap
from services.portfolio.domain.imports.issues import Issue
from services.portfolio.domain.market import Instrument, Mark
from services.portfolio.domain.whole_import import WholeImport
from services.portfolio.domain.yaml_files.stated import Stake, StatedPortfolio

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Prices:
    """What is known of the market on the day that a file is taken at."""

    day: datetime.date
    days: entries.Days
    instruments: Mapping[str, Instrument | str]
    """By ticker, or why there is none."""
    marks: Mapping[int, Mark]


@dataclass(frozen=True, slots=True)
class Whole:
    """What the portfolio is as a whole: its currency, and what it is worth, which weights are parts of."""

    base_currency: str
    value: Decimal
    cash_map: CashMap


def cash_tickers(portfolio: StatedPortfolio, cash_map: CashMap) -> dict[str, str]:
    """Give the currencies of the tickers that are cash."""
    found = {stake.ticker: cash_map.currency_of(stake.ticker) for stake in portfolio.stakes}
    return {ticker: currency for ticker, currency in found.items() if currency}


def take(portfolio: StatedPortfolio, whole: Whole, prices: Prices) -> WholeImport:
    """Give the positions and the cash of a file, with everything that is wrong with it."""
    taken = WholeImport(len(portfolio.stakes))
    currencies = cash_tickers(portfolio, whole.cash_map)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for stake in portfolio.stakes:
        if currency := currencies.get(stake.ticker, ""):
            _take_cash(taken, stake, currency, whole, amounts)
        else:
            _take_position(taken, stake, whole, prices)
    taken.cash += [CashBalance(currency, amount, prices.day) for currency, amount in amounts.items()]
    if not taken.errors:
        taken.errors += _difference(portfolio, whole, taken)
    return taken


def _take_cash(taken: WholeImport, stake: Stake, currency: str, whole: Whole, amounts: dict[str, Decimal]) -> None:
    """Add to the balance of a currency: several tickers may mean the same one."""
    if stake.measure == "shares":
        taken.errors.append(_issue(stake, "cash_in_shares", f"{stake.ticker} is cash: state it in dollars"))
    elif stake.measure == "weight" and currency != whole.base_currency:
        taken.errors.append(_issue(stake, "no_fx_rate", f"{stake.ticker} is not in {whole.base_currency}"))
    else:
        amounts[currency] += stake.number if stake.measure == "dollars" else _worth(stake, whole)


def _take_position(taken: WholeImport, stake: Stake, whole: Whole, prices: Prices) -> None:
    found = prices.instruments[stake.ticker]
    if isinstance(found, Instrument):
        mark = prices.marks[found.instrument_id]
        if mark.price is None:
            message = f"{stake.ticker} has no price on {prices.day}, so that it cannot be entered there"
            taken.errors.append(_issue(stake, mark.reason, message))
            return
        if stake.measure != "shares" and found.currency != whole.base_currency:
            message = f"{stake.ticker} is priced in {found.currency}: state its shares, and not a part of the value"
            taken.errors.append(_issue(stake, "no_fx_rate", message))
            return
        price = Decimal(repr(mark.price))
    else:
        price = Decimal(0)  # it is refused for what it is
    shares, amount = (stake.number, None) if stake.measure == "shares" else (None, _worth(stake, whole))
    statement = entries.Statement(stake.ticker, price, prices.day, quantity=shares, amount=amount)
    position = entries.take(statement, found, prices.days)
    if isinstance(position, Position):
        taken.positions.append(position)
    else:
        taken.errors += [_issue(stake, problem.reason, problem.message) for problem in position]


def _worth(stake: Stake, whole: Whole) -> Decimal:
    """Give what a stake is said to be worth, in the base currency."""
    return stake.number if stake.measure == "dollars" else stake.number * whole.value


def _difference(portfolio: StatedPortfolio, whole: Whole, taken: WholeImport) -> list[Issue]:
    """Say that what was taken is not worth what the file says, to the cent; of shares it says nothing."""
    said = [stake for stake in portfolio.stakes if stake.measure != "shares"]
    stated = sum((_worth(stake, whole) for stake in said), Decimal(0))
    tickers = {stake.ticker for stake in said}
    bought = (p.quantity * p.entry_price * Decimal(repr(p.multiplier)) for p in taken.positions if p.symbol in tickers)
    found = sum(bought, sum((balance.amount for balance in taken.cash), Decimal(0)))
    if stated.quantize(CENT) == found.quantize(CENT):
        return []
    message = f"the file says {stated.quantize(CENT)} in all, and what can be entered is worth {found.quantize(CENT)}"
    return [Issue(0, "portfolio_input", f"{stated}", "totals_differ", message)]


def _issue(stake: Stake, reason: str, message: str) -> Issue:
    return Issue(stake.line, stake.ticker, f"{stake.number}", reason, message)
