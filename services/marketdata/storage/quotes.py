"""Quotes and option quotes: what they are compared with, which underlyings matter, and rows to be stored."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketdata.domain.observations import ObservedOption, ObservedQuote
from services.marketdata.storage.append_only import Rows

NEWEST_CLOSES = text("""
    SELECT asked.instrument_id, newest.session_date, newest.close
    FROM unnest(CAST(:ids AS integer[])) AS asked (instrument_id)
    CROSS JOIN LATERAL (
        SELECT session_date, close FROM daily_bars AS b WHERE b.instrument_id = asked.instrument_id
        ORDER BY session_date DESC, data_version DESC LIMIT 1
    ) AS newest
    """)
UNDERLYINGS = text("""
    SELECT DISTINCT underlying_instrument_id FROM instruments
    WHERE underlying_instrument_id = ANY(CAST(:ids AS integer[])) AND expiry_date >= :day
    """)


@dataclass(frozen=True, slots=True)
class NewestClose:
    """The last close of an instrument."""

    session_date: date
    close: float


async def newest_closes(connection: AsyncConnection, instrument_ids: Collection[int]) -> Mapping[int, NewestClose]:
    """Give the last close of each instrument that has any."""
    rows = await connection.execute(NEWEST_CLOSES, {"ids": list(instrument_ids)})
    return {row.instrument_id: NewestClose(row.session_date, row.close) for row in rows}


async def underlyings(connection: AsyncConnection, instrument_ids: Collection[int], day: date) -> set[int]:
    """Give those of the instruments on which an option is known that lives on a day."""
    return set((await connection.execute(UNDERLYINGS, {"ids": list(instrument_ids), "day": day})).scalars())


def quote_rows(quotes: Iterable[tuple[int, ObservedQuote, str]]) -> Rows:
    """Give quotes of instruments and who says so as columns of `append_only.QUOTES`."""
    told = list(quotes)
    values = ("quote_time", "last", "previous_close", "bid", "ask")
    return {
        "instrument_id": [instrument_id for instrument_id, _, _ in told],
        **{name: [getattr(quote, name) for _, quote, _ in told] for name in values},
        "source": [source for _, _, source in told],
    }


def option_rows(options: Iterable[tuple[int, date, ObservedOption, str]]) -> Rows:
    """Give option quotes of contracts at sessions, and who says so, as columns of `append_only.OPTION_QUOTES`."""
    told = list(options)
    values = ("bid", "ask", "last", "implied_volatility", "open_interest", "quote_time")
    return {
        "instrument_id": [instrument_id for instrument_id, _, _, _ in told],
        "session_date": [day for _, day, _, _ in told],
        **{name: [getattr(option, name) for _, _, option, _ in told] for name in values},
        "source": [source for _, _, _, source in told],
    }
