"""Reading what marks are made of: the newest price of each instrument, and the quotes of options.

Everywhere the newest version of a row wins, up to the version that is read at. Each read is one statement, however many
instruments.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.marks import MarkSource
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.sightings import OptionQuote, Priced, Sighting
from services.marketdata.storage.instruments import contract_of


def _newest_price(instrument_id: str, day: str) -> str:
    """Give the subquery for the newest close of an instrument on or before a day, or its newest quote if it has none.

    The ratios are those of the splits since a raw close, by which it has to be divided.
    """
    # A quote was made on a day of New York, and belongs to the session on or before that day.
    return f"""
        SELECT seen.*, (
            SELECT count(*) FROM trading_sessions AS s
            WHERE s.session_date > seen.price_date AND s.session_date <= {day}
        ) AS age_sessions,
        CASE WHEN seen.price_basis = {PriceBasis.RAW} AND seen.price_date < {day} THEN ARRAY(
            SELECT value FROM (
                SELECT DISTINCT ON (ex_date) value FROM corporate_actions AS c
                WHERE c.instrument_id = {instrument_id} AND c.kind = 1 AND c.data_version <= :version
                    AND c.ex_date > seen.price_date AND c.ex_date <= {day}
                ORDER BY ex_date, data_version DESC
            ) AS splits WHERE value IS NOT NULL) END AS split_ratios
        FROM (
            (SELECT {MarkSource.CLOSE} AS source, close AS price, session_date AS price_date, price_basis, data_version
            FROM daily_bars AS b
            WHERE b.instrument_id = {instrument_id} AND b.session_date <= {day} AND b.data_version <= :version
            ORDER BY b.session_date DESC, b.data_version DESC LIMIT 1)
            UNION ALL
            (SELECT {MarkSource.QUOTE}, last, (
                SELECT max(session_date) FROM trading_sessions
                WHERE session_date <= (q.quote_time AT TIME ZONE 'America/New_York')::date
            ), {PriceBasis.RAW}, data_version
            FROM quotes AS q
            WHERE q.instrument_id = {instrument_id} AND q.data_version <= :version
                AND (q.quote_time AT TIME ZONE 'America/New_York')::date <= {day}
            ORDER BY q.quote_time DESC, q.data_version DESC LIMIT 1)
            ORDER BY source LIMIT 1
        ) AS seen"""  # noqa: S608 - put together from the texts in this file


PRICED = text(f"""
    SELECT asked.instrument_id, i.kind, i.currency, i.underlying_instrument_id, u.symbol AS underlying_symbol,
        i.expiry_date, i.option_right, i.strike, i.exercise_style,
        own.price, own.price_date, own.age_sessions, own.price_basis, own.source, own.data_version, own.split_ratios,
        spot.price AS spot_price, spot.price_date AS spot_price_date, spot.age_sessions AS spot_age_sessions,
        spot.price_basis AS spot_price_basis, spot.source AS spot_source, spot.data_version AS spot_data_version,
        spot.split_ratios AS spot_split_ratios,
        EXISTS (SELECT FROM trading_sessions AS s WHERE s.session_date = :day) AS is_session,
        coalesce((SELECT max(version) FROM data_versions), 0) AS newest_version
    FROM unnest(CAST(:ids AS integer[])) WITH ORDINALITY AS asked (instrument_id, place)
    LEFT JOIN instruments AS i USING (instrument_id)
    LEFT JOIN instruments AS u ON u.instrument_id = i.underlying_instrument_id
    LEFT JOIN LATERAL ({_newest_price("i.instrument_id", ":day")}) AS own ON true
    LEFT JOIN LATERAL ({_newest_price("u.instrument_id", "least(:day, i.expiry_date)")}) AS spot ON true
    ORDER BY asked.place
    """)  # noqa: S608 - put together from the texts in this file
# A contract's own newest quote; and where that states no volatility, the contract that is quoted next to it.
OPTION_QUOTES = text("""
    SELECT asked.instrument_id AS asked_id, quoted.*, c.underlying_instrument_id, u.symbol AS underlying_symbol,
        c.expiry_date, c.option_right, c.strike, c.exercise_style
    FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
    JOIN instruments AS o USING (instrument_id)
    JOIN instruments AS u ON u.instrument_id = o.underlying_instrument_id
    LEFT JOIN LATERAL (
        SELECT * FROM option_quotes AS q
        WHERE q.instrument_id = o.instrument_id AND q.session_date BETWEEN :first AND :day
            AND q.data_version <= :version
        ORDER BY q.session_date DESC, q.data_version DESC LIMIT 1
    ) AS own ON true
    LEFT JOIN LATERAL (
        SELECT newest.* FROM instruments AS near CROSS JOIN LATERAL (
            SELECT * FROM option_quotes AS q
            WHERE q.instrument_id = near.instrument_id AND q.session_date BETWEEN :first AND :day
                AND q.data_version <= :version
            ORDER BY q.session_date DESC, q.data_version DESC LIMIT 1
        ) AS newest
        WHERE own.implied_volatility IS NULL AND near.underlying_instrument_id = o.underlying_instrument_id
            AND near.instrument_id <> o.instrument_id AND near.expiry_date > :day
            AND (newest.implied_volatility IS NOT NULL OR newest.ask >= newest.bid AND newest.ask > 0)
        ORDER BY abs(near.expiry_date - o.expiry_date), abs(ln(near.strike / o.strike)),
            near.option_right <> o.option_right, near.instrument_id
        LIMIT 1
    ) AS beside ON true
    CROSS JOIN LATERAL (VALUES
        (own.instrument_id, own.session_date, own.bid, own.ask, own.last, own.implied_volatility, own.data_version),
        (beside.instrument_id, beside.session_date, beside.bid, beside.ask, beside.last, beside.implied_volatility,
            beside.data_version)
    ) AS quoted (instrument_id, session_date, bid, ask, last, implied_volatility, data_version)
    JOIN instruments AS c ON c.instrument_id = quoted.instrument_id
    """)


@dataclass(frozen=True, slots=True)
class Pinned:
    """What was seen of instruments, and whether there is such a session and such a version."""

    priced: list[Priced]
    is_session: bool
    newest_version: int


async def priced(connection: AsyncConnection, instrument_ids: Sequence[int], day: date, version: int) -> Pinned:
    """Give what was seen of each instrument on or before a session, in the order asked for.

    Args:
        connection: a transaction.
        instrument_ids: at least one.
        day: the session.
        version: to read at.
    """
    parameters = {"ids": list(instrument_ids), "day": day, "version": version}
    rows = (await connection.execute(PRICED, parameters)).all()
    return Pinned([_priced(row) for row in rows], rows[0].is_session, rows[0].newest_version)


async def option_quotes(
    connection: AsyncConnection, instrument_ids: Sequence[int], first: date, day: date, version: int
) -> tuple[dict[int, OptionQuote], dict[int, OptionQuote]]:
    """Give the newest quotes between two days, by option: its own, and that of the contract next to it.

    The second is given only where the first states no volatility.
    """
    parameters = {"ids": list(instrument_ids), "first": first, "day": day, "version": version}
    own: dict[int, OptionQuote] = {}
    beside: dict[int, OptionQuote] = {}
    for row in await connection.execute(OPTION_QUOTES, parameters):
        (own if row.instrument_id == row.asked_id else beside)[row.asked_id] = _option_quote(row)
    return own, beside


def _priced(row: Row[Any]) -> Priced:
    return Priced(
        instrument_id=row.instrument_id,
        currency=row.currency or "",
        exists=row.kind is not None,
        contract=contract_of(row) if row.expiry_date else None,
        own=_sighting(row, ""),
        underlying=_sighting(row, "spot_"),
    )


def _sighting(row: Row[Any], prefix: str) -> Sighting | None:
    """Read the columns of a newest price, whose names begin with a prefix."""
    found = row._mapping
    if found[f"{prefix}price"] is None:
        return None
    ratio = math.prod(found[f"{prefix}split_ratios"] or ())
    basis = PriceBasis(found[f"{prefix}price_basis"])
    return Sighting(
        price=found[f"{prefix}price"] / ratio,
        price_date=found[f"{prefix}price_date"],
        age_sessions=found[f"{prefix}age_sessions"],
        price_basis=basis if ratio == 1 else PriceBasis.SPLIT_ADJUSTED,
        source=MarkSource(found[f"{prefix}source"]),
        data_version=found[f"{prefix}data_version"],
    )


def _option_quote(row: Row[Any]) -> OptionQuote:
    return OptionQuote(
        contract_of(row), row.session_date, row.bid, row.ask, row.last, row.implied_volatility, row.data_version
    )
