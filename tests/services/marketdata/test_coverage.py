"""How complete histories are: the arithmetic, and what is read for it."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.database import Database
from chassis.errors import FailedPrecondition, InvalidFields
from services.marketdata.application.coverage import analyse
from services.marketdata.application.seal import seal
from services.marketdata.domain.coverage import MOST_GAPS, NEEDS, Gap, StoredHistory, cover, summarise
from services.marketdata.domain.prices import PriceBasis
from tests.services.marketdata.market import Bringing, days, provider_of, series, store

SESSIONS = np.array([date(2022, 1, 3) + timedelta(days=n) for n in range(500) if n % 7 < 5], dtype="datetime64[D]")
COUNT = len(SESSIONS)


def history(places: list[int], symbol: str = "A") -> StoredHistory:
    return StoredHistory(symbol, SESSIONS[places], {"fake": len(places)}, datetime(2023, 1, 1, tzinfo=UTC), 2)


def test_a_whole_history():
    found = cover(history(list(range(COUNT))), SESSIONS)
    assert (found.session_count, found.continuous_count, found.completeness) == (COUNT, COUNT, 1.0)
    assert (found.first, found.last) == (SESSIONS[0].item(), SESSIONS[-1].item())
    assert (found.gaps, found.gap_count, found.meets) == ([], 0, list(NEEDS))
    assert (found.quarantined_count, dict(found.bars_by_source)) == (2, {"fake": COUNT})


def test_gaps_are_ranges_from_the_first_bar_to_the_end():
    places = [n for n in range(10, COUNT - 2) if n not in (20, 21, 40)]
    found = cover(history(places), SESSIONS)
    assert found.gaps == [
        Gap(SESSIONS[20].item(), SESSIONS[21].item(), 2),
        Gap(SESSIONS[40].item(), SESSIONS[40].item(), 1),
        Gap(SESSIONS[COUNT - 2].item(), SESSIONS[COUNT - 1].item(), 2),
    ]
    assert (found.continuous_count, found.meets) == (0, [])
    assert found.completeness == pytest.approx(len(places) / (COUNT - 10))


def test_what_begins_late_has_no_gap_before_its_beginning():
    found = cover(history(list(range(COUNT - 100, COUNT))), SESSIONS)
    assert (found.gap_count, found.continuous_count, found.completeness) == (0, 100, 1.0)
    assert found.meets == ["chat", "regression_minimum", "correlation"]


@pytest.mark.parametrize(("use", "sessions"), NEEDS.items())
def test_a_need_is_met_exactly_from_its_number_on(use: str, sessions: int):
    enough, short = (cover(history(list(range(COUNT - n, COUNT))), SESSIONS) for n in (sessions, sessions - 1))
    assert use in enough.meets
    assert use not in short.meets


def test_nothing_stored_is_nothing_covered():
    found = cover(StoredHistory("A", SESSIONS[:0], {}, None, 0), SESSIONS)
    assert (found.session_count, found.continuous_count, found.first, found.last) == (0, 0, None, None)
    assert (found.gaps, found.completeness, found.last_updated) == ([], None, None)


def test_many_gaps_are_counted_and_the_newest_shown():
    found = cover(history(list(range(0, COUNT, 2))), SESSIONS)
    assert (len(found.gaps), found.gap_count) == (MOST_GAPS, COUNT // 2)
    assert found.gaps[-1].last >= SESSIONS[-2].item()


@given(st.sets(st.integers(0, 29), min_size=1))
def test_sessions_are_covered_or_in_a_gap(places: set[int]):
    sessions = SESSIONS[:30]
    found = cover(history(sorted(places)), sessions)
    assert found.session_count + sum(gap.session_count for gap in found.gaps) == 30 - min(places)
    assert found.continuous_count == next((n for n in range(30) if 29 - n not in places), 30)


def test_a_summary_names_who_lacks_what():
    whole, short = (cover(history(list(range(COUNT - n, COUNT)), f"S{n}"), SESSIONS) for n in (COUNT, 70))
    none = cover(StoredHistory("NONE", SESSIONS[:0], {}, None, 0), SESSIONS)
    summary = summarise([whole, short, none])
    assert (summary.symbol_count, summary.covered_count, summary.mean_completeness) == (3, 2, 1.0)
    lacking = {need.use: (need.met_count, list(need.lacking)) for need in summary.needs}
    assert lacking["regression_minimum"] == (2, ["NONE"])
    assert lacking["correlation"] == (1, ["S70", "NONE"])
    assert summarise([none]).mean_completeness is None


# --- as it is read ---


async def test_the_bars_in_force_are_counted_by_source(database: Database):
    await Bringing(database, provider_of(A={19: 1.0, 20: 2.0, 22: 3.0}, B={21: 5.0})).sync()
    await seal(database, days(22)[0])
    found = await analyse(database, "", [], None)
    assert found.as_of == days(22)[0]
    first, second = found.symbols
    assert (first.symbol, first.session_count, first.continuous_count, first.gap_count) == ("A", 3, 1, 1)
    assert first.gaps == [Gap(*days(21, 21), 1)]
    assert dict(first.bars_by_source) == {"fake": 3}
    assert (second.symbol, second.session_count, second.continuous_count) == ("B", 1, 0)
    assert first.last_updated is not None

    earlier = (await analyse(database, "", ["A"], days(20)[0])).symbols[0]
    assert (earlier.session_count, earlier.continuous_count) == (2, 2)


async def test_a_correction_counts_once_and_for_its_source(database: Database):
    await Bringing(database, provider_of(A={19: 1.0, 20: 2.0})).sync()
    await seal(database, days(20)[0])
    other = provider_of(A={19: 1.0, 20: 2.5})
    other.name = "other"
    await Bringing(database, other).sync("other")
    (found,) = (await analyse(database, "", ["A"], None)).symbols
    assert (found.session_count, dict(found.bars_by_source)) == (2, {"fake": 1, "other": 1})


async def test_bars_on_an_older_basis_do_not_count(database: Database):
    await Bringing(database, provider_of(A={19: 1.0, 20: 2.0})).sync()
    await seal(database, days(20)[0])
    await store(database, 1, series("A", days(20), [2.0], PriceBasis.RAW))
    (found,) = (await analyse(database, "", ["A"], None)).symbols
    assert (found.session_count, found.first) == (1, days(20)[0])


async def test_a_symbol_that_nobody_knows_has_no_history(database: Database):
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    await seal(database, days(19)[0])
    found = await analyse(database, "", ["NOPE", "A"], None)
    assert [(one.symbol, one.session_count) for one in found.symbols] == [("A", 1), ("NOPE", 0)]


async def test_quarantined_bars_are_counted(database: Database):
    await Bringing(database, provider_of(A={19: 1.0, 20: -1.0, 24: 1.0})).sync()
    await seal(database, days(19)[0])
    (found,) = (await analyse(database, "", ["A"], None)).symbols
    assert found.quarantined_count == 2


async def test_without_a_sealed_session_a_day_must_be_named(database: Database):
    with pytest.raises(FailedPrecondition, match="sealed"):
        await analyse(database, "", [], None)
    await Bringing(database, provider_of(A={19: 1.0})).sync()
    assert (await analyse(database, "", [], days(20)[0])).symbols[0].session_count == 1
    with pytest.raises(InvalidFields, match="as_of_date: '2022-12-24'"):
        await analyse(database, "", [], days(24)[0])
