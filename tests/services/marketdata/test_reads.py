"""Histories and blocks of closes, raw and adjusted, as the database gives them at a version."""

import numpy as np
import pytest

from chassis.cache import Cache
from chassis.errors import InvalidFields
from services.marketdata.application.history import History, HistoryRequest, history
from services.marketdata.application.matrix import Matrices, MatrixRequest
from services.marketdata.domain.matrix import PriceMatrix
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.storage import prices
from tests.services.marketdata.recorded import ADJUSTED, RAW, Recorded, december

SPLIT_ADJUSTED, UNSPECIFIED = PriceBasis.SPLIT_ADJUSTED, PriceBasis.UNSPECIFIED
OWNER, OTHER = "9f4b0c3e-0000-4000-8000-000000000001", "9f4b0c3e-0000-4000-8000-000000000002"


async def read(market: Recorded, symbol: str = "A", basis: PriceBasis = UNSPECIFIED, **of) -> History:
    terms = {"first": None, "last": None, "version": 0, "limit": 100} | of
    return await history(market.database, "", HistoryRequest(symbol, basis=basis, **terms))


def closes(found: History) -> list[float]:
    return [bar.close for bar in found.bars]


# --- one history ---


async def test_a_split_history_is_read_raw_and_adjusted(split: Recorded):
    raw = await read(split)
    assert (raw.price_basis, closes(raw)) == (RAW, [1000.0, 1010.0, 102.0, 103.0, 101.0, 102.0])
    by_splits = await read(split, basis=SPLIT_ADJUSTED)
    assert closes(by_splits) == pytest.approx([100.0, 101.0, 102.0, 103.0, 101.0, 102.0])
    total = closes(await read(split, basis=ADJUSTED))
    assert total[4:] == [101.0, 102.0]
    returns = np.diff(total) / total[:-1]
    assert returns == pytest.approx([0.01, 1 / 101, 1 / 102, (101 + 1 - 103) / 103, 1 / 101])


async def test_a_range_is_adjusted_like_the_whole(split: Recorded):
    whole = await read(split, basis=ADJUSTED)
    part = await read(split, basis=ADJUSTED, first=december(21), last=december(22))
    assert part.bars == whole.bars[1:3]
    assert (await read(split, basis=ADJUSTED, first=december(21), limit=2)).bars == whole.bars[1:3]


async def test_a_correction_of_an_action_changes_todays_history_and_not_the_earlier_one(split: Recorded):
    before = await read(split, basis=SPLIT_ADJUSTED)
    await split.version()
    await split.split("A", december(22), 5.0)
    assert closes(await read(split, basis=SPLIT_ADJUSTED))[:2] == pytest.approx([200.0, 202.0])
    assert (await read(split, basis=SPLIT_ADJUSTED, version=1)).bars == before.bars
    await split.version()
    await split.split("A", december(22), None)
    assert closes(await read(split, basis=SPLIT_ADJUSTED))[:2] == [1000.0, 1010.0]


async def test_a_correction_of_a_close_is_read_at_its_version(split: Recorded):
    await split.version()
    await split.closes("A", {december(28): 103.0})
    assert closes(await read(split))[-1] == 103.0
    assert closes(await read(split, version=1))[-1] == 102.0
    with pytest.raises(InvalidFields, match=r"known_at_version: '3'.*newest is 2"):
        await read(split, version=3)


async def test_open_high_low_and_volume_are_adjusted_too(market: Recorded):
    (row,) = [{"id": await market.instrument("A"), "day": december(20)}]
    await market.insert(
        "daily_bars (instrument_id, session_date, data_version, open, high, low, close, volume, price_basis, source) "
        "VALUES (:id, :day, 1, 90, 110, 80, 100, 500, 1, 'test')",
        [row],
    )
    await market.closes("A", {december(21): 10.0})
    await market.split("A", december(21), 10.0)
    await market.asked_for_actions("A")
    await market.seal(december(21))
    bar, _ = (await read(market, basis=SPLIT_ADJUSTED)).bars
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == pytest.approx((9.0, 11.0, 8.0, 10.0, 5000.0))


