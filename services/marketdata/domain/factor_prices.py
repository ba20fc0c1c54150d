"""Closes of the funds that stand for factors."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.marketdata.domain.factors import Factors
from services.marketdata.domain.matrix import PriceMatrix


@dataclass(frozen=True, slots=True)
class ProxySeries:
    """The fund that stands for a factor, or is subtracted in it."""

    factor: str
    symbol: str


@dataclass(frozen=True, slots=True)
class ProxyPrices:
    """Closes of the funds that stand for factors."""

    factors: Factors
    series: Sequence[ProxySeries]
    """The columns of the matrix."""
    matrix: PriceMatrix
    data_version: int
    """Newest version among the closes. 0: there are none."""
