"""Profit and loss divided among positions, by hand; and whatever the book, the groups add to the total."""

import dataclasses
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk.domain.attribution import ATTRIBUTION, AttributionParameters
from services.risk.domain.inputs import Before
from tests.services.risk.answers import ask
from tests.services.risk.books import AAPL, CALL, MSFT, SOLD, XOM, mark, market, no_mark, option_mark
from tests.services.risk.histories import facts
from tests.services.risk.pasts import DAYS, marks_on, on, traded
from tests.services.risk.test_domain import numbers_in

OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
TAGGED = dataclasses.replace(AAPL, tags=("core", "tech"), strategy="hedged")
SHORTED = dataclasses.replace(XOM, tags=("energy", "core"), strategy="hedged")
MARKS = [mark(1, 130.0), mark(2, 90.0), mark(3, 240.0)]
CLOSED = on(SOLD, DAYS[0], tags=("core",))
BOOK = traded((TAGGED, SHORTED, MSFT), ((CLOSED, DAYS[2]),), cash=[("USD", 10_000.0)])
# AAPL 100 x (130 - 120), XOM -50 x (90 - 100), MSFT 10 x (240 - 250), KO 200 x (60 - 55)
PNL = {"AAPL": 1_000.0, "XOM": 500.0, "MSFT": -100.0, "KO": 1_000.0}


def attributed(held=BOOK, marks=MARKS, before=None, **parameters):
    slices = {"before": before} if before else {}
    slices |= {"facts": facts(["Tech", "", "Tech", "Food"], (1, 2, 3, 5))} if parameters.get("group_by") else {}
    return ask(OWNER, held, market(*marks), ATTRIBUTION, AttributionParameters(**parameters), **slices)


def by_name(found):
    return {group.name: group.total_pnl for group in found.groups}


def test_every_position_has_its_own_profit():
    found = attributed().summary
    assert by_name(found) == PNL
    assert (found.total_pnl, found.unrealized_pnl, found.realized_pnl) == (2_400.0, 1_400.0, 1_000.0)
    assert [group.name for group in found.groups] == ["AAPL", "KO", "XOM", "MSFT"]
    assert found.groups[0].position_id == "id of AAPL"
    assert found.groups[0].share_percent == pytest.approx(100 * 1_000 / 2_400)
    assert (found.groups[1].unrealized_pnl, found.groups[1].realized_pnl) == (0.0, 1_000.0)
    assert (found.start_date, found.start_value, found.groups[0].contribution_percent) == (None, None, None)


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("tag", {"core": 500.0 + 250.0 + 1_000.0, "tech": 500.0, "energy": 250.0, "": -100.0}),
        ("type", {"LONG": 1_900.0, "SHORT": 500.0}),
        ("strategy", {"hedged": 1_500.0, "": 900.0}),
        ("sector", {"Tech": 900.0, "Food": 1_000.0, "": 500.0}),
    ],
)
def test_groups(group_by, expected):
    found = attributed(group_by=group_by).summary
    assert by_name(found) == expected
    assert found.total_pnl == 2_400.0


def earlier(held, *marks):
    return Before(held, marks_on(DAYS[2], *marks))


def test_since_an_earlier_session_only_what_came_after_counts():
    # XOM was entered after it, MSFT closed since, KO was closed on it and plays no part
    gone = on(MSFT, DAYS[0], exit_price=245.0)
    now = traded((TAGGED, on(SHORTED, DAYS[3])), ((CLOSED, DAYS[2]), (gone, DAYS[4])), cash=[("USD", 10_000.0)])
    then = traded((TAGGED, on(MSFT, DAYS[0])), ((CLOSED, DAYS[2]),), cash=[("USD", 2_000.0)])
    answered = attributed(now, before=earlier(then, mark(1, 125.0), mark(3, 251.0)), start_date=DAYS[2].isoformat())
    found = answered.summary
    assert by_name(found) == {"AAPL": 500.0, "XOM": 500.0, "MSFT": -60.0}
    assert (found.total_pnl, found.realized_pnl) == (940.0, -60.0)
    assert found.start_value == 2_000.0 + 12_500.0 + 2_510.0
    assert found.groups[0].contribution_percent == pytest.approx(100 * 500 / found.start_value)


def test_what_is_not_known_at_one_end_is_left_out_and_named():
    then = earlier(traded((TAGGED, SHORTED)), mark(1, 125.0), no_mark(2, "no_price"))
    answered = attributed(traded((TAGGED, SHORTED, MSFT)), before=then, start_date=DAYS[2].isoformat())
    assert by_name(answered.summary) == {"AAPL": 500.0, "MSFT": -100.0}
    assert [(each.symbol, each.reason) for each in answered.metadata.coverage.excluded] == [("XOM", "no_price")]


@pytest.mark.parametrize("end", ["now", "then"])
def test_too_little_of_the_book_is_no_answer(end):
    known, unknown = [mark(1, 125.0), mark(2, 90.0)], [mark(1, 125.0), no_mark(2, "no_price")]
    held = traded((dataclasses.replace(TAGGED, quantity=1.0), SHORTED))
    before = earlier(held, *(unknown if end == "then" else known))
    answered = attributed(held, unknown if end == "now" else known, before=before, start_date=DAYS[2].isoformat())
    assert (answered.summary, answered.reason) == (None, "no_market_data")


def test_an_empty_book_has_nothing_to_divide():
    found = attributed(traded(cash=[("USD", 1.0)]), marks=[]).summary
    assert (found.total_pnl, found.groups) == (0.0, ())


quantities = st.floats(-1e5, 1e5).filter(lambda quantity: abs(quantity) > 1e-3)
tags = st.lists(st.sampled_from("abcd"), max_size=4, unique=True).map(tuple)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(quantities, tags), min_size=4, max_size=4),
    st.sampled_from(["position", "tag", "type", "sector", "strategy"]),
    st.booleans(),
)
def test_groups_add_to_the_total(rows, group_by, since):
    held = [
        dataclasses.replace(row, quantity=quantity, tags=labels)
        for row, (quantity, labels) in zip((AAPL, XOM, MSFT, CALL), rows, strict=True)
    ]
    marks = [*MARKS, option_mark(4, 6.0)]
    before = earlier(traded(held[:2]), mark(1, 99.0), mark(2, 101.0)) if since else None
    answered = attributed(traded(held, ((CLOSED, DAYS[4]),)), marks, before, group_by=group_by)
    if answered.summary is None:
        assert answered.reason == "no_market_data"
        return
    found = answered.summary
    size = 1.0 + sum(abs(group.total_pnl) for group in found.groups)
    assert math.fsum(group.total_pnl for group in found.groups) == pytest.approx(found.total_pnl, abs=1e-12 * size)
    assert found.unrealized_pnl + found.realized_pnl == pytest.approx(found.total_pnl, abs=1e-12 * size)
    assert all(math.isfinite(number) for number in numbers_in(msgspec.to_builtins(answered)))
