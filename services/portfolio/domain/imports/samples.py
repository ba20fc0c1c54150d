"""The templates as files to be filled in."""

from dataclasses import dataclass

from services.portfolio.domain.imports.formats import Format
from services.portfolio.domain.imports.templates import FIVE_COLUMNS, TWELVE_COLUMNS


@dataclass(frozen=True, slots=True)
class Template:
    """A template: its columns, and rows to be replaced."""

    format: Format
    required: tuple[str, ...]
    optional: tuple[str, ...]
    rows: tuple[str, ...]

    @property
    def csv(self) -> str:
        """The file."""
        return "".join(f"{line}\n" for line in (",".join((*self.required, *self.optional)), *self.rows))


TEMPLATES = (
    Template(
        FIVE_COLUMNS,
        ("ticker", "quantity", "entry_price", "entry_date"),
        ("tags",),
        (
            "AAPL,100,120.50,2022-01-03,core;tech",
            "JPM,-50,150.00,2022-06-01,short book",
            "AAPL230120C00150000,2,3.10,2022-12-01,options",
            "CUR:USD,10000,,2022-12-28,",
        ),
    ),
    Template(
        TWELVE_COLUMNS,
        ("Symbol", "Quantity", "Entry Price Per Share", "Entry Date"),
        (
            *("Investment Class", "Investment Subtype", "Underlying Symbol", "Strike Price", "Expiration Date"),
            *("Option Type", "Exit Date", "Exit Price Per Share"),
        ),
        (
            "AAPL,100,120.50,2022-01-03,PUBLIC,STOCK,,,,,,",
            "AAPL230120C00150000,2,3.10,2022-12-01,OPTIONS,CALL,AAPL,150.00,2023-01-20,CALL,,",
            "XOM,50,60.00,2021-05-03,PUBLIC,STOCK,,,,,2022-06-01,98.00",
            "CUR:USD,10000,,2022-12-28,,,,,,,,",
        ),
    ),
)
BY_NAME = {template.format.name: template for template in TEMPLATES}
