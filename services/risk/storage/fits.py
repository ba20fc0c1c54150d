"""Fits of instruments in PostgreSQL, by a digest of what they are made of: nobody's, and of no use without it."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from sqlalchemy import text

from chassis.database import Database
from riskmath.arrays import FloatArray

FIND: Final = text("SELECT fit_key, fit FROM factor_fits WHERE fit_key = ANY(CAST(:keys AS bytea[]))")
# What is a month old goes when something new comes: a window of prices is the newest for one session.
KEEP: Final = text("""
    WITH old AS (DELETE FROM factor_fits WHERE created_time < now() - interval '30 days')
    INSERT INTO factor_fits (fit_key, fit)
    SELECT * FROM unnest(CAST(:keys AS bytea[]), CAST(:fits AS bytea[]))
    ON CONFLICT DO NOTHING""")


class StoredFits:
    """Implements `ports.Fits`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, keys: Sequence[str]) -> dict[str, FloatArray]:
        """Give those that there are, by key, in one query.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.transaction() as connection:
            found = (await connection.execute(FIND, {"keys": [bytes.fromhex(key) for key in keys]})).all()
        return {row.fit_key.hex(): np.frombuffer(row.fit, dtype="<f8") for row in found}

    async def add(self, fits: Mapping[str, FloatArray]) -> None:
        """Keep fits, in one statement. One that is there already stays: a key fixes its numbers.

        Raises:
            Unavailable: the database does not answer.
        """
        told = {
            "keys": [bytes.fromhex(key) for key in fits],
            "fits": [np.ascontiguousarray(row, dtype="<f8").tobytes() for row in fits.values()],
        }
        async with self._database.transaction() as connection:
            await connection.execute(KEEP, told)
