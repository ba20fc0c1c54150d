"""The portfolios of the demo: files of the repository, and the names they are imported under."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "portfolios"


@dataclass(frozen=True, slots=True)
class Book:
    """A portfolio file and the name it gets."""

    name: str
    path: Path


BOOKS = (
    Book("Individual", FOLDER / "individual.csv"),
    Book("High net worth", FOLDER / "high_net_worth.csv"),
    Book("Long/short", FOLDER / "long_short.csv"),
)
