"""Treasury par yields as a curve, and the interest rate that it says to a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from services.marketdata.domain.bars import Prices

MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Curve:
    """Par yields of one day."""

    curve_date: date
    yields: Mapping[str, float]
    """By tenor, the shortest first: decimals a year as bonds are quoted, compounded twice a year. At least one."""
    data_version: int
    """Newest version among them."""

    def rates(self, years: Prices) -> Prices:
        """Give the rates to some horizons, compounded continuously.

        Par yields stand for zero rates, which is right to a few basis points at the horizons of listed options. Between
        two tenors the rate is a straight line; before the first and after the last it is theirs.
        """
        return np.interp(years, [tenor_years(tenor) for tenor in self.yields], self._continuous())

    def _continuous(self) -> Prices:
        return 2 * np.log1p(np.array(list(self.yields.values())) / 2)


def tenor_years(tenor: str) -> float:
    """Give the length of a tenor such as `3M` or `10Y` in years."""
    number = int(tenor[:-1])
    return number / MONTHS_A_YEAR if tenor.endswith("M") else float(number)
