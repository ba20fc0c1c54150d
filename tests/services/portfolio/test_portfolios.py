"""Portfolios through the service as it is wired: revisions, isolation, repeated requests."""

import asyncio

import grpc
import pytest

from plimsoll.portfolio.v1.data_service_pb2 import GetCompletePortfolioRequest
from plimsoll.portfolio.v1.portfolio_service_pb2 import (
    CreatePortfolioRequest,
    DeletePortfolioRequest,
    GetBookRequest,
    GetBooksRequest,
    GetPortfolioRequest,
    ListPortfoliosRequest,
    UpdatePortfolioRequest,
)
from tests.services.portfolio.conftest import Client, as_service, refused

NO_SUCH = "6f1b2c1e-1111-4222-8333-444455556666"


async def make(client: Client, name: str = "Growth", **fields: str):
    return await client.portfolios.CreatePortfolio(CreatePortfolioRequest(name=name, **fields))


async def test_create_get_update_delete(alice):
    made = await make(alice, "  Growth ", benchmark="SPX", start_date="2021-01-04")
    assert (made.name, made.base_currency, made.benchmark, made.revision) == ("Growth", "USD", "SPX", 1)
    changed = await alice.portfolios.UpdatePortfolio(
        UpdatePortfolioRequest(portfolio_id=made.portfolio_id, name="Income", start_date="", revision=1)
    )
    assert (changed.name, changed.benchmark, changed.start_date, changed.revision) == ("Income", "SPX", "", 2)
    assert await alice.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=made.portfolio_id)) == changed
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=made.portfolio_id))
    gone = await refused(alice.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=made.portfolio_id)))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")


async def test_an_update_that_changes_nothing_makes_no_revision(alice):
    made = await make(alice)
    same = await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=made.portfolio_id, name="Growth"))
    assert same.revision == 1


async def test_a_stale_revision_is_refused(alice):
    made = await make(alice)
    await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=made.portfolio_id, name="A"))
    error = await refused(
        alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=made.portfolio_id, name="B", revision=1))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert dict(error.info.metadata) == {"given": "1", "current": "2"}


async def test_the_revision_travels_as_etag_and_if_match(alice):
    call = alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Growth"))
    portfolio_id = (await call).portfolio_id
    assert dict(await call.initial_metadata())["etag"] == '"1"'
    call = alice.portfolios.UpdatePortfolio(
        UpdatePortfolioRequest(portfolio_id=portfolio_id, name="Income"), metadata=[("if-match", '"1"')]
    )
    assert dict(await call.initial_metadata())["etag"] == '"2"'
    read = alice.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=portfolio_id))
    assert dict(await read.initial_metadata())["etag"] == '"2"'
    first = [("if-match", '"1"')]
    for stale in (
        alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=portfolio_id, name="B"), metadata=first),
        alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id), metadata=first),
        alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id, revision=1)),
    ):
        error = await refused(stale)
        assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    await alice.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=portfolio_id, revision=2))


async def test_of_parallel_updates_at_one_revision_one_lands(alice):
    made = await make(alice)
    answers = await asyncio.gather(
        *(
            alice.portfolios.UpdatePortfolio(
                UpdatePortfolioRequest(portfolio_id=made.portfolio_id, name=f"name {n}", revision=1)
            )
            for n in range(10)
        ),
        return_exceptions=True,
    )
    landed = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(landed) == 1
    assert {e.code() for e in answers if isinstance(e, grpc.aio.AioRpcError)} == {grpc.StatusCode.ABORTED}
    now = await alice.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=made.portfolio_id))
    assert (now.revision, now.name) == (2, landed[0].name)


async def test_names_are_unique_per_user(alice, mallory):
    await make(alice)
    error = await refused(make(alice))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RESOURCE_EXISTS")
    other = await make(alice, "Other")
    renamed = await refused(
        alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=other.portfolio_id, name="Growth"))
    )
    assert renamed.code == grpc.StatusCode.ALREADY_EXISTS
    assert (await make(mallory)).name == "Growth"


async def test_lists_page_by_name_and_show_only_the_callers(alice, mallory):
    names = ["Zulu", "alpha", "Alpha", "émile", "日本"]
    for name in names:
        await make(alice, name)
    await make(mallory, "Not hers")
    seen, token = [], ""
    while True:
        page = await alice.portfolios.ListPortfolios(ListPortfoliosRequest(page_size=2, page_token=token))
        assert len(page.portfolios) <= 2
        seen += [p.name for p in page.portfolios]
        if not (token := page.next_page_token):
            break
    assert seen == sorted([*names, "My portfolio"])


@pytest.mark.parametrize("token", ["garbage", "e30", "eyJuYW1lIjoxfQ", "bnVsbA"])
async def test_a_foreign_page_token_is_refused(alice, token):
    error = await refused(alice.portfolios.ListPortfolios(ListPortfoliosRequest(page_token=token)))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["page_token"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " \t "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x", "base_currency": "usd"}, "base_currency"),
        ({"name": "x", "start_date": "2022-02-30"}, "start_date"),
        ({"name": "x", "start_date": "yesterday"}, "start_date"),
        ({"name": "x", "start_date": "2022-02-03", "end_date": "2022-02-02"}, "end_date"),
    ],
)
async def test_a_bad_field_is_named(alice, fields, field):
    error = await refused(alice.portfolios.CreatePortfolio(CreatePortfolioRequest(**fields)))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_another_users_portfolio_looks_like_none_at_all(alice, mallory):
    hers = (await make(alice)).portfolio_id
    calls = [
        lambda client, i: client.portfolios.GetPortfolio(GetPortfolioRequest(portfolio_id=i)),
        lambda client, i: client.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=i, name="Mine")),
        lambda client, i: client.data.GetCompletePortfolio(GetCompletePortfolioRequest(portfolio_id=i)),
        lambda client, i: as_service(client).portfolios.GetBook(
            GetBookRequest(portfolio_id=i, as_of_date="2022-12-28")
        ),
        lambda client, i: client.portfolios.DeletePortfolio(DeletePortfolioRequest(portfolio_id=i)),
    ]
    for call in calls:
        foreign, absent = await refused(call(mallory, hers)), await refused(call(mallory, NO_SUCH))
        assert foreign.code == absent.code == grpc.StatusCode.NOT_FOUND
        assert foreign.message.replace(hers, "") == absent.message.replace(NO_SUCH, "")
        await call(alice, hers)


