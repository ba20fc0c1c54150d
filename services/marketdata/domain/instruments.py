"""What instruments are: the facts of a listing, the terms of an option, and the id that outlives any symbol."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    """What an instrument is; the names are those of the contract."""

    STOCK = "STOCK"
    ETF = "ETF"
    INDEX = "INDEX"
    OPTION = "OPTION"
    FUND = "FUND"
    CRYPTO = "CRYPTO"
    PRIVATE = "PRIVATE"
    """Anything else, known to its owner alone."""


class Right(StrEnum):
    """What the buyer of an option may do with the underlying."""

    CALL = "C"
    PUT = "P"


class Style(StrEnum):
    """When an option may be exercised."""

    AMERICAN = "AMERICAN"
    EUROPEAN = "EUROPEAN"


def style_on(underlying: Kind) -> Style:
    """Give the style of listed US options on an underlying: European on an index, American on anything else."""
    return Style.EUROPEAN if underlying is Kind.INDEX else Style.AMERICAN


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source says of an instrument. An empty text: not known, or none."""

    symbol: str
    """In upper case."""
    kind: Kind
    name: str
    exchange: str
    """Market identifier code, ISO 10383."""
    currency: str
    """ISO 4217."""
    sector: str
    """GICS sector; an option has that of its underlying."""
    industry: str
    """GICS sub-industry; an option has that of its underlying."""
    multiplier: float
    """Units of the underlying per contract."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The terms of an option whose underlying is known."""

    underlying_instrument_id: int
    underlying_symbol: str
    expiry: date
    right: Right
    strike: float
    style: Style


@dataclass(frozen=True, slots=True)
class Instrument:
    """Anything priced, under its stable id."""

    instrument_id: int
    listing: Listing
    contract: Contract | None = None
    """For options only."""

    @property
    def private(self) -> bool:
        """Whether it is one user's own, and nobody else can see it."""
        return self.listing.kind is Kind.PRIVATE
