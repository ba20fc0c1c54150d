"""Dates: YYYY-MM-DD and nothing else that ISO 8601 knows."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.dates import parse_date, parse_optional_date
from chassis.errors import InvalidFields


@given(st.dates())
def test_every_date_is_read_as_it_is_written(date: datetime.date) -> None:
    assert parse_date("as_of_date", date.isoformat()) == date


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2022-02-29",
        "2022-13-01",
        "0000-01-01",
        "20221228",
        "2022-W52-3",
        "2022W523",
        "2022-362",
        "28.12.2022",
        "2022-12-28T00:00",
        " 2022-12-28",
        "2022-12-28\n",
        "+2022-12-2",
        "٢٠٢٢-١٢-٢٨",
        "NaN",
        "9" * 10_000,
    ],
)
def test_anything_else_is_refused_by_field_and_value(text: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        parse_date("as_of_date", text)
    (violation,) = caught.value.violations
    assert (violation.field, violation.value) == ("as_of_date", text)
    assert violation.rule == "is not a calendar date (YYYY-MM-DD)"


def test_an_optional_date_may_be_empty() -> None:
    assert parse_optional_date("start_date", "") is None
    assert parse_optional_date("start_date", "2022-12-28") == datetime.date(2022, 12, 28)
    with pytest.raises(InvalidFields, match="start_date: 'x'"):
        parse_optional_date("start_date", "x")
