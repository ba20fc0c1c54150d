"""Reading rates of exchange: the newest on or before a day, or histories of several pairs as known at a version."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.exchange_rates import Pair, StoredRates
from services.marketdata.domain.fx import FxRate
from services.marketdata.storage import binary

# A pair that is stored the other way round is turned; of two that say the same, the newer rate counts.
RATES = text("""
    SELECT DISTINCT ON (base_currency) * FROM (
        SELECT base_currency, quote_currency, rate, rate_date, source, data_version FROM fx_rates
        WHERE quote_currency = :quote
        UNION ALL
        SELECT quote_currency, base_currency, 1 / rate, rate_date, source, data_version FROM fx_rates
        WHERE base_currency = :quote
    ) AS told
    WHERE (:base = '' OR base_currency = :base) AND (CAST(:day AS date) IS NULL OR rate_date <= CAST(:day AS date))
    ORDER BY base_currency, rate_date DESC, data_version DESC
    """)
# Packed as the database sends numbers: a history of ten years is 2,600 rows a pair.
HISTORIES = text("""
    SELECT base_currency, quote_currency, string_agg(date_send(rate_date), '' ORDER BY rate_date) AS days,
        string_agg(float8send(rate), '' ORDER BY rate_date) AS rates,
        string_agg(int4send(data_version), '' ORDER BY rate_date) AS data_versions
    FROM (
        SELECT DISTINCT ON (base_currency, quote_currency, rate_date) * FROM fx_rates
        WHERE base_currency = ANY(CAST(:currencies AS text[])) AND quote_currency = ANY(CAST(:currencies AS text[]))
            AND rate_date BETWEEN :first AND :last AND data_version <= :version
        ORDER BY base_currency, quote_currency, rate_date, data_version DESC
    ) AS newest
    GROUP BY base_currency, quote_currency
    """)


async def histories(
    connection: AsyncConnection, currencies: Sequence[str], first: date, last: date, version: int
) -> dict[Pair, StoredRates]:
    """Give the rates between two days, both included, of every pair of some currencies; one statement."""
    parameters = {"currencies": list(currencies), "first": first, "last": last, "version": version}
    return {
        (row.base_currency, row.quote_currency): StoredRates(
            binary.read_days([row.days]),
            binary.read_doubles([row.rates]),
            np.frombuffer(row.data_versions, binary.INTEGER).astype(np.int32),
        )
        for row in await connection.execute(HISTORIES, parameters)
    }


async def rates(connection: AsyncConnection, base: str, quote: str, day: date | None) -> list[FxRate]:
    """Give what currencies cost in another, by currency.

    Args:
        connection: a transaction.
        base: the currency that is priced. Empty: every one there is.
        quote: the currency that it is priced in.
        day: the newest rate on or before this day. None: the newest.
    """
    parameters = {"base": base, "quote": quote, "day": day}
    return [FxRate(**row._mapping) for row in await connection.execute(RATES, parameters)]