async def test_a_history_that_cannot_be_adjusted_says_why(market: Recorded):
    for symbol, basis in (("RAW", RAW), ("TOTAL", ADJUSTED), ("NONE", None)):
        await market.instrument(symbol)
        if basis:
            await market.closes(symbol, {december(20): 1.0}, basis)
    await market.seal(december(20))
    reasons = {
        (symbol, basis): (await read(market, symbol, basis)).reason
        for symbol in ("RAW", "TOTAL", "NONE")
        for basis in (UNSPECIFIED, RAW, ADJUSTED, SPLIT_ADJUSTED)
    }
    assert {key: reason for key, reason in reasons.items() if reason} == {
        ("RAW", ADJUSTED): "corporate_actions_unknown",
        ("RAW", SPLIT_ADJUSTED): "corporate_actions_unknown",
        ("TOTAL", RAW): "raw_prices_unavailable",
        ("TOTAL", SPLIT_ADJUSTED): "raw_prices_unavailable",
    } | {("NONE", basis): "no_price" for basis in (UNSPECIFIED, RAW, ADJUSTED, SPLIT_ADJUSTED)}
    assert (await read(market, "TOTAL")).price_basis is ADJUSTED


async def test_a_check_counts_from_the_version_that_was_newest_then(market: Recorded):
    await market.instrument("A")
    await market.closes("A", {december(20): 1.0})
    await market.seal(december(20))
    await market.version()
    await market.asked_for_actions("A")
    assert (await read(market, basis=ADJUSTED, version=1)).reason == "corporate_actions_unknown"
    assert (await read(market, basis=ADJUSTED, version=2)).reason == ""


async def test_what_one_was_told_is_adjusted_by_though_there_may_be_more(market: Recorded):
    await market.instrument("A")
    await market.closes("A", {december(20): 10.0, december(21): 5.0})
    await market.seal(december(21))
    await market.version()
    await market.split("A", december(21), 2.0)
    assert closes(await read(market, basis=SPLIT_ADJUSTED)) == [5.0, 5.0]
    assert (await read(market, basis=SPLIT_ADJUSTED, version=1)).reason == "corporate_actions_unknown"
    total, _ = await block(market, "A", day=december(21), sessions=2)
    assert (total.closes[:, 0].tolist(), total.price_bases.tolist()) == ([5.0, 5.0], [ADJUSTED])
    async with market.database.transaction() as connection:
        assert not (await prices.corporate_actions(connection, market.ids["A"], 2)).complete


async def test_corporate_actions_are_listed_as_known(split: Recorded):
    await split.version()
    await split.dividend("A", december(27), None)
    async with split.database.transaction() as connection:
        now = await prices.corporate_actions(connection, split.ids["A"], 2)
        before = await prices.corporate_actions(connection, split.ids["A"], 1)
    assert [(one.ex_date, one.kind.name, one.value) for one in now.actions] == [(december(22), "SPLIT", 10.0)]
    assert [one.kind.name for one in before.actions] == ["SPLIT", "DIVIDEND"]
    assert now.complete


# --- a block of closes ---


class Rendered:
    """Keeps what was rendered, and counts how often."""

    def __init__(self) -> None:
        self.blocks: list[tuple[PriceMatrix, int]] = []

    def __call__(self, matrix: PriceMatrix, data_version: int) -> bytes:
        self.blocks.append((matrix, data_version))
        return str(len(self.blocks)).encode()


async def block(market: Recorded, *symbols: str, basis: PriceBasis = ADJUSTED, **of) -> tuple[PriceMatrix, int]:
    terms = {"day": december(28), "sessions": 6, "version": 0} | of
    ids = [market.ids.get(symbol, 999) for symbol in symbols]
    rendered = Rendered()
    await Matrices(market.database, Cache("test")).fetch(
        of.pop("viewer", ""),
        MatrixRequest(ids, basis=basis, **{k: v for k, v in terms.items() if k != "viewer"}),
        rendered,
    )
    return rendered.blocks[0]


