"""The look that every part of a report shares: a heading, and a table with a single line under its titles."""

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

ROOMY, WIDE = 94, 116
"""From so many columns on there is room for what a shorter table, or a longer one, can do without."""


def sheet(*, expand: bool = False) -> Table:
    """An empty table in the look of the report."""
    return Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
        expand=expand,
        header_style="bold",
    )


def words(table: Table, *titles: str) -> None:
    """Adds columns of short words that must not be cut."""
    for title in titles:
        table.add_column(title, no_wrap=True)


def prose(table: Table, *titles: str) -> None:
    """Adds columns that share the room left over and are cut where it is not enough."""
    for title in titles:
        table.add_column(title, no_wrap=True, overflow="ellipsis", ratio=1, min_width=8)


def numbers(table: Table, *titles: str) -> None:
    """Adds columns of figures."""
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)


def as_written(text: str) -> Text:
    """Words of a user or a vendor: shown as they are, never obeyed as markup or as a terminal's control sequence."""
    return Text("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def section(title: str, *body: RenderableType) -> RenderableType:
    """A part of the page under its heading, with a line of air after it."""
    return Padding(Group(Text(title, style="bold cyan"), *body), (0, 0, 1, 0))
