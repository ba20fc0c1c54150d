"""Market data written row by row, for tests of what is read: they say what is known and since which version."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text

from chassis.database import Database
from services.marketdata.domain.prices import PriceBasis

RAW, ADJUSTED = PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED
CLOSED = {date(2022, 11, 24), date(2022, 12, 26), date(2023, 1, 2)}


def sessions_until(last: date, count: int) -> list[date]:
    """Give sessions up to a day, oldest first: weekdays, less a few holidays."""
    every = (last - timedelta(days=number) for number in range(2 * count + 30))
    found = [day for day in every if day.weekday() < 5 and day not in CLOSED]
    return found[:count][::-1]


def december(day: int) -> date:
    return date(2022, 12, day)


def at_close(day: date) -> datetime:
    return datetime.combine(day, time(21), UTC)


class Recorded:
    """A market that a test writes down. Rows stand under the version that `version` was called for last."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.version_now = 0
        self.ids: dict[str, int] = {}

    async def calendar(self, last: date = date(2022, 12, 30), count: int = 300) -> list[date]:
        days = sessions_until(last, count)
        rows = [{"day": day, "close": at_close(day)} for day in days]
        await self.insert("trading_sessions (session_date, close_time) VALUES (:day, :close)", rows)
        return days

    async def version(self) -> int:
        """Begin the next version; what is written from here on stands under it."""
        self.version_now += 1
        rows = [{"version": self.version_now}]
        await self.insert(
            "data_versions (version, provider, row_count, first_session_date, last_session_date, committed_time) "
            "VALUES (:version, 'test', 1, '2020-01-02', '2022-12-30', clock_timestamp())",
            rows,
        )
        return self.version_now

    async def seal(self, day: date) -> None:
        await self.insert(
            "seals (session_date, data_version) VALUES (:day, :version)", [{"day": day, "version": self.version_now}]
        )

    async def instrument(
        self, symbol: str, kind: str = "STOCK", currency: str = "USD", owner: str | None = None
    ) -> int:
        row = {"symbol": symbol, "kind": kind, "name": f"{symbol} Inc.", "currency": currency, "owner": owner}
        self.ids[symbol] = await self.returning(
            "INSERT INTO instruments (symbol, kind, name, exchange, currency, sector, industry, multiplier, owner_id) "
            "VALUES (:symbol, :kind, :name, 'XNYS', :currency, 'Energy', '', 1, CAST(:owner AS uuid)) "
            "RETURNING instrument_id",
            row,
            owner or "",
        )
        return self.ids[symbol]

    async def option(self, symbol: str, underlying: str, expiry: date, right: str, strike: float, style: str) -> int:
        row = {"symbol": symbol, "underlying": self.ids[underlying], "expiry": expiry, "right": right}
        self.ids[symbol] = await self.returning(
            "INSERT INTO instruments (symbol, kind, name, exchange, currency, sector, industry, multiplier, "
            "underlying_instrument_id, expiry_date, option_right, strike, exercise_style) VALUES "
            "(:symbol, 'OPTION', :symbol, '', 'USD', '', '', 100, :underlying, :expiry, :right, :strike, :style) "
            "RETURNING instrument_id",
            row | {"strike": strike, "style": style},
        )
        return self.ids[symbol]

    async def closes(
        self, symbol: str, closes: dict[date, float], basis: PriceBasis = RAW, owner: str | None = None
    ) -> None:
        rows = [
            {"id": self.ids[symbol], "day": day, "close": close, "version": self.version_now, "basis": int(basis)}
            | {"owner": owner}
            for day, close in closes.items()
        ]
        await self.insert(
            "daily_bars (instrument_id, session_date, data_version, close, price_basis, source, owner_id) "
            "VALUES (:id, :day, :version, :close, :basis, 'test', CAST(:owner AS uuid))",
            rows,
            owner or "",
        )

    async def split(self, symbol: str, day: date, ratio: float | None) -> None:
        await self._action(symbol, day, 1, ratio)

    async def dividend(self, symbol: str, day: date, cash: float | None) -> None:
        await self._action(symbol, day, 2, cash)

    async def _action(self, symbol: str, day: date, kind: int, value: float | None) -> None:
        row = {"id": self.ids[symbol], "day": day, "kind": kind, "version": self.version_now, "value": value}
        await self.insert(
            "corporate_actions (instrument_id, ex_date, kind, data_version, value, source) "
            "VALUES (:id, :day, :kind, :version, :value, 'test')",
            [row],
        )

    async def asked_for_actions(self, *symbols: str) -> None:
        """Record that a source answered what happened to instruments, at the moment of the newest version."""
        rows = [{"id": self.ids[symbol]} for symbol in symbols]
        await self.insert(
            "history_checks (instrument_id, kind, sources, first_date, last_date, first_checked_at) SELECT "
            ":id, 'corporate_actions', 'test', '2020-01-02', '2022-12-30', committed_time FROM data_versions "
            "ORDER BY version DESC LIMIT 1",
            rows,
        )

    async def quote(self, symbol: str, when: datetime, last: float, **stated: float) -> None:
        row = {"previous": None, "bid": None, "ask": None} | stated
        row |= {"id": self.ids[symbol], "when": when, "last": last, "version": self.version_now}
        await self.insert(
            "quotes (instrument_id, quote_time, data_version, last, previous_close, bid, ask, source) "
            "VALUES (:id, :when, :version, :last, :previous, :bid, :ask, 'test')",
            [row],
        )

    async def option_quote(self, symbol: str, day: date, **stated: float) -> None:
        row = {"bid": None, "ask": None, "last": None, "iv": None} | stated
        await self.insert(
            "option_quotes (instrument_id, session_date, data_version, bid, ask, last, implied_volatility, source) "
            "VALUES (:id, :day, :version, :bid, :ask, :last, :iv, 'test')",
            [row | {"id": self.ids[symbol], "day": day, "version": self.version_now}],
        )

    async def yields(self, day: date, **by_tenor: float) -> None:
        rows = [
            {"day": day, "tenor": tenor.removeprefix("y"), "value": value, "version": self.version_now}
            for tenor, value in by_tenor.items()
        ]
        await self.insert(
            "yields (curve_date, tenor, data_version, par_yield, source) VALUES "
            "(:day, :tenor, :version, :value, 'test')",
            rows,
        )

    async def fx(self, base: str, quote: str, day: date, rate: float) -> None:
        row = {"base": base, "quote": quote, "day": day, "rate": rate, "version": self.version_now}
        await self.insert(
            "fx_rates (base_currency, quote_currency, rate_date, data_version, rate, source) VALUES "
            "(:base, :quote, :day, :version, :rate, 'test')",
            [row],
        )

    async def insert(self, rest: str, rows: list[dict], user: str = "") -> None:
        async with self.database.transaction(user) as connection:
            await connection.execute(text(f"INSERT INTO {rest}"), rows)

    async def returning(self, statement: str, row: dict, user: str = "") -> int:
        async with self.database.transaction(user) as connection:
            return int(await connection.scalar(text(statement), row))
