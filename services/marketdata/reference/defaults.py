"""Reads our own reference sets, the JSON files beside this one. An installation starts with them."""

import json
from importlib import resources
from importlib.resources.abc import Traversable

from services.marketdata.domain.reference import Entry, InvalidReference, ReferenceKind, read_set

OURS = resources.files(__package__)


def read_defaults(folder: Traversable = OURS) -> dict[ReferenceKind, list[Entry]]:
    """Read every set.

    Raises:
        InvalidReference: a file is missing or is no JSON, or says something that we do not know of.
    """
    return {kind: _read(kind, folder) for kind in ReferenceKind}


def _read(kind: ReferenceKind, folder: Traversable) -> list[Entry]:
    try:
        rows = json.loads(folder.joinpath(f"{kind}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidReference(f"{kind}.json: {error}") from None
    return read_set(kind, rows)
