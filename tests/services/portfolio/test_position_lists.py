"""Lists of positions: filters, groups, pages."""

import grpc
import pytest

from chassis.pagination import encode_page
from plimsoll.portfolio.v1.position_pb2 import Position
from plimsoll.portfolio.v1.position_service_pb2 import ListPositionsRequest
from tests.services.portfolio.books import NO_SUCH, enter_all, listed, make, new, update
from tests.services.portfolio.conftest import Client, refused

CALL, PUT = "AAPL230120C00150000", "AAPL230120P00100000"
DAY = "2022-12-01"


@pytest.fixture
async def book(alice: Client) -> str:
    """A long, a short, three options and something sold."""
    portfolio = await make(alice)
    entered = await enter_all(
        alice,
        portfolio.portfolio_id,
        new("AAPL", 10, tags=["core", "tech"], strategy="covered call"),
        new(CALL, -1, entry_date=DAY, strategy="covered call"),
        new(PUT, 2, entry_date=DAY, tags=["hedge"]),
        new(PUT, -4, entry_date=DAY),
        new("JPM", -5, tags=["core"]),
        new("XOM", 7),
        new("VOD", 3),
    )
    await update(alice, entered[5].position_id, exit_date="2022-06-01", exit_price=101)
    return portfolio.portfolio_id


async def symbols(client: Client, **fields) -> list[str]:
    return [position.symbol for position in await listed(client, **fields)]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ["AAPL", CALL, PUT, PUT, "JPM", "VOD"]),
        ({"status": "open"}, ["AAPL", CALL, PUT, PUT, "JPM", "VOD"]),
        ({"status": "closed"}, ["XOM"]),
        ({"status": "any"}, ["AAPL", CALL, PUT, PUT, "JPM", "XOM", "VOD"]),
        ({"symbols": ["aapl", "JPM"]}, ["AAPL", "JPM"]),
        ({"position_types": [Position.LC, Position.SC]}, [CALL]),
        ({"position_types": [Position.SP, Position.SHORT]}, [PUT, "JPM"]),
        ({"position_types": [Position.LONG]}, ["AAPL", "VOD"]),
        ({"tags": ["core", "hedge"]}, ["AAPL", PUT, "JPM"]),
        ({"tags": ["Core"]}, []),
        ({"strategies": ["covered call"]}, ["AAPL", CALL]),
        ({"underlyings": ["AAPL"]}, ["AAPL", CALL, PUT, PUT]),
        ({"sectors": ["Information Technology"]}, ["AAPL", CALL, PUT, PUT]),
        ({"sectors": ["Financials", "Energy"], "status": "any"}, ["JPM", "XOM"]),
        ({"sectors": ["Astrology"]}, []),
        ({"tags": ["core"], "position_types": [Position.SHORT]}, ["JPM"]),
    ],
)
async def test_a_filter_finds_what_fits(alice, book, fields, found):
    assert await symbols(alice, portfolio_id=book, **fields) == found
    assert await symbols(alice, **fields) == found, "the only portfolio with anything in it"


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("type", {"LONG": 2, "LP": 1, "SC": 1, "SHORT": 1, "SP": 1}),
        ("strategy", {"": 4, "covered call": 2}),
        ("tag", {"": 3, "core": 2, "hedge": 1, "tech": 1}),
        ("underlying", {"AAPL": 4, "JPM": 1, "VOD": 1}),
        ("sector", {"": 1, "Financials": 1, "Information Technology": 4}),
    ],
)
async def test_groups_are_of_all_pages(alice, book, group_by, groups):
    every = {position.position_id for position in await listed(alice, portfolio_id=book)}
    token, seen = "", []
    while True:
        request = ListPositionsRequest(portfolio_id=book, group_by=group_by, page_size=4, page_token=token)
        page = await alice.positions.ListPositions(request)
        assert {group.key: group.position_count for group in page.groups} == groups
        assert [group.key for group in page.groups] == sorted(groups)
        assert {i for group in page.groups for i in group.position_ids} == every
        seen += [position.symbol for position in page.positions]
        if not (token := page.next_page_token):
            break
    assert seen == await symbols(alice, portfolio_id=book)


@pytest.mark.parametrize("size", [1, 2, 6, 500])
async def test_pages_follow_each_other_over_portfolios(alice, book, size):
    other = await make(alice, "Other")
    await enter_all(alice, other.portfolio_id, *(new("AAPL", n) for n in range(1, 6)))
    every = await listed(alice, page_size=size)
    assert len(every) == len({position.position_id for position in every}) == 11
    parts = [await listed(alice, portfolio_id=i) for i in sorted([book, other.portfolio_id])]
    assert every == parts[0] + parts[1]


async def test_a_list_at_a_revision_shows_what_was_known_then(alice, book):
    await enter_all(alice, book, new("AAPL", 99))
    assert await symbols(alice, portfolio_id=book, portfolio_revision=1) == []
    then = await listed(alice, portfolio_id=book, portfolio_revision=2)
    assert [position.symbol for position in then] == ["AAPL", CALL, PUT, PUT, "JPM", "XOM", "VOD"]
    past = await refused(alice.positions.ListPositions(ListPositionsRequest(portfolio_id=book, portfolio_revision=9)))
    assert past.code == grpc.StatusCode.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"portfolio_revision": 1}, "portfolio_revision"),
        ({"group_by": "colour"}, "group_by"),
        ({"status": "gone"}, "status"),
        ({"position_types": [0]}, "position_types[0]"),
        ({"position_types": [77]}, "position_types[0]"),
        ({"page_size": 501}, "page_size"),
        ({"page_token": "garbage"}, "page_token"),
        ({"page_token": "eyJwb3J0Zm9saW9faWQiOiJ4Iiwib3JkaW5hbCI6IjEifQ"}, "page_token"),
        ({"page_token": "eyJuYW1lIjoieCJ9"}, "page_token"),
    ],
)
async def test_what_cannot_be_listed_is_refused_by_field(alice, fields, field):
    error = await refused(alice.positions.ListPositions(ListPositionsRequest(**fields)))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_a_page_token_of_another_kind_of_number_is_refused(alice):
    token = encode_page({"portfolio_id": NO_SUCH, "ordinal": "9" * 30})
    error = await refused(alice.positions.ListPositions(ListPositionsRequest(page_token=token)))
    assert list(error.fields) == ["page_token"]
