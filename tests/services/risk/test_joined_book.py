"""All portfolios as one book: by hand, as identities, and through the service with its ledger."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.risk.v1.result_service_pb2 import ExplainResultRequest, ReplayResultRequest, ReplayResultResponse
from services.risk.application.analyses import find
from services.risk.domain.analysis import NoParameters
from services.risk.domain.inputs import Inputs
from services.risk.domain.joined_book import join
from services.risk.domain.overview import OVERVIEW
from tests.services.risk import servers
from tests.services.risk.books import AAPL, CALL, MSFT, PORTFOLIO_ID, SOLD, XOM, book, book_message, closes, market

OTHER = "7f1c1f5e-52d4-4d5c-8a0e-1f7a0c1f9a11"
SHORT = dataclasses.replace(AAPL, quantity=-40.0, entry_price=130.0)
MORE = dataclasses.replace(AAPL, quantity=300.0, entry_price=80.0, tags=("core",))


def overview(*books):
    held = join(books)
    return find(OVERVIEW, Inputs(held, market(*closes())), NoParameters()).body


def test_positions_of_one_instrument_add_up_at_their_average_price():
    joined = join([book((AAPL, XOM), cash=[("USD", 10.0)]), book((MORE,), cash=[("USD", 5.0)], portfolio_id=OTHER)])
    assert joined.held.symbols == ("AAPL", "XOM")
    assert joined.held.quantity.tolist() == [400.0, -50.0]
    assert joined.held.entry_price.tolist() == [(100 * 120 + 300 * 80) / 400, 100.0]
    assert (joined.held.tags[0], joined.held.position_types) == (("core",), ("LONG", "SHORT"))
    assert [(balance.currency, balance.amount) for balance in joined.cash] == [("USD", 15.0)]
    assert joined.parts == {PORTFOLIO_ID: 3, OTHER: 3}
    assert (joined.portfolio_id, joined.revision) == ("all", 0)


def test_what_one_is_long_and_the_other_short_is_offset():
    joined = join([book((AAPL,)), book((SHORT,), portfolio_id=OTHER)])
    assert (joined.held.quantity.tolist(), joined.held.entry_price.tolist()) == ([60.0], [120.0])
    assert joined.closed.quantity.tolist() == [40.0]
    assert (joined.closed.entry_price.tolist(), joined.closed.exit_price.tolist()) == ([120.0], [130.0])
    flat = join([book((SHORT,)), book((dataclasses.replace(SHORT, quantity=40.0),), portfolio_id=OTHER)])
    assert (len(flat.held), len(flat.closed)) == (0, 1)
    short = join([book((dataclasses.replace(AAPL, quantity=10.0),)), book((SHORT,), portfolio_id=OTHER)])
    assert (short.held.quantity.tolist(), short.held.position_types) == ([-30.0], ("SHORT",))


def test_an_option_is_not_what_it_follows_nor_another_that_nobody_lists():
    unlisted = [dataclasses.replace(CALL, symbol=symbol, instrument_id=2**31 - 1) for symbol in ("A", "B")]
    joined = join([book((AAPL, CALL, unlisted[0])), book((CALL, unlisted[1]), portfolio_id=OTHER)])
    assert joined.held.symbols == ("AAPL", CALL.symbol, "A", "B")
    assert joined.held.quantity.tolist() == [100.0, 2.0, 1.0, 1.0]


def test_the_currency_is_that_of_most_and_the_benchmark_only_one_that_all_have():
    euro = book(base_currency="EUR")
    assert join([euro, book(), book()]).base_currency == "USD"
    assert join([euro, euro, book()]).base_currency == "EUR"
    assert join([euro, book()]).base_currency == "EUR"
    assert join([]).base_currency == "USD"
    named = dataclasses.replace(book(), benchmark="SPX")
    assert (join([named, named]).benchmark, join([named, book()]).benchmark) == ("SPX", "")
    assert join([book(cash_reason="cash_unknown"), book()]).cash_reason == "cash_unknown"


rows = st.lists(
    st.builds(
        dataclasses.replace,
        st.sampled_from([AAPL, XOM, MSFT]),
        quantity=st.sampled_from([-70.0, -1.5, 2.0, 100.0]),
        entry_price=st.sampled_from([80.0, 100.0, 131.7]),
    ),
    max_size=4,
)


@given(st.lists(rows, min_size=1, max_size=3))
def test_value_and_profit_are_those_of_the_parts(parts):
    books = [book(held, (SOLD,), [("USD", 1000.0)], portfolio_id=f"{n}") for n, held in enumerate(parts)]
    each = [find(OVERVIEW, Inputs(one, market(*closes())), NoParameters()).body for one in books]
    whole = overview(*books)
    assert whole.total_value == pytest.approx(math.fsum(part.total_value for part in each))
    assert whole.pnl.total_pnl == pytest.approx(math.fsum(part.pnl.total_pnl for part in each), abs=1e-6)
    assert whole.exposures.net_exposure == pytest.approx(math.fsum(p.exposures.net_exposure for p in each), abs=1e-6)
    assert whole.exposures.gross_exposure <= math.fsum(part.exposures.gross_exposure for part in each) + 1e-6


def test_without_a_portfolio_there_is_no_answer():
    found = find(OVERVIEW, Inputs(join([]), market()), NoParameters())
    assert (found.body, found.reason) == (None, "no_portfolio")


def test_other_content_has_another_digest():
    first, second = book((AAPL,)), book((XOM,), portfolio_id=OTHER)
    changed = dataclasses.replace(second, digest="0" * 64)
    assert len({join(books).digest for books in ([first], [first, second], [first, changed], [])}) == 4
    np.testing.assert_array_equal(join([first]).held.quantity, first.held.quantity)


async def test_all_portfolios_are_answered_kept_and_computed_again_at_the_revisions_they_had(stack):
    stack.portfolio.further = [book_message((MSFT,), cash=[("USD", 70.0)], portfolio_id=OTHER, revision=5)]
    told = await stack.overview(portfolio_id="all")
    assert (told.available, told.portfolio_id, told.metadata.portfolio_revision) == (True, "all", 0)
    assert told.cash_balance == 5070.0
    assert told.position_count.total_positions == 4  # of both, MSFT counts once
    assert (await stack.overview(portfolio_id="all")).served.cached
    explained = await stack.results.ExplainResult(
        ExplainResultRequest(result_id=told.metadata.result_id), metadata=servers.metadata()
    )
    assert f'"{OTHER}":5' in explained.parameters_json
    stack.portfolio.earlier = stack.portfolio.further
    stack.portfolio.further = [book_message((XOM,), portfolio_id=OTHER, revision=6)]
    changed = await stack.overview(portfolio_id="all")
    assert changed.metadata.result_id != told.metadata.result_id
    assert changed.cash_balance == 5000.0
    for answer in (told, changed):
        request = ReplayResultRequest(result_id=answer.metadata.result_id)
        replayed = await stack.results.ReplayResult(request, metadata=servers.metadata())
        assert (replayed.verdict, list(replayed.changed)) == (ReplayResultResponse.IDENTICAL, [])


async def test_a_user_without_portfolios_gets_a_reason_and_nothing_of_others(stack):
    nobody = "11111111-8f5f-4f34-9d43-2b6a8a1c7e55"
    told = await stack.overview(nobody, portfolio_id="all")
    assert (told.available, told.reason) == (False, "no_portfolio")
    replayed = await stack.results.ReplayResult(
        ReplayResultRequest(result_id=told.metadata.result_id), metadata=servers.metadata(nobody)
    )
    assert replayed.verdict == ReplayResultResponse.IDENTICAL


async def test_all_portfolios_have_no_revision_in_common(stack):
    code, reason, fields = await stack.refusal(portfolio_id="all", portfolio_revision=3)
    assert (code.name, reason, fields) == ("INVALID_ARGUMENT", "INVALID_FIELD", ["portfolio_revision"])


@pytest.mark.parametrize("portfolio_id", ["", "ALL", "every", "6f1c1f5e-52d4-4d5c-8a0e-1f7a0c1f9a1g"])
async def test_what_is_no_portfolio_is_refused_by_name(stack, portfolio_id):
    code, _, fields = await stack.refusal(portfolio_id=portfolio_id)
    assert (code.name, fields) == ("INVALID_ARGUMENT", ["portfolio_id"])
