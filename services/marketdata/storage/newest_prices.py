"""Reading the newest price of symbols, for display: one statement, however many."""

from collections.abc import Sequence

import asyncpg
from sqlalchemy import text

from chassis.hot_path import HotStatement
from services.marketdata.domain.prices import NO_PRICE, UNKNOWN_INSTRUMENT, PriceBasis, Quote

# The newer of the newest quote and the newest close; of an option the quote stands in a chain. A symbol that is both
# everybody's and the viewer's own means the viewer's own.
NEWEST = HotStatement(
    text(f"""
    WITH standing AS (SELECT max(session_date) AS newest_sealed FROM seals)
    SELECT asked.symbol, i.kind, i.currency, newest.*, (
            SELECT count(*) FROM trading_sessions AS s
            WHERE s.session_date > newest.price_date AND s.session_date <= standing.newest_sealed
        ) AS age_sessions,
        before.close AS close_before, (
            SELECT c.value FROM corporate_actions AS c
            WHERE before.price_basis = 1 AND c.instrument_id = i.instrument_id AND c.kind = 1
                AND c.ex_date > before.session_date AND c.ex_date <= newest.price_date
            ORDER BY c.ex_date, c.data_version DESC LIMIT 1
        ) AS split_ratio
    FROM unnest(CAST(:symbols AS text[])) WITH ORDINALITY AS asked (symbol, place)
    CROSS JOIN standing
    LEFT JOIN LATERAL (
        SELECT * FROM instruments AS known WHERE known.symbol = asked.symbol ORDER BY known.owner_id NULLS LAST LIMIT 1
    ) AS i ON true
    LEFT JOIN LATERAL (
        SELECT * FROM (
            (SELECT b.close AS last, NULL::double precision AS stated_previous_close, NULL::double precision AS bid,
                NULL::double precision AS ask,
                (SELECT s.close_time FROM trading_sessions AS s WHERE s.session_date = b.session_date) AS quote_time,
                b.session_date AS price_date, b.source, b.price_basis
            FROM daily_bars AS b
            WHERE b.instrument_id = i.instrument_id ORDER BY b.session_date DESC, b.data_version DESC LIMIT 1)
            UNION ALL
            (SELECT q.last, q.previous_close, q.bid, q.ask, q.quote_time,
                (q.quote_time AT TIME ZONE 'America/New_York')::date, q.source, {PriceBasis.RAW}
            FROM quotes AS q WHERE q.instrument_id = i.instrument_id
            ORDER BY q.quote_time DESC, q.data_version DESC LIMIT 1)
            UNION ALL
            (SELECT coalesce(CASE WHEN o.bid <= o.ask AND o.ask > 0 THEN (o.bid + o.ask) / 2 END, nullif(o.last, 0)),
                NULL, o.bid, o.ask, coalesce(o.quote_time, s.close_time), o.session_date, o.source, {PriceBasis.RAW}
            FROM option_quotes AS o JOIN trading_sessions AS s USING (session_date)
            WHERE i.kind = 'OPTION' AND o.instrument_id = i.instrument_id
            ORDER BY o.session_date DESC, o.data_version DESC LIMIT 1)
        ) AS seen WHERE last IS NOT NULL ORDER BY quote_time DESC LIMIT 1
    ) AS newest ON true
    LEFT JOIN LATERAL (
        SELECT * FROM daily_bars AS b
        WHERE b.instrument_id = i.instrument_id AND b.session_date = (
            SELECT max(s.session_date) FROM trading_sessions AS s WHERE s.session_date < newest.price_date)
        ORDER BY b.data_version DESC LIMIT 1
    ) AS before ON before.price_basis = newest.price_basis
    ORDER BY asked.place
    """)  # noqa: S608 - numbers of the contract
)


async def quotes(connection: asyncpg.Connection, symbols: Sequence[str]) -> list[Quote]:
    """Give the newest price of each canonical symbol, in the order asked for. On the driver itself: screens poll it."""
    return [_quote(row) for row in await NEWEST.fetch(connection, symbols=list(symbols))]


def _quote(row: asyncpg.Record) -> Quote:
    if row["last"] is None:
        reason = NO_PRICE if row["kind"] else UNKNOWN_INSTRUMENT
        return Quote(row["symbol"], row["currency"] or "", reason=reason)
    return Quote(
        symbol=row["symbol"],
        currency=row["currency"],
        last=row["last"],
        previous_close=_previous_close(row),
        bid=row["bid"],
        ask=row["ask"],
        quote_time=row["quote_time"],
        source=row["source"],
        age_sessions=row["age_sessions"],
        price_basis=PriceBasis(row["price_basis"]),
    )


def _previous_close(row: asyncpg.Record) -> float | None:
    """Give what the source says, else our own close of the session before, in the shares of today."""
    if row["stated_previous_close"] is not None or row["close_before"] is None:
        stated: float | None = row["stated_previous_close"]
        return stated
    return float(row["close_before"] / (row["split_ratio"] or 1.0))
