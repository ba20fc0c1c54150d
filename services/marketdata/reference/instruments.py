"""Reads our own table of instruments, `instruments.csv` beside this file. `README.md` says where its facts are from."""

import csv
from importlib import resources

from services.marketdata.domain.instruments import Kind, Listing


def read_listings() -> dict[str, Listing]:
    """Read every listing, by symbol."""
    table = resources.files(__package__).joinpath("instruments.csv")
    with table.open(encoding="utf-8") as file:
        return {row["symbol"]: _listing(row) for row in csv.DictReader(file)}


def _listing(row: dict[str, str]) -> Listing:
    return Listing(
        symbol=row["symbol"],
        kind=Kind(row["kind"]),
        name=row["name"],
        exchange=row["exchange"],
        currency=row["currency"],
        sector=row["sector"],
        industry=row["industry"],
        multiplier=float(row["multiplier"]),
    )
