"""A small market that the stubs of all vendors serve, each in its own format."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.marketdata.domain.sessions import Session

SESSIONS = [date(2022, 12, day) for day in (19, 20, 21, 22, 23, 27, 28)]
FIRST, LAST = SESSIONS[0], SESSIONS[-1]
LONG_AGO = (date(1970, 1, 1), date(1970, 12, 31))
"""Nobody has anything of that year."""
SPLIT_DAY = date(2022, 12, 22)
NOW = datetime(2023, 1, 10, 15, 0, tzinfo=UTC)


@dataclass(frozen=True)
class DayBar:
    day: date
    open: float
    high: float
    low: float
    close: float
    volume: int


def _bars(closes: list[float]) -> list[DayBar]:
    return [
        DayBar(day, close - 0.5, close + 1.25, close - 1.25, close, 1_000_000 + day.day)
        for day, close in zip(SESSIONS, closes, strict=True)
    ]


BARS = {
    "AAPL": _bars([132.37, 132.3, 135.45, 132.23, 131.86, 130.03, 126.04]),
    "KO": _bars([62.9, 63.1, 63.58, 63.48, 63.82, 64.21, 63.57]),
    "BRK.B": _bars([301.0, 302.5, 305.25, 302.75, 306.5, 305.5, 303.43]),
}
SPLITS = {"AAPL": [(date(2020, 8, 31), 1, 4)], "KO": [(SPLIT_DAY, 1, 10)]}
"""Day, old shares, new shares."""
DIVIDENDS = {"AAPL": [(date(2022, 11, 4), 0.23), (date(2022, 12, 21), 0.25)], "KO": [(date(2022, 11, 30), 0.44)]}
YIELDS = {
    "DGS3MO": {date(2022, 12, 27): "4.46", date(2022, 12, 28): "4.46"},
    "DGS2": {date(2022, 12, 26): ".", date(2022, 12, 27): "4.32", date(2022, 12, 28): "4.31"},
    "DGS10": {date(2022, 12, 26): ".", date(2022, 12, 27): "3.84", date(2022, 12, 28): "3.88"},
    "DGS30": {date(2022, 12, 27): "3.93", date(2022, 12, 28): "3.98"},
    "DEXUSEU": {date(2022, 12, 26): ".", date(2022, 12, 27): "1.0650", date(2022, 12, 28): "1.0625"},
    "DEXJPUS": {date(2022, 12, 27): "133.4000", date(2022, 12, 28): "134.0000"},
}
EURUSD = {date(2022, 12, 27): 1.0650, date(2022, 12, 28): 1.0625}


class Weekdays:
    """A calendar of weekdays without the day after Christmas 2022."""

    version = "1"

    async def sessions(self, first: date, last: date) -> list[Session]:
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        open_days = (day for day in days if day.weekday() < 5 and day != date(2022, 12, 26))
        return [Session(day, datetime.combine(day, time(21), UTC)) for day in open_days]