async def test_only_services_read_books(alice):
    made = await make(alice)
    request = GetBookRequest(portfolio_id=made.portfolio_id, as_of_date="2022-12-28")
    error = await refused(alice.portfolios.GetBook(request))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_INSUFFICIENT")
    assert (await as_service(alice).portfolios.GetBook(request)).revision == 1


async def test_a_service_without_a_user_sees_nobodys_book(alice, nobody):
    made = await make(alice)
    request = GetBookRequest(portfolio_id=made.portfolio_id, as_of_date="2022-12-28")
    assert (await refused(as_service(nobody).portfolios.GetBook(request))).code == grpc.StatusCode.UNAUTHENTICATED


async def test_fifty_parallel_requests_with_one_key_have_one_effect(alice):
    request, key = CreatePortfolioRequest(name="Once"), [("idempotency-key", "k1")]
    answers = await asyncio.gather(
        *(alice.portfolios.CreatePortfolio(request, key) for _ in range(50)), return_exceptions=True
    )
    made = {a.portfolio_id for a in answers if not isinstance(a, Exception)}
    codes = {e.code() for e in answers if isinstance(e, grpc.aio.AioRpcError)}
    assert len(made) == 1
    assert codes <= {grpc.StatusCode.ABORTED}
    again = await alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Once", request_id="k1"))
    assert {again.portfolio_id} == made
    other = await refused(alice.portfolios.CreatePortfolio(CreatePortfolioRequest(name="Twice"), key))
    assert (other.code, other.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED")


async def test_a_repeated_delete_with_a_key_is_answered(alice):
    made = await make(alice)
    request = DeletePortfolioRequest(portfolio_id=made.portfolio_id, request_id="bye")
    await alice.portfolios.DeletePortfolio(request)
    await alice.portfolios.DeletePortfolio(request)


async def test_a_revision_that_never_was_is_out_of_range(alice):
    made = await make(alice)
    error = await refused(
        alice.data.GetCompletePortfolio(
            GetCompletePortfolioRequest(portfolio_id=made.portfolio_id, portfolio_revision=9)
        )
    )
    assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "REVISION_OUT_OF_RANGE")
    assert dict(error.info.metadata) == {"given": "9", "current": "1"}
    assert error.fields == {"portfolio_revision": "portfolio_revision: '9' is none of the portfolio's: it has 1 to 1"}


async def test_a_book_that_is_known_is_not_sent_again(alice, mallory):
    made = await make(alice)
    request = GetBookRequest(portfolio_id=made.portfolio_id, as_of_date="2022-12-28", known_revision=1)
    answer = await as_service(alice).portfolios.GetBook(request)
    assert (answer.unchanged, answer.revision, answer.HasField("portfolio")) == (True, 1, False)
    assert (await refused(as_service(mallory).portfolios.GetBook(request))).code == grpc.StatusCode.NOT_FOUND
    await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=made.portfolio_id, benchmark="SPX"))
    again = await as_service(alice).portfolios.GetBook(request)
    assert (again.unchanged, again.revision, again.portfolio.benchmark) == (False, 2, "SPX")


async def test_the_books_of_every_portfolio_come_at_once_and_at_the_revisions_that_are_named(alice, mallory):
    first, second = await make(alice), await make(alice, "Income")
    await make(mallory, "Foreign")
    own = as_service(alice).portfolios

    async def read(**revisions: int) -> dict[str, tuple[str, int]]:
        answer = await own.GetBooks(GetBooksRequest(as_of_date="2022-12-28", revisions=revisions))
        ids = [book.portfolio.portfolio_id for book in answer.books]
        assert ids == sorted(ids)
        return {book.portfolio.portfolio_id: (book.portfolio.name, book.revision) for book in answer.books}

    await alice.portfolios.UpdatePortfolio(UpdatePortfolioRequest(portfolio_id=first.portfolio_id, name="Renamed"))
    every = await read()
    assert every[first.portfolio_id] == ("Renamed", 2)
    assert every[second.portfolio_id] == ("Income", 1)
    assert "Foreign" not in [name for name, _ in every.values()]
    assert await read(**{first.portfolio_id: 1}) == {first.portfolio_id: ("Growth", 1)}


async def test_a_portfolio_that_is_named_must_be_there_and_the_callers(alice, mallory):
    own, foreign = await make(alice), await make(mallory, "Foreign")

    async def code(portfolio_id: str, revision: int) -> grpc.StatusCode:
        pins = {own.portfolio_id: 1, portfolio_id: revision}
        request = GetBooksRequest(as_of_date="2022-12-28", revisions=pins)
        return (await refused(as_service(alice).portfolios.GetBooks(request))).code

    assert await code(foreign.portfolio_id, 1) == grpc.StatusCode.NOT_FOUND
    assert await code(NO_SUCH, 1) == grpc.StatusCode.NOT_FOUND
    assert await code(own.portfolio_id, 7) == grpc.StatusCode.NOT_FOUND
