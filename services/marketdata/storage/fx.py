"""Reading rates of exchange: the newest on or before a day."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.fx import FxRate

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
