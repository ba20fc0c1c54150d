"""PostgreSQL's binary form of numbers and days, to and from numpy, without a Python object per value.

Everything is big-endian; a day is a count from 2000-01-01. A COPY is a header, for each row the number of its fields
and for each field its length and its bytes, and a trailer: rows of fixed-length fields are one array of one type.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from services.marketdata.domain.bars import Days

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
SMALLINT, INTEGER, DOUBLE = ">i2", ">i4", ">f8"
EPOCH = np.datetime64("2000-01-01", "D")

Field = tuple[str, NDArray[np.generic]]
"""The type of a field, and its values, one per row."""


def encode_rows(fields: Mapping[str, Field]) -> bytes:
    """Encode rows for a binary COPY, without header and trailer.

    Args:
        fields: by name, in the order of the columns that are copied to.
    """
    row = np.dtype([("field_count", ">i2"), *_layout(fields)])
    rows = np.empty(len(next(iter(fields.values()))[1]), row)
    rows["field_count"] = len(fields)
    for name, (kind, values) in fields.items():
        rows[f"{name}_length"] = np.dtype(kind).itemsize
        rows[name] = values
    return rows.tobytes()


def day_field(days: Days) -> Field:
    """Give days as a field of type `date`."""
    return INTEGER, (days - EPOCH).astype(np.int32)


def read_days(packed: Iterable[bytes]) -> Days:
    """Read days that stand one after another."""
    return EPOCH + np.frombuffer(b"".join(packed), INTEGER).astype("timedelta64[D]")


def read_doubles(packed: Iterable[bytes]) -> NDArray[np.float64]:
    """Read double precision numbers that stand one after another."""
    return np.frombuffer(b"".join(packed), DOUBLE).astype(np.float64)


def read_smallints(packed: Iterable[bytes]) -> NDArray[np.int16]:
    """Read small integers that stand one after another."""
    return np.frombuffer(b"".join(packed), SMALLINT).astype(np.int16)


def _layout(fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    for name, (kind, _) in fields.items():
        yield f"{name}_length", ">i4"
        yield name, kind
