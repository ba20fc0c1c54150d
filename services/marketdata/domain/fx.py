"""Rates of exchange as they are answered."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class FxRate:
    """What one unit of a currency costs in another."""

    base_currency: str
    quote_currency: str
    rate: float
    rate_date: date
    source: str
    data_version: int
