"""A clock that stands still until somebody waits."""

from datetime import UTC, datetime, timedelta

NOW = datetime(2023, 1, 10, 15, 0, tzinfo=UTC)


class FakeClock:
    """Waiting moves it, at once."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000.0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
