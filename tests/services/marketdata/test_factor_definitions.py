"""Factor definitions over a real server: an admin replaces them, and every list of factors follows."""

from collections.abc import AsyncIterator, Callable

import grpc
import pytest

from plimsoll.marketdata.v1 import reference_service_pb2 as pb
from plimsoll.marketdata.v1.reference_pb2 import FactorSet
from tests.services.marketdata.conftest import Callers, refused, serving


@pytest.fixture
async def market(database_url: Callable[[str], str]) -> AsyncIterator[Callers]:
    async with serving(database_url("marketdata")) as callers:
        yield callers


async def defined(market: Callers, version: int = 0) -> pb.FactorDefinitions:
    return await market.user.GetFactorDefinitions(pb.GetFactorDefinitionsRequest(version=version))


async def test_an_admin_replaces_them_and_lists_follow(market: Callers):
    ours = await defined(market)
    assert ([one.asset_class for one in ours.factor_definitions], ours.version) == (["bonds", "crypto", "stocks"], 1)
    change = pb.PutFactorDefinitionsRequest(factor_definitions=ours.factor_definitions, version=1)
    stocks = change.factor_definitions[2]
    stocks.factors[7].MergeFrom(FactorSet.Factor(proxies=["short "], enabled=True))
    stocks.factors.add(name="Liquidity", display_order=9, proxies=["liq"], less_proxies=["ill"], enabled=True)
    assert (await refused(market.user.PutFactorDefinitions(change))).reason == "PERMISSION_INSUFFICIENT"
    after = await market.admin.PutFactorDefinitions(change)
    assert after.version == 2
    assert list(after.factor_definitions[2].factors[8].less_proxies) == ["ILL"]
    listed = await market.user.ListFactorDefinitions(pb.ListFactorDefinitionsRequest())
    assert (listed.version, len(listed.factors)) == (2, 9)
    assert (list(listed.factors[7].proxies), listed.factors[7].reason) == (["SHORT"], "no_history")
    assert await defined(market, 1) == ours
    assert await defined(market) == after
    assert (await refused(market.admin.PutFactorDefinitions(change))).reason == "STALE_REVISION"


def without_a_class(change: pb.PutFactorDefinitionsRequest) -> None:
    del change.factor_definitions[0]


def twice_the_class(change: pb.PutFactorDefinitionsRequest) -> None:
    change.factor_definitions.append(change.factor_definitions[0])


def twice_the_name(change: pb.PutFactorDefinitionsRequest) -> None:
    change.factor_definitions[2].factors[1].name = " Growth"


def half_a_spread(change: pb.PutFactorDefinitionsRequest) -> None:
    del change.factor_definitions[0].factors[0].proxies[:]


def against_itself(change: pb.PutFactorDefinitionsRequest) -> None:
    change.factor_definitions[0].factors[0].less_proxies.append("ief")


def stamps(change: pb.PutFactorDefinitionsRequest) -> None:
    change.factor_definitions[0].asset_class = "stamps"


@pytest.mark.parametrize(
    ("spoil", "field", "complaint"),
    [
        (without_a_class, "factor_definitions", "'bonds' has no factors"),
        (twice_the_class, "factor_definitions.asset_class", "'bonds' is there more than once"),
        (twice_the_name, "factor_definitions", "'stocks: Growth' is there more than once"),
        (half_a_spread, "factor_definitions", "'bonds: Duration' has less_proxies and no proxies"),
        (against_itself, "factor_definitions", "'bonds: Duration' has IEF on both sides"),
        (stamps, "factor_definitions[0].asset_class", "stamps"),
    ],
)
async def test_definitions_that_contradict_themselves_are_refused(market: Callers, spoil, field: str, complaint: str):
    change = pb.PutFactorDefinitionsRequest(factor_definitions=(await defined(market)).factor_definitions)
    spoil(change)
    answer = await refused(market.admin.PutFactorDefinitions(change))
    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(answer.fields) == [field]
    assert complaint in answer.fields[field]
    assert (await defined(market)).version == 1
