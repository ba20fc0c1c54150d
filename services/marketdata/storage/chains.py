"""Reading option chains: what the contracts of an underlying were quoted at in one session."""

from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.chains import Chain, ChainQuote
from services.marketdata.storage.instruments import contract_of

NEWEST_SESSION = text("""
    SELECT max(newest.session_date) FROM instruments AS c CROSS JOIN LATERAL (
        SELECT session_date FROM option_quotes AS q WHERE q.instrument_id = c.instrument_id
        ORDER BY session_date DESC LIMIT 1
    ) AS newest
    WHERE c.underlying_instrument_id = :underlying
    """)
CHAIN = text("""
    SELECT c.symbol, c.underlying_instrument_id, u.symbol AS underlying_symbol, c.expiry_date, c.option_right, c.strike,
        c.exercise_style, q.bid, q.ask, q.last, q.implied_volatility, q.open_interest, q.source,
        coalesce(q.quote_time, s.close_time) AS quote_time
    FROM instruments AS c
    JOIN instruments AS u ON u.instrument_id = c.underlying_instrument_id
    JOIN trading_sessions AS s ON s.session_date = :day
    CROSS JOIN LATERAL (
        SELECT * FROM option_quotes AS q WHERE q.instrument_id = c.instrument_id AND q.session_date = :day
        ORDER BY q.data_version DESC LIMIT 1
    ) AS q
    WHERE c.underlying_instrument_id = :underlying
        AND (CAST(:expiry AS date) IS NULL OR c.expiry_date = CAST(:expiry AS date))
    ORDER BY c.expiry_date, c.strike, c.option_right
    """)


async def chain(connection: AsyncConnection, underlying_id: int, day: date | None, expiry: date | None) -> Chain | None:
    """Give the chain of an underlying. None: there is none.

    Args:
        connection: a transaction.
        underlying_id: the underlying.
        day: the session. None: the newest that has a chain.
        expiry: only contracts of this expiry. None: of all.
    """
    session: date | None = day or await connection.scalar(NEWEST_SESSION, {"underlying": underlying_id})
    if session is None:
        return None
    parameters = {"underlying": underlying_id, "day": session, "expiry": expiry}
    quotes = [_quote(row) for row in await connection.execute(CHAIN, parameters)]
    return Chain(session, quotes) if quotes else None


def _quote(row: Row[Any]) -> ChainQuote:
    return ChainQuote(
        symbol=row.symbol,
        contract=contract_of(row),
        bid=row.bid,
        ask=row.ask,
        last=row.last,
        implied_volatility=row.implied_volatility,
        open_interest=row.open_interest,
        source=row.source,
        quote_time=row.quote_time,
    )
