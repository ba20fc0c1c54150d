"""Tables to which rows are only ever added: a row is stored if the newest one of its key says something else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

SLICE = 5_000
"""Rows in one statement: few enough that encoding them does not keep the event loop waiting."""
VERSION, SOURCE = "data_version", "source"
Rows = Mapping[str, Sequence[object]]
"""Rows by column: keys, values and `source`; a key at most once."""


@dataclass(frozen=True)
class AppendOnly:
    """One such table."""

    table: str
    keys: Mapping[str, str]
    """What a row is about, the first of them what stored rows are counted by: columns, and their types."""
    values: Mapping[str, str]
    """What it says of that: columns, and their types."""

    @cached_property
    def _append(self) -> TextClause:
        told = {**self.keys, **self.values, SOURCE: "text"}
        arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in told.items())
        return text(f"""
            WITH stored AS (
                INSERT INTO {self.table} ({", ".join(told)}, {VERSION})
                SELECT {", ".join(f"told.{name}" for name in told)}, CAST(:{VERSION} AS integer)
                FROM unnest({arrays}) AS told ({", ".join(told)})
                WHERE NOT EXISTS (
                    SELECT FROM (
                        SELECT * FROM {self.table} AS known
                        WHERE ({_columns("known", self.keys)}) = ({_columns("told", self.keys)})
                        ORDER BY {VERSION} DESC LIMIT 1
                    ) AS newest
                    WHERE ({_columns("newest", self.values)}) IS NOT DISTINCT FROM ({_columns("told", self.values)}))
                RETURNING {next(iter(self.keys))} AS key
            ) SELECT key, count(*) AS row_count FROM stored GROUP BY key
            """)  # noqa: S608 - our own names

    async def append(self, connection: AsyncConnection, version: int, rows: Rows) -> Counter[Any]:
        """Store the rows that are news, under a version.

        Args:
            connection: the transaction that the version was given to.
            version: from `ledger.next_version`.
            rows: what was brought.

        Returns:
            How many were stored, by the first key.
        """
        stored: Counter[Any] = Counter()
        for start in range(0, len(rows[SOURCE]), SLICE):
            part = {name: list(column[start : start + SLICE]) for name, column in rows.items()}
            for row in await connection.execute(self._append, {**part, VERSION: version}):
                stored[row.key] += row.row_count
        return stored


def _columns(of: str, names: Mapping[str, str]) -> str:
    return ", ".join(f"{of}.{name}" for name in names)


CORPORATE_ACTIONS = AppendOnly(
    "corporate_actions",
    {"instrument_id": "integer", "ex_date": "date", "kind": "smallint"},
    {"value": "double precision"},
)
QUOTES = AppendOnly(
    "quotes",
    {"instrument_id": "integer", "quote_time": "timestamptz"},
    dict.fromkeys(("last", "previous_close", "bid", "ask"), "double precision"),
)
OPTION_QUOTES = AppendOnly(
    "option_quotes",
    {"instrument_id": "integer", "session_date": "date"},
    dict.fromkeys(("bid", "ask", "last", "implied_volatility", "open_interest"), "double precision")
    | {"quote_time": "timestamptz"},
)
YIELDS = AppendOnly("yields", {"curve_date": "date", "tenor": "text"}, {"par_yield": "double precision"})
FX_RATES = AppendOnly(
    "fx_rates",
    {"base_currency": "text", "quote_currency": "text", "rate_date": "date"},
    {"rate": "double precision"},
)
