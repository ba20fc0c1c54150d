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


# What an option's underlying was worth is looked up once, however many options it has.
PRICED = text(f"""
    WITH asked AS MATERIALIZED (
        SELECT asked.instrument_id, place, kind, currency, underlying_instrument_id, expiry_date, option_right, strike,
            exercise_style, least(:day, expiry_date) AS last_day
        FROM unnest(CAST(:ids AS integer[])) WITH ORDINALITY AS asked (instrument_id, place)
        LEFT JOIN instruments AS i USING (instrument_id)
    ), spots AS MATERIALIZED (
        SELECT u.instrument_id, u.symbol, told.last_day, seen.* FROM (
            SELECT DISTINCT underlying_instrument_id, last_day FROM asked WHERE underlying_instrument_id IS NOT NULL
        ) AS told
        JOIN instruments AS u ON u.instrument_id = told.underlying_instrument_id
        LEFT JOIN LATERAL ({_newest_price("u.instrument_id", "told.last_day")}) AS seen ON true
    )
    SELECT i.instrument_id, i.kind, i.currency, i.underlying_instrument_id, spot.symbol AS underlying_symbol,
        i.expiry_date, i.option_right, i.strike, i.exercise_style,
        own.price, own.price_date, own.age_sessions, own.price_basis, own.source, own.data_version, own.split_ratios,
        spot.price AS spot_price, spot.price_date AS spot_price_date, spot.age_sessions AS spot_age_sessions,
        spot.price_basis AS spot_price_basis, spot.source AS spot_source, spot.data_version AS spot_data_version,
        spot.split_ratios AS spot_split_ratios,
        EXISTS (SELECT FROM trading_sessions AS s WHERE s.session_date = :day) AS is_session,
        coalesce((SELECT max(version) FROM data_versions), 0) AS newest_version
    FROM asked AS i
    LEFT JOIN spots AS spot ON spot.instrument_id = i.underlying_instrument_id AND spot.last_day = i.last_day
    LEFT JOIN LATERAL ({_newest_price("i.instrument_id", ":day")}) AS own ON true
    ORDER BY i.place
    """)  # noqa: S608 - put together from the texts in this file
# A contract's own newest quote; and for those whose own states no volatility, all that is quoted on their underlyings.
# Which of it is next to a contract is not looked for here: by statement that takes seconds for some thousand options.
OPTION_QUOTES = text("""
    WITH asked AS MATERIALIZED (
        SELECT o.instrument_id, o.underlying_instrument_id, own.implied_volatility
        FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
        JOIN instruments AS o USING (instrument_id)
        LEFT JOIN LATERAL (
            SELECT implied_volatility FROM option_quotes AS q
            WHERE q.instrument_id = o.instrument_id AND q.session_date BETWEEN :first AND :day
                AND q.data_version <= :version
            ORDER BY q.session_date DESC, q.data_version DESC LIMIT 1
        ) AS own ON true
    ), told AS (
        SELECT instrument_id FROM asked
        UNION
        SELECT near.instrument_id FROM instruments AS near
        WHERE near.expiry_date > :day AND near.underlying_instrument_id IN (
            SELECT underlying_instrument_id FROM asked WHERE implied_volatility IS NULL)
    )
    SELECT newest.*, c.underlying_instrument_id, u.symbol AS underlying_symbol, c.expiry_date, c.option_right, c.strike,
        c.exercise_style
    FROM told
    JOIN instruments AS c USING (instrument_id)
    JOIN instruments AS u ON u.instrument_id = c.underlying_instrument_id
    CROSS JOIN LATERAL (
        SELECT q.instrument_id, session_date, bid, ask, last, implied_volatility, data_version FROM option_quotes AS q
        WHERE q.instrument_id = told.instrument_id AND q.session_date BETWEEN :first AND :day
            AND q.data_version <= :version
        ORDER BY q.session_date DESC, q.data_version DESC LIMIT 1
    ) AS newest
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
) -> dict[int, OptionQuote]:
    """Give the newest quotes between two days, by contract: of options, and of all that is quoted on their underlyings.

    The second of the underlyings of those options alone whose own quote states no volatility.
    """
    parameters = {"ids": list(instrument_ids), "first": first, "day": day, "version": version}
    return {row.instrument_id: _option_quote(row) for row in await connection.execute(OPTION_QUOTES, parameters)}


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