async def test_a_block_is_adjusted_for_returns_and_raw_for_values(split: Recorded):
    total, version = await block(split, "A")
    assert total.session_dates.astype(object).tolist() == [december(day) for day in (20, 21, 22, 23, 27, 28)]
    assert total.closes[:, 0].tolist() == closes(await read(split, basis=ADJUSTED))
    assert (total.price_bases.tolist(), version) == ([ADJUSTED], 1)
    raw, _ = await block(split, "A", basis=RAW)
    assert raw.closes[:, 0].tolist() == [1000.0, 1010.0, 102.0, 103.0, 101.0, 102.0]
    by_splits, _ = await block(split, "A", basis=SPLIT_ADJUSTED)
    assert by_splits.closes[:2, 0] == pytest.approx([100.0, 101.0])
    assert by_splits.price_bases.tolist() == [SPLIT_ADJUSTED]


async def test_a_block_that_ends_earlier_does_not_know_what_came_later(split: Recorded):
    total, _ = await block(split, "A", day=december(23), sessions=4)
    assert total.closes[:, 0] == pytest.approx([100.0, 101.0, 102.0, 103.0])
    before, _ = await block(split, "A", day=december(21), sessions=2)
    assert before.closes[:, 0].tolist() == [1000.0, 1010.0]


async def test_columns_are_on_the_basis_they_can_be_on(split: Recorded):
    for symbol, basis in (("UNASKED", RAW), ("TOTAL", ADJUSTED)):
        await split.instrument(symbol)
        await split.closes(symbol, {december(27): 5.0}, basis)
    symbols = ("A", "UNASKED", "TOTAL", "NOBODY")
    found = {basis: await block(split, *symbols, basis=basis) for basis in (RAW, ADJUSTED, SPLIT_ADJUSTED)}
    assert {basis: matrix.price_bases.tolist() for basis, (matrix, _) in found.items()} == {
        RAW: [RAW, RAW, UNSPECIFIED, UNSPECIFIED],
        ADJUSTED: [ADJUSTED, RAW, ADJUSTED, UNSPECIFIED],
        SPLIT_ADJUSTED: [SPLIT_ADJUSTED, RAW, UNSPECIFIED, UNSPECIFIED],
    }
    assert np.isnan(found[RAW][0].closes[:, 2:]).all()
    assert found[ADJUSTED][0].closes[4].tolist()[1:3] == [5.0, 5.0]


async def test_a_block_is_read_once_until_something_is_new(split: Recorded):
    matrices, rendered = Matrices(split.database, Cache("test")), Rendered()
    asked = MatrixRequest([split.ids["A"]], december(28), 6, 0, ADJUSTED)
    answers = [await matrices.fetch("", asked, rendered) for _ in range(3)]
    assert answers == [b"1", b"1", b"1"]
    assert await matrices.fetch(OWNER, asked, rendered) == b"2"
    await split.version()
    await split.closes("A", {december(28): 99.0})
    assert await matrices.fetch("", asked, rendered) == b"3"
    assert rendered.blocks[2][0].closes[-1, 0] == 99.0
    pinned = MatrixRequest([split.ids["A"]], december(28), 6, 1, ADJUSTED)
    assert await matrices.fetch("", pinned, rendered) == b"1"


async def test_a_private_column_is_its_owners_alone(split: Recorded):
    await split.instrument("VINEYARD", "PRIVATE", owner=OWNER)
    await split.closes("VINEYARD", {december(28): 7.0}, owner=OWNER)
    matrices, rendered = Matrices(split.database, Cache("test")), Rendered()
    asked = MatrixRequest([split.ids["VINEYARD"]], december(28), 1, 0, RAW)
    for viewer in (OWNER, OTHER, ""):
        await matrices.fetch(viewer, asked, rendered)
    seen = [matrix.closes[0, 0] for matrix, _ in rendered.blocks]
    assert seen[0] == 7.0
    assert np.isnan(seen[1:]).all()


@pytest.mark.parametrize(
    ("of", "field"),
    [
        ({"day": december(26)}, "as_of_date"),
        ({"version": 2}, "data_version"),
        ({"sessions": 4_000_001}, "sessions"),
    ],
)
async def test_a_block_that_cannot_be_is_refused(split: Recorded, of: dict, field: str):
    with pytest.raises(InvalidFields) as caught:
        await block(split, "A", **of)
    assert [one.field for one in caught.value.violations] == [field]
