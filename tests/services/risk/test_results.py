"""The ledger: what it keeps, who sees it, and what a replay says if all is well, or not."""

import dataclasses

import asyncpg
import grpc
import pytest

from chassis.database import Database
from plimsoll.risk.v1.overview_pb2 import Overview
from plimsoll.risk.v1.result_service_pb2 import (
    ExplainResultRequest,
    GetResultRequest,
    ListResultsRequest,
    ReplayResultRequest,
    ReplayResultResponse,
)
from services.risk.domain.ledger import ResultPage
from services.risk.domain.result_id import MODEL_VERSION
from services.risk.storage.results import Results
from tests.services.risk import servers
from tests.services.risk.books import AAPL, PORTFOLIO_ID, SESSION, book_message, mark
from tests.services.risk.conftest import refused, running

STRANGER = "9e4d7f20-1111-4222-8333-123456789abc"


async def replay(stack, result_id):
    return await stack.results.ReplayResult(ReplayResultRequest(result_id=result_id), metadata=servers.metadata())


async def test_a_result_is_kept_as_it_was_answered(stack):
    answer = await stack.overview()
    kept = await stack.results.GetResult(
        GetResultRequest(result_id=answer.metadata.result_id), metadata=servers.metadata()
    )
    stored = Overview()
    assert kept.payload.Unpack(stored)
    answer.ClearField("served")
    assert stored == answer
    assert (kept.result.kind, kept.result.portfolio_id, kept.result.as_of_date) == (
        "overview",
        PORTFOLIO_ID,
        "2022-12-28",
    )


async def test_results_are_listed_page_by_page_the_newest_first(stack):
    ids = []
    for revision in (4, 5, 6):
        stack.portfolio.book = book_message((AAPL,), cash=[("USD", 1.0)], revision=revision)
        ids.append((await stack.overview()).metadata.result_id)
    asked = ListResultsRequest(page_size=2, portfolio_id=PORTFOLIO_ID, kind="overview")
    first = await stack.results.ListResults(asked, metadata=servers.metadata())
    asked.page_token = first.next_page_token
    second = await stack.results.ListResults(asked, metadata=servers.metadata())
    assert [line.result_id for line in (*first.results, *second.results)] == ids[::-1]
    assert second.next_page_token == ""
    other_kind = await stack.results.ListResults(ListResultsRequest(kind="greeks"), metadata=servers.metadata())
    assert not other_kind.results
    foreign = await refused(
        stack.results.ListResults(ListResultsRequest(page_token="e30"), metadata=servers.metadata())
    )
    assert foreign == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ["page_token"])


async def test_a_replay_gives_the_same_bytes_also_by_another_service_on_the_same_database(stack):
    result_id = (await stack.overview()).metadata.result_id
    replayed = await replay(stack, result_id)
    assert replayed.verdict == ReplayResultResponse.IDENTICAL
    assert replayed.stored_digest == replayed.replayed_digest != ""
    assert list(replayed.changed) == []
    async with running(stack.settings, stack.portfolio, stack.marketdata) as again:
        assert await replay(again, result_id) == replayed


async def test_a_replay_reads_everything_anew(stack):
    result_id = (await stack.overview()).metadata.result_id
    books, marks = stack.portfolio.sent_count, stack.marketdata.mark_calls
    await replay(stack, result_id)
    assert (stack.portfolio.sent_count, stack.marketdata.mark_calls) == (books + 1, marks + 1)


async def test_a_replay_names_the_input_that_changed(stack):
    result_id = (await stack.overview()).metadata.result_id
    stack.marketdata.known[1] = mark(1, 127.04, data_version=8)
    replayed = await replay(stack, result_id)
    assert (replayed.verdict, list(replayed.changed)) == (ReplayResultResponse.INPUT_CHANGED, ["marks"])
    assert replayed.stored_digest != replayed.replayed_digest


async def test_a_payload_that_was_altered_is_reported(stack, admin_url):
    result_id = (await stack.overview()).metadata.result_id
    connection = await asyncpg.connect(admin_url(str(stack.settings.database_url)))
    try:
        await connection.execute("UPDATE risk.results SET payload = payload || '\\x6a00'::bytea")
    finally:
        await connection.close()
    replayed = await replay(stack, result_id)
    assert (replayed.verdict, list(replayed.changed)) == (ReplayResultResponse.PAYLOAD_ALTERED, [])


async def test_a_result_is_explained(stack):
    answer = await stack.overview()
    told = await stack.results.ExplainResult(
        ExplainResultRequest(result_id=answer.metadata.result_id), metadata=servers.metadata()
    )
    assert told.metadata == answer.metadata
    assert [read.name for read in told.inputs] == ["marks", "portfolio"]
    assert all(len(read.digest) == 64 for read in told.inputs)
    assert told.parameters_json == "{}"
    assert [formula.path for formula in told.formulas] == [
        "docs/methodology/valuation.md",
        "docs/methodology/options.md",
    ]
    assert told.result.model_version == MODEL_VERSION
    assert told.pinned_data_version == SESSION.data_version
    assert "numpy" in told.platform


@pytest.mark.parametrize("method", ["GetResult", "ReplayResult", "ExplainResult"])
async def test_anothers_result_is_not_found_exactly_as_one_that_never_was(stack, method):
    result_id = (await stack.overview()).metadata.result_id
    request = {
        "GetResult": GetResultRequest,
        "ReplayResult": ReplayResultRequest,
        "ExplainResult": ExplainResultRequest,
    }
    call = getattr(stack.results, method)
    foreign = await refused(call(request[method](result_id=result_id), metadata=servers.metadata(STRANGER)))
    absent = await refused(call(request[method](result_id="0" * 64), metadata=servers.metadata()))
    assert foreign == absent == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND", [])
    assert await call(request[method](result_id=result_id), metadata=servers.metadata())


async def test_the_first_answer_under_an_id_stays(stack):
    result_id = (await stack.overview()).metadata.result_id
    database = Database(stack.settings.database_url, "risk")
    try:
        ledger = Results(database)
        kept = await ledger.find(servers.OWNER, result_id)
        await ledger.add(dataclasses.replace(kept, payload=b"another"))
        assert await ledger.find(servers.OWNER, result_id) == kept
        assert await ledger.find(STRANGER, result_id) is None
        assert await ledger.page(STRANGER, ResultPage(10)) == []
    finally:
        await database.close()
