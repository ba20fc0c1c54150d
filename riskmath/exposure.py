"""How much is at stake, on which side, and how much of it a model covers (methodology, sections 0 and 1)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, product
from riskmath.sums import exact_sum


@dataclass(frozen=True, slots=True, eq=False)
class ExposureTotals:
    """Signed exposures summed by side, in base currency.

    long: sum of the positive ones. short: sum of the negative ones, at most 0.
    gross: long - short. net: long + short; gross >= |net| to the last bit.
    covered: (N,), true where an exposure is known and so part of the sums.
    """

    long: float
    short: float
    gross: float
    net: float
    covered: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How much of a book is modelled, in base currency.

    modelled: gross exposure of the modelled rows. gross: the same, plus the sizes of the others, where known.
    share: modelled / gross, from 0 to 1. None: gross is 0, or the size of some row is not known.
    covered: (N,), true where a row is modelled. sized: (N,), true where a row is part of `gross`.
    """

    modelled: float
    gross: float
    share: float | None
    covered: BoolArray
    sized: BoolArray


def notional(quantity: ArrayLike, spot: ArrayLike, multiplier: ArrayLike, fx: ArrayLike) -> FloatArray:
    """Value of what positions are about: for a share itself, for an option its underlying.

    Formula: quantity x multiplier x spot x fx.
    Shapes: all (N,), result (N,).
    Units: quantity signed, in shares or contracts; spot in the instrument's currency per unit of the underlying;
        multiplier in units per contract, above 0; fx in base currency per unit of the instrument's, above 0. The
        result is in base currency, with the sign of the quantity.
    NaN: a row with any of the four missing is NaN.
    Errors: ValueError for infinity, different lengths, a multiplier or fx at or below 0; FloatingPointError when a
        product is beyond float64.
    Source: methodology, section 1.
    """
    return product({"quantity": quantity, "spot": spot}, positive={"multiplier": multiplier, "fx": fx})


def delta_adjusted_exposure(delta: ArrayLike, notional: ArrayLike) -> FloatArray:
    """Exposure of each position to its underlying.

    Formula: delta x notional. Ten calls of 100 shares at a spot of 150 and a delta of 0.6: 90,000.
    Shapes: both (N,), result (N,).
    Units: delta in shares per share (1 for a share itself); notional and result in base currency, signed, so that a
        put bought is negative and a put written positive.
    NaN: a row with either missing is NaN.
    Errors: ValueError for infinity or different lengths; FloatingPointError when a product is beyond float64.
    Source: methodology, section 1.
    """
    return product({"delta": delta, "notional": notional})


def exposure_totals(exposure: ArrayLike) -> ExposureTotals:
    """Long, short, gross and net of signed exposures.

    Formula: long = sum of e > 0, short = sum of e < 0, gross = long - short = sum |e|, net = long + short = sum e.
    Shapes: exposure (N,). Unit: base currency, signed by side.
    NaN: missing; left out of every sum and false in `covered`.
    Errors: ValueError for infinity; OverflowError when a sum is beyond float64.
    Source: methodology, section 1.
    """
    (exposure,) = columns(exposure=exposure)
    long = exact_sum(exposure[exposure > 0.0])
    short = exact_sum(exposure[exposure < 0.0])
    gross = exact_sum(np.array([long, -short]))  # which refuses to overflow where `-` would answer infinity
    net = long + short
    return ExposureTotals(long=long, short=short, gross=gross, net=net, covered=~np.isnan(exposure))


def weights(value: ArrayLike, net_asset_value: float) -> FloatArray:
    """Values as parts of the net asset value.

    Formula: value / net_asset_value.
    Shapes: value (N,), result (N,). Units: both in base currency; the result is a decimal, signed. With debt the
        weights add to more than 1.
    NaN: a row with its value missing is NaN.
    Errors: ValueError for infinity, or a net asset value that is not finite and above 0: a weight of less than nothing
        has no meaning. FloatingPointError when a quotient is beyond float64.
    Source: methodology, section 1.
    """
    (value,) = columns(value=value)
    if not (math.isfinite(net_asset_value) and net_asset_value > 0.0):
        raise ValueError(f"net_asset_value is {net_asset_value}: must be finite and above 0")
    with np.errstate(over="raise"):
        return value / net_asset_value


def coverage(exposure: ArrayLike, size: ArrayLike) -> Coverage:
    """How much of a book has an exposure, against what it would be with every position in it.

    Formula: modelled = sum |exposure|, gross = modelled + sum of size where exposure is missing,
        share = modelled / gross.
    Shapes: both (N,). Units: base currency; size is what a missing exposure may be at most, at least 0.
    NaN: in exposure, not modelled: the size stands in. In both, the row is in neither sum, is false in `sized`, and
        the share is None, because nobody knows it.
    Errors: ValueError for infinity, different lengths, a size below 0; OverflowError when a sum is beyond float64.
    Source: methodology, section 0, missing values.
    """
    exposure, size = columns(exposure=exposure, size=size)
    if (size < 0.0).any():
        row = int(np.argmax(size < 0.0))
        raise ValueError(f"size[{row}] is {size[row]}: must be at least 0")
    covered = ~np.isnan(exposure)
    sizes = np.where(covered, np.abs(exposure), size)
    sized = ~np.isnan(sizes)
    modelled, gross = exact_sum(sizes[covered]), exact_sum(sizes[sized])
    known = bool(sized.all()) and gross > 0.0
    return Coverage(
        modelled=modelled, gross=gross, share=modelled / gross if known else None, covered=covered, sized=sized
    )
