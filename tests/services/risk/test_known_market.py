"""A slice of the market that is pinned is asked for once within a minute, also by several at once."""

import asyncio

import numpy as np
import pytest

from services.risk.application.known_market import LIFE_SECONDS, KnownMarket
from services.risk.domain.market import MarketSlice
from tests.services.risk.books import SESSION
from tests.services.risk.histories import history


class Counted:
    """A market that counts how often it is asked, and may be closed."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = True

    async def history(self, instrument_ids, session, sessions):
        self.asked.append("history")
        await asyncio.sleep(0)
        if not self.open:
            raise ConnectionError("closed")
        return history(np.zeros((sessions - 1, len(instrument_ids))), instrument_ids)

    async def marks(self, instrument_ids, session, foreign=None):
        self.asked.append("marks")
        return MarketSlice(session, {})


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def market():
    return Counted()


@pytest.fixture
def known(market, clock):
    return KnownMarket(market, lambda: clock[0])


async def test_a_slice_is_asked_for_once(known, market):
    first, second = await asyncio.gather(*(known.history([1, 2], SESSION, 10) for _ in range(2)))
    third = await known.history([1, 2], SESSION, 10)
    assert first is second is third
    assert market.asked == ["history"]


async def test_another_slice_is_asked_for(known, market):
    await known.history([1, 2], SESSION, 10)
    await known.history([1], SESSION, 10)
    await known.history([1], SESSION, 11)
    assert market.asked == ["history"] * 3


async def test_no_mark_at_all_is_known_too(known, market):
    assert await known.marks([1], SESSION) is await known.marks([1], SESSION)
    assert market.asked == ["marks"]


async def test_after_a_minute_it_is_asked_for_again(known, market, clock):
    await known.history([1], SESSION, 10)
    clock[0] = LIFE_SECONDS + 1
    await known.history([1], SESSION, 10)
    assert market.asked == ["history"] * 2


async def test_what_failed_is_not_kept(known, market):
    market.open = False
    with pytest.raises(ConnectionError):
        await known.history([1], SESSION, 10)
    market.open = True
    assert (await known.history([1], SESSION, 10)).closes.shape == (10, 1)
