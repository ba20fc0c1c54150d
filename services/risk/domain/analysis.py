"""What an analysis is: a kind, what it needs, and a pure function from its inputs and parameters to what was found.

The body of what was found is a frozen dataclass whose fields are named as the answer's in the contract, so that one
function renders all of them. Everything in it is finite: what cannot be known is None, with a reason beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, TypeVar

from services.risk.domain.inputs import Inputs, Needs
from services.risk.domain.results import BookCoverage

Parameters = TypeVar("Parameters")


@dataclass(frozen=True, slots=True)
class Lookback:
    """The history that an answer looked back over."""

    lookback_days: int
    """Sessions asked for."""
    observations: int
    """Observations used."""
    start_date: date | None
    """First session used; None: none was."""
    end_date: date | None
    """Last session used."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an analysis found, and what it covers."""

    body: Any
    """A frozen dataclass named like the answer in the contract. None: `reason` says why there is no answer."""
    coverage: BookCoverage
    warnings: tuple[str, ...] = ()
    reason: str = ""
    """In snake case, as the contract lists them. Empty: there is an answer."""
    lookback: Lookback | None = None
    beside: Mapping[str, object] = field(default_factory=dict)
    """Fields of the answer that stand even where there is no body."""


@dataclass(frozen=True, slots=True)
class Analysis(Generic[Parameters]):
    """One kind of answer about a book."""

    kind: str
    """Names it in result ids, caches and the ledger."""
    parameters: type[Parameters]
    """A frozen dataclass of texts, numbers, lists and maps, every default filled in: the resolved request."""
    needs: Callable[[Parameters], Needs]
    compute: Callable[[Inputs, Parameters], Found]
    """Pure: the same inputs and parameters give the same finding, to the last bit."""
    formulas: tuple[str, ...]
    """Pages of docs/methodology that say how: the name of the file, and after a `#` a heading."""


@dataclass(frozen=True, slots=True)
class NoParameters:
    """Of an analysis that can be asked nothing beside the book."""
