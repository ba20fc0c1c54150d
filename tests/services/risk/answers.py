"""An analysis asked as the service asks it, without the wire: what was found, and what is said of it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from services.risk.domain.analysis import NoParameters
from services.risk.domain.inputs import Inputs
from services.risk.domain.overview import OVERVIEW
from services.risk.domain.result_id import Resolved, result_id


@dataclass(frozen=True)
class Metadata:
    """What an answer says of itself."""

    result_id: str
    as_of_date: str
    portfolio_revision: int
    data_version: int
    price_basis: str
    coverage: Any
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """One answer."""

    summary: Any
    reason: str
    metadata: Metadata


def ask(owner_id, book, market, analysis=OVERVIEW, parameters=None, **slices):
    inputs = Inputs(book, market, **slices)
    parameters = parameters or NoParameters()
    day = market.session.as_of_date.isoformat()
    told = msgspec.to_builtins(parameters)
    resolved = Resolved(analysis.kind, owner_id, book.portfolio_id, book.revision, day, told)
    found = analysis.compute(inputs, parameters)
    name = result_id(resolved, inputs.digests())
    versions = book.revision, inputs.data_version, market.price_basis
    return Answered(found.body, found.reason, Metadata(name, day, *versions, found.coverage, found.warnings))
