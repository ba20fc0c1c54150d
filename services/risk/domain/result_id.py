"""The name of a result: a digest of the resolved request and of all that it read (methodology, section 11).

Equal ids mean equal payloads, so what the payload shows is in the digests, each mark's version included. The version
that the call was pinned to is not: a new price of an unrelated instrument must not rename the result.
"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import rfc8785

from riskmath.exchange import ExchangeRates
from services.risk.domain.market import Mark, MarketSlice

MODEL_VERSION = "6"
"""Raised whenever a formula, a rule or a sentence of an answer changes."""
BOOKS_KEPT = 32
"""Whose marks have been read lately, and are read again by the next analysis."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A request with every default filled in."""

    kind: str
    owner_id: str
    portfolio_id: str
    portfolio_revision: int
    as_of_date: str
    parameters: Mapping[str, Any]


def result_id(resolved: Resolved, digests: Mapping[str, str]) -> str:
    """Give the SHA-256, in hex, of the resolved request and its slices as canonical JSON (RFC 8785)."""
    told: dict[str, Any] = {
        "kind": resolved.kind,
        "owner_id": resolved.owner_id,
        "portfolio_id": resolved.portfolio_id,
        "portfolio_revision": resolved.portfolio_revision,
        "as_of_date": resolved.as_of_date,
        "parameters": dict(resolved.parameters),
        "digests": dict(digests),
        "model_version": MODEL_VERSION,
    }
    return hashlib.sha256(rfc8785.dumps(told)).hexdigest()


@lru_cache(maxsize=BOOKS_KEPT)
def market_digest(market: MarketSlice) -> str:
    """Give the SHA-256, in hex, of every mark that was read: a line per mark, by instrument.

    Lines and not canonical JSON, which takes five times as long: 90 ms for the 10,000 marks of a large book.
    """
    lines = [market.session.close_time.isoformat()]
    lines += [_line(market.marks[instrument_id]) for instrument_id in sorted(market.marks)]
    if market.rates:
        lines.append(f"{market.rates_version}\t{_rates(market.rates)}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def this_platform() -> str:
    """Name what the last bits of a result may hang on beside its inputs: the machine and the libraries."""
    build = np.show_config(mode="dicts")
    blas = build["Build Dependencies"]["blas"]["version"]
    simd = "+".join(build["SIMD Extensions"].get("found", []))
    return f"{platform.machine()} python {platform.python_version()} numpy {np.__version__} blas {blas} {simd}"


def _rates(table: ExchangeRates) -> str:
    # One bit pattern for every NaN: two of them must not make two digests of the same rates.
    digest = hashlib.sha256("\t".join([table.base_currency, *table.currencies]).encode())
    digest.update(table.session_dates.astype("<i8").tobytes())
    digest.update(np.where(np.isnan(table.rates), np.nan, table.rates).astype("<f8").tobytes())
    digest.update(table.ages.astype("<i8").tobytes())
    return digest.hexdigest()


def _line(mark: Mark) -> str:
    # repr gives the shortest text that reads back as the same double, so two prices never share a line
    name_and_price = f"{mark.instrument_id}\t{mark.price!r}\t{mark.currency}\t{mark.price_basis}"
    line = f"{name_and_price}\t{mark.price_date}\t{mark.age_sessions}\t{mark.data_version}\t{mark.reason}"
    return f"{line}\t{mark.source}\t{mark.option!r}"  # whose fields are dates, texts and doubles
