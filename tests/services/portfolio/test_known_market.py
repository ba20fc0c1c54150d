"""What the portfolio service asks marketdata for, and what it knows already."""

import dataclasses
import datetime
from collections.abc import Sequence

from services.portfolio.application.known_market import INSTRUMENT_SECONDS, KnownMarket
from services.portfolio.domain.market import Instrument, Mark, Session
from services.portfolio.domain.splits import Split

DAY = datetime.date(2022, 12, 28)
SESSION = Session(DAY, datetime.datetime(2022, 12, 28, 21, tzinfo=datetime.UTC), data_version=7, newest_sealed_date=DAY)


class Asked:
    """Marketdata, and the ids that it was asked for; it knows every instrument but 404."""

    def __init__(self) -> None:
        self.marked: list[list[int]] = []
        self.looked_up: list[list[int]] = []
        self.split: list[list[int]] = []

    async def marks(self, instrument_ids: Sequence[int], session: Session) -> dict[int, Mark]:
        self.marked.append(list(instrument_ids))
        return {i: Mark(i, 1.0 * session.data_version, DAY, 0, "RAW", "close", "USD", "") for i in instrument_ids}

    async def splits(self, instrument_ids: Sequence[int], data_version: int) -> dict[int, list[Split]]:
        self.split.append(list(instrument_ids))
        return {i: [Split(DAY, 10.0, priced_in=False)] for i in instrument_ids if i == 1}

    async def instruments(self, instrument_ids: Sequence[int]) -> dict[int, Instrument]:
        self.looked_up.append(list(instrument_ids))
        return {i: Instrument(i, f"S{i}", "STOCK", "", "", "USD", 1, None) for i in instrument_ids if i != 404}


async def test_a_mark_is_asked_for_once_a_session_and_version():
    asked = Asked()
    market = KnownMarket(asked)
    first, _ = await market.look_up("alice", [1, 2], SESSION)
    again, instruments = await market.look_up("alice", [2, 3], SESSION)
    assert asked.marked == [[1, 2], [3]]
    assert (list(first), sorted(again), sorted(instruments)) == ([1, 2], [2, 3], [2, 3])
    later, _ = await market.look_up("alice", [2], dataclasses.replace(SESSION, data_version=8))
    assert (again[2].price, later[2].price) == (7, 8)
    await market.look_up("alice", [2], dataclasses.replace(SESSION, as_of_date=datetime.date(2022, 12, 27)))
    assert asked.marked[2:] == [[2], [2]]


async def test_splits_are_asked_for_once_a_version_and_the_newest_each_time():
    asked = Asked()
    market = KnownMarket(asked)
    for ids in ([1, 2], [2, 1, 3]):
        assert list(await market.splits(ids, 7)) == [1]
    assert asked.split == [[1, 2], [3]]
    assert list(await market.splits([1], 8)) == [1]
    assert [list(await market.splits(ids, 0)) for ids in ([1], [1], [])] == [[1], [1], []]
    assert asked.split[2:] == [[1], [1], [1]]


async def test_what_one_owner_was_told_is_not_told_another():
    asked = Asked()
    market = KnownMarket(asked)
    await market.look_up("alice", [1], SESSION)
    await market.look_up("mallory", [1], SESSION)
    assert (asked.marked, asked.looked_up) == ([[1], [1]], [[1], [1]])


async def test_instruments_are_asked_for_again_after_a_minute_and_the_unknown_each_time():
    asked, now = Asked(), 0.0
    market = KnownMarket(asked, lambda: now)
    for _ in range(2):
        _, found = await market.look_up("alice", [1, 404], SESSION)
        assert list(found) == [1]
    now = INSTRUMENT_SECONDS + 1
    await market.look_up("alice", [1], SESSION)
    assert asked.looked_up == [[1, 404], [404], [1]]
    assert asked.marked == [[1, 404]]


async def test_nothing_is_asked_of_nothing():
    asked = Asked()
    assert await KnownMarket(asked).look_up("alice", [], SESSION) == ({}, {})
    assert (asked.marked, asked.looked_up) == ([], [])
