"""Account activity as Robinhood reports it: positions are rebuilt from the trades, first in, first out.

The newest trade stands first. Codes: Buy, Sell; BTO, STC, STO, BTC for options; OEXP, OASGN, OEXCS where an option
ends (the shares that change hands then stand in a row of their own); SPL, SPR for splits. Rows without a quantity are
money: dividends, interest, transfers. Samples: github.com/acarlson98/rhParser (Robinhood Dec 2023.csv), and for SPL
github.com/nathancheek/robinhood_capital_gains_estimator.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from services.portfolio.domain.imports import amounts, days, symbols
from services.portfolio.domain.imports.formats import Format, Record, Table, count_row, one_of
from services.portfolio.domain.imports.issues import RowError
from services.portfolio.domain.imports.lots import Ledger, Lot, NothingToClose
from services.portfolio.domain.imports.snapshots import is_option
from services.portfolio.domain.imports.statements import Date, ParsedFile, PositionRow

OPENING = {"BUY": True, "BTO": True, "STO": False}
"""Codes that open, and whether they open something owned."""
CLOSING = {"SELL": True, "STC": True, "BTC": False}
ENDING = {"OEXP", "OASGN", "OEXCS"}
SPLITS = {"SPL", "SPR"}
OPTION_CODES = {"BTO", "STO", "STC", "BTC", *ENDING}
OF_OPTION = re.compile(r"^Option (?:Expiration|Assignment|Exercise) for ", re.IGNORECASE)
SIDE_MARK = "S"
"""After the quantity of a short option that ends."""


@dataclass(frozen=True, slots=True)
class Trade:
    """A row that changes what is owned."""

    line: int
    day: Date
    code: str
    symbol: str
    size: Decimal
    price: Decimal


@dataclass(slots=True)
class _Account:
    """What the rows read so far make."""

    parsed: ParsedFile
    ledger: Ledger = field(default_factory=Ledger)


def read(table: Table) -> ParsedFile:
    """Read a report of account activity."""
    account = _Account(ParsedFile())
    trades = []
    for line, row in table.records():
        if not row["activity date"]:
            continue  # the sentence below the table
        count_row(account.parsed)
        if row["quantity"]:
            try:
                trades.append(_trade(line, row))
            except RowError as error:
                account.parsed.errors.append(error.at(line))
    for trade in _in_time(trades):
        try:
            _book(account.ledger, trade)
        except RowError as error:
            account.parsed.errors.append(error.at(trade.line))
    account.parsed.positions = [_position(lot) for lot in account.ledger.everything()]
    return account.parsed


def _trade(line: int, row: Record) -> Trade:
    code = row["trans code"].upper()
    if code not in {*OPENING, *CLOSING, *ENDING, *SPLITS}:
        message = "a row with this code moves something, and how is not known: enter the position by hand"
        raise RowError("trans_code", row["trans code"], "unknown_transaction", message)
    size = amounts.number("quantity", row["quantity"].upper().removesuffix(SIDE_MARK))
    if size == 0 or (size < 0 and code not in SPLITS):
        raise RowError("quantity", row["quantity"], "zero_quantity", "the quantity of a trade is above 0")
    price = Decimal(0) if code in ENDING | SPLITS else amounts.price("price", row["price"])
    day = days.american("activity_date", row["activity date"])
    return Trade(line, day, code, _symbol(row, code), size, price)


def _symbol(row: Record, code: str) -> str:
    if code not in OPTION_CODES:
        return symbols.canonical(row["instrument"])
    contract = OF_OPTION.sub("", row["description"].partition("\n")[0].strip())
    symbol = symbols.canonical(contract, "description")
    if not is_option(symbol):
        raise RowError("description", row["description"], "malformed_symbol", "this does not name an option contract")
    return symbol


def _in_time(trades: Sequence[Trade]) -> list[Trade]:
    """Give trades in the order in which they were made; within a day that is the reverse of the file's."""
    newest_first = not trades or trades[0].day >= trades[-1].day
    return sorted(reversed(trades) if newest_first else trades, key=lambda trade: trade.day)


def _book(ledger: Ledger, trade: Trade) -> None:
    if trade.code in OPENING:
        signed = trade.size if OPENING[trade.code] else -trade.size
        ledger.open(Lot(trade.line, trade.symbol, signed, trade.price, trade.day))
    elif trade.code in SPLITS:
        if not ledger.split(trade.symbol, trade.size):
            raise _unknown_origin(trade, trade.size)
    else:
        owned = CLOSING.get(trade.code, ledger.held(trade.symbol, long=True) > 0)
        try:
            ledger.close(trade.symbol, trade.size, trade.price, _end(trade), long=owned)
        except NothingToClose as short:
            raise _unknown_origin(trade, short.excess) from None


def _end(trade: Trade) -> Date:
    """Give the day on which a trade closed something; an option ends on its last day, whenever that is booked."""
    if trade.code not in ENDING:
        return trade.day
    last = days.of_parts(trade.symbol[-15:-13], trade.symbol[-13:-11], trade.symbol[-11:-9])
    return min(trade.day, last) if last else trade.day


def _unknown_origin(trade: Trade, excess: Decimal) -> RowError:
    message = f"{excess} of {trade.symbol} were never bought in this report: download the whole history of the account"
    return RowError("quantity", f"{trade.size}", "opened_before_the_file", message)


def _position(lot: Lot) -> PositionRow:
    return PositionRow(
        line=lot.line,
        symbol=lot.symbol,
        quantity=lot.quantity,
        entry_price=lot.entry_price,
        entry_date=lot.entry_date,
        exit_date=lot.exit_date,
        exit_price=lot.exit_price,
    )


ACTIVITY = Format(
    "robinhood_activity",
    "a report of account activity from Robinhood",
    tuple(
        map(one_of, ("activity date", "settle date", "instrument", "description", "trans code", "quantity", "price"))
    ),
    read,
)
