"""The positions of a book: what could be valued, largest first, and the options and others that could not."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from cli.report.answers import known
from cli.report.figures import day, gain, money, percent, price, quantity, share, short_day
from cli.report.layout import ROOMY, WIDE, as_written, numbers, prose, section, sheet, words
from cli.report.reasons import in_words
from plimsoll.portfolio.v1.data_service_pb2 import CompletePortfolio, ValuedPosition
from plimsoll.portfolio.v1.position_pb2 import Position

WRITTEN = {Position.Type.SC, Position.Type.SP}
RIGHTS = {"C": "call", "P": "put"}


class ValuedTable:
    """Positions with a market value, from the largest long to the largest short; names and tags where there is room."""

    def __init__(self, complete: CompletePortfolio) -> None:
        self._complete = complete

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        proses = ["Name"] * (options.max_width >= ROOMY) + ["Tags"] * (options.max_width >= WIDE)
        table = sheet(expand=True)
        words(table, "Symbol")
        prose(table, *proses)
        numbers(table, "Quantity", "Entry", "Price", "Market value" if proses else "Value", "Weight", "P&L", "P&L %")
        valued = sorted(valued_positions(self._complete), key=lambda held: -held.market_value)
        longs = sum(held.market_value > 0 for held in valued)
        for rank, held in enumerate(valued, start=1):
            symbol = contract(held.position) if proses else short_contract(held.position)
            about = [as_written(held.name), _tags(held.position)][: len(proses)]
            table.add_row(as_written(symbol), *about, *self._figures(held), end_section=rank in {longs, len(valued)})
        self._add_cash(table, len(proses))
        yield section("Positions by market value", table)

    def _add_cash(self, table: Table, prose_count: int) -> None:
        """Cash and the total stand below the positions, so that the weights are seen to sum to one."""
        base = self._complete.portfolio.base_currency
        for balance in self._complete.cash:
            stated = [f"{balance.currency}, as of {day(balance.balance_date)}", ""][:prose_count]
            if balance.currency == base:
                table.add_row("Cash", *stated, "", "", "", money(balance.amount), self._weight(balance.amount))
            else:
                table.add_row("Cash", *stated, money(balance.amount))
        empty = [""] * (prose_count + 3)
        table.add_row("NAV", *empty, money(self._nav), self._weight(self._nav), style="bold")

    @property
    def _nav(self) -> float | None:
        return known(self._complete, "net_asset_value")

    def _weight(self, amount: float | None) -> str:
        return percent(share(amount, self._nav))

    def _figures(self, held: ValuedPosition) -> list[str | Text]:
        position = held.position
        pnl, cost = known(held, "unrealized_pnl"), known(held, "cost_basis")
        pnl_percent = share(pnl, abs(cost or 0))
        return [
            quantity(position.quantity),
            price(position.entry_price),
            Text.assemble(price(held.price), (" stale", "yellow") if held.stale else ""),
            money(held.market_value),
            self._weight(held.market_value),
            gain(money(pnl), pnl),
            gain(percent(pnl_percent), pnl_percent),
        ]


class UnvaluedTable:
    """Positions without a market value for one reason: what they are, and what was paid or received for them."""

    def __init__(self, reason: str, positions: Sequence[ValuedPosition]) -> None:
        self._reason = reason
        self._positions = positions

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with_tags = options.max_width >= ROOMY
        table = sheet(expand=True)
        words(table, "Position", "Side")
        prose(table, *(["Tags"] if with_tags else []))
        numbers(table, "Quantity", "Entry", "Entry date", "Cost")
        for held in self._positions:
            table.add_row(*_unvalued_cells(held, [_tags(held.position)] if with_tags else []))
        yield section(f"Outside market value and NAV: {in_words(self._reason)}", table)


def unvalued_tables(complete: CompletePortfolio) -> list[UnvaluedTable]:
    """A table for each reason that keeps positions from having a market value."""
    by_reason: dict[str, list[ValuedPosition]] = {}
    for held in complete.positions:
        if not held.HasField("market_value"):
            by_reason.setdefault(held.reason, []).append(held)
    return [UnvaluedTable(reason, positions) for reason, positions in by_reason.items()]


def valued_positions(complete: CompletePortfolio) -> list[ValuedPosition]:
    """The positions that have a market value, in the order of the book."""
    return [held for held in complete.positions if held.HasField("market_value")]


def contract(position: Position) -> str:
    """A symbol as people say it: `AAPL 17 Mar 2023 120 put` for an option, the symbol itself for all else."""
    if not position.HasField("option"):
        return position.symbol
    terms = position.option
    right = RIGHTS.get(terms.right, terms.right)
    return f"{terms.underlying_symbol} {day(terms.expiry_date)} {terms.strike:g} {right}"


def short_contract(position: Position) -> str:
    """The same in as few columns as can be read: `AAPL 230317 120P`."""
    if not position.HasField("option"):
        return position.symbol
    terms = position.option
    return f"{terms.underlying_symbol} {short_day(terms.expiry_date)} {terms.strike:g}{terms.right}"


def _unvalued_cells(held: ValuedPosition, tags: list[Text]) -> list[str | Text]:
    position = held.position
    side = "written" if position.position_type in WRITTEN else "long" if position.quantity > 0 else "short"
    return [
        as_written(contract(position)),
        side,
        *tags,
        quantity(position.quantity),
        price(position.entry_price),
        position.entry_date,
        money(known(held, "cost_basis")),
    ]


def _tags(position: Position) -> Text:
    tags = as_written(", ".join(position.tags))
    tags.stylize("dim")
    return tags
