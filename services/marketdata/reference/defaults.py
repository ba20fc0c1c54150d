"""Reads our own reference sets, the JSON files beside this one. An installation starts with them."""

import json
from importlib import resources

from services.marketdata.domain.reference import Entry, InvalidReference, ReferenceKind, read_set


def read_defaults() -> dict[ReferenceKind, list[Entry]]:
    """Read every set.

    Raises:
        InvalidReference: a file is missing or is no JSON, or says something that we do not know of.
    """
    return {kind: _read(kind) for kind in ReferenceKind}


def _read(kind: ReferenceKind) -> list[Entry]:
    file = resources.files(__package__).joinpath(f"{kind}.json")
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidReference(f"{kind}.json: {error}") from None
    return read_set(kind, rows)
