"""Tags and strategies through the service as it is wired: names, limits, and what follows a new name."""

import asyncio

import grpc
import pytest

from plimsoll.portfolio.v1.label_pb2 import Label
from plimsoll.portfolio.v1.label_service_pb2 import (
    CreateStrategyRequest,
    CreateTagRequest,
    DeleteStrategyRequest,
    DeleteTagRequest,
    ListStrategiesRequest,
    ListTagsRequest,
    UpdateStrategyRequest,
    UpdateTagRequest,
)
from plimsoll.portfolio.v1.position_service_pb2 import SetPositionTagsRequest
from tests.services.portfolio.books import NO_SUCH, enter, enter_all, listed, make, new, read, update
from tests.services.portfolio.conftest import Client, refused


async def tags(client: Client) -> dict[str, Label]:
    return {label.name: label for label in (await client.labels.ListTags(ListTagsRequest())).labels}


async def strategies(client: Client) -> dict[str, Label]:
    return {label.name: label for label in (await client.labels.ListStrategies(ListStrategiesRequest())).labels}


async def test_labels_are_made_renamed_and_deleted(alice):
    made = await alice.labels.CreateTag(CreateTagRequest(name=" core ", description="bought to keep"))
    assert (made.name, made.description, made.position_count) == ("core", "bought to keep", 0)
    changed = await alice.labels.UpdateTag(UpdateTagRequest(tag_id=made.label_id, name="kept"))
    assert (changed.name, changed.description, changed.label_id) == ("kept", "bought to keep", made.label_id)
    assert await tags(alice) == {"kept": changed}
    assert await strategies(alice) == {}, "a tag is no strategy"
    await alice.labels.DeleteTag(DeleteTagRequest(tag_id=made.label_id))
    assert await tags(alice) == {}
    for call in (
        alice.labels.UpdateTag(UpdateTagRequest(tag_id=made.label_id, name="x")),
        alice.labels.DeleteTag(DeleteTagRequest(tag_id=made.label_id)),
    ):
        assert (await refused(call)).code == grpc.StatusCode.NOT_FOUND


async def test_what_a_position_is_given_becomes_a_label(alice):
    portfolio = await make(alice)
    one, two = await enter_all(
        alice,
        portfolio.portfolio_id,
        new(tags=["core", "tech"], strategy="pairs"),
        new("XOM", -5, tags=["core"], strategy="pairs"),
    )
    assert {name: label.position_count for name, label in (await tags(alice)).items()} == {"core": 2, "tech": 1}
    assert {name: label.position_count for name, label in (await strategies(alice)).items()} == {"pairs": 2}
    await alice.positions.SetPositionTags(SetPositionTagsRequest(position_id=one.position_id, tags=["new"]))
    await update(alice, two.position_id, strategy="alone")
    assert {name: n.position_count for name, n in (await tags(alice)).items()} == {"core": 1, "new": 1, "tech": 0}
    assert {name: n.position_count for name, n in (await strategies(alice)).items()} == {"alone": 1, "pairs": 1}


async def test_a_new_name_follows_to_every_position_and_no_earlier_revision(alice):
    first, second, third = [await make(alice, name) for name in ("A", "B", "C")]
    await enter_all(alice, first.portfolio_id, new(tags=["x", "core", "y"]), new("XOM"), new("JPM", tags=["core"]))
    await enter(alice, second.portfolio_id, new(tags=["core"], exit_date="2022-02-01", exit_price=1))
    await enter(alice, third.portfolio_id, new(tags=["other"]))
    label = (await tags(alice))["core"]
    changed = await alice.labels.UpdateTag(UpdateTagRequest(tag_id=label.label_id, name="kept"))
    assert (changed.name, changed.position_count) == ("kept", 3)
    now = await listed(alice, portfolio_id=first.portfolio_id)
    assert [list(position.tags) for position in now] == [["x", "kept", "y"], [], ["kept"]]
    assert [position.revision for position in now] == [3, 2, 3], "a position without the tag is as it was"
    then = await listed(alice, portfolio_id=first.portfolio_id, portfolio_revision=2)
    assert [list(position.tags) for position in then] == [["x", "core", "y"], [], ["core"]]
    assert [list(p.tags) for p in await listed(alice, portfolio_id=second.portfolio_id, status="any")] == [["kept"]]
    revisions = [(await read(alice, p.portfolio_id)) for p in (first, second, third)]
    assert [(p.revision, p.position_count) for p in revisions] == [(3, 3), (3, 0), (2, 1)]


async def test_a_deleted_label_is_taken_from_positions(alice):
    portfolio = await make(alice)
    await enter_all(alice, portfolio.portfolio_id, new(tags=["a", "b"], strategy="s"), new("XOM", strategy="s"))
    await alice.labels.DeleteTag(DeleteTagRequest(tag_id=(await tags(alice))["a"].label_id))
    strategy = (await strategies(alice))["s"]
    await alice.labels.UpdateStrategy(UpdateStrategyRequest(strategy_id=strategy.label_id, name="t"))
    assert [p.strategy for p in await listed(alice)] == ["t", "t"]
    await alice.labels.DeleteStrategy(DeleteStrategyRequest(strategy_id=strategy.label_id))
    assert [(list(p.tags), p.strategy) for p in await listed(alice)] == [(["b"], ""), ([], "")]
    assert (await strategies(alice), list(await tags(alice))) == ({}, ["b"])
    assert (await read(alice, portfolio.portfolio_id)).revision == 5


async def test_a_change_of_description_alone_makes_no_revision(alice):
    portfolio = await make(alice)
    await enter(alice, portfolio.portfolio_id, new(tags=["a"]))
    label = (await tags(alice))["a"]
    same = await alice.labels.UpdateTag(UpdateTagRequest(tag_id=label.label_id, name="a", description="d"))
    assert (same.description, same.position_count) == ("d", 1)
    assert (await read(alice, portfolio.portfolio_id)).revision == 2


async def test_names_are_unique_of_a_kind_and_a_user(alice, mallory):
    made = await alice.labels.CreateTag(CreateTagRequest(name="core"))
    await alice.labels.CreateStrategy(CreateStrategyRequest(name="core"))
    await mallory.labels.CreateTag(CreateTagRequest(name="core"))
    other = await alice.labels.CreateTag(CreateTagRequest(name="other"))
    for call in (
        alice.labels.CreateTag(CreateTagRequest(name="core")),
        alice.labels.UpdateTag(UpdateTagRequest(tag_id=other.label_id, name="core")),
    ):
        error = await refused(call)
        assert (error.code, error.info.metadata["name"]) == (grpc.StatusCode.ALREADY_EXISTS, "core")
    assert list(await tags(alice)) == ["core", "other"]
    assert (await tags(mallory))["core"].label_id != made.label_id


async def test_a_user_has_at_most_500_tags(alice):
    portfolio = await make(alice)
    rows = [new(tags=[f"t{20 * n + m:03}" for m in range(20)]) for n in range(25)]
    await enter_all(alice, portfolio.portfolio_id, *rows)
    assert len((await alice.labels.ListTags(ListTagsRequest(page_size=500))).labels) == 500
    error = await refused(alice.labels.CreateTag(CreateTagRequest(name="one more")))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["tags"])
    error = await refused(enter(alice, portfolio.portfolio_id, new(tags=["one more"])))
    assert list(error.fields) == ["tags"]
    assert (await enter(alice, portfolio.portfolio_id, new(tags=["t007"], strategy="s"))).strategy == "s"


async def test_a_user_has_at_most_500_strategies(alice):
    portfolio = await make(alice)
    await enter_all(alice, portfolio.portfolio_id, *[new(strategy=f"s{n:03}") for n in range(500)])
    error = await refused(alice.labels.CreateStrategy(CreateStrategyRequest(name="one more")))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["strategy"])
    error = await refused(enter(alice, portfolio.portfolio_id, new(strategy="one more")))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["strategy"])


async def test_labels_page_by_name(alice):
    names = ["Zulu", "alpha", "émile", "日本", "b"]
    for name in names:
        await alice.labels.CreateTag(CreateTagRequest(name=name))
    seen, token = [], ""
    while True:
        page = await alice.labels.ListTags(ListTagsRequest(page_size=2, page_token=token))
        seen += [label.name for label in page.labels]
        if not (token := page.next_page_token):
            break
    assert seen == sorted(names)


@pytest.mark.parametrize("name", ["", "  ", "a;b", "x" * 51, "a\0b"])
async def test_what_cannot_be_a_name_is_refused(alice, name):
    error = await refused(alice.labels.CreateTag(CreateTagRequest(name=name)))
    assert (error.code, list(error.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, ["name"])


async def test_a_repeated_create_makes_one(alice):
    request = CreateTagRequest(name="core", request_id="k")
    assert await alice.labels.CreateTag(request) == await alice.labels.CreateTag(request)


async def test_writers_and_renames_at_once_leave_no_name_without_a_label(alice):
    made = [await make(alice, name) for name in ("A", "B", "C")]
    for portfolio in made:
        await enter(alice, portfolio.portfolio_id, new(tags=["t0"]))
    label_id = (await tags(alice))["t0"].label_id

    async def rename(n: int) -> object:
        return await alice.labels.UpdateTag(UpdateTagRequest(tag_id=label_id, name=f"t{n}"))

    async def write(n: int) -> object:
        return await enter(alice, made[n % 3].portfolio_id, new(tags=[f"t{n}", "u"]))

    work = [step for n in range(1, 13) for step in (rename(n), write(n))]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    codes = {error.code() for error in outcomes if isinstance(error, grpc.aio.AioRpcError)}
    assert codes <= {grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.ABORTED}
    assert not [error for error in outcomes if isinstance(error, Exception) and not hasattr(error, "code")]
    on_positions = {tag for position in await listed(alice) for tag in position.tags}
    assert on_positions <= set(await tags(alice))


async def test_anothers_label_is_as_good_as_none(alice, mallory):
    tag = await alice.labels.CreateTag(CreateTagRequest(name="core"))
    strategy = await alice.labels.CreateStrategy(CreateStrategyRequest(name="pairs"))

    def attempts(tag_id: str, strategy_id: str):
        yield mallory.labels.UpdateTag(UpdateTagRequest(tag_id=tag_id, name="x"))
        yield mallory.labels.DeleteTag(DeleteTagRequest(tag_id=tag_id))
        yield mallory.labels.UpdateStrategy(UpdateStrategyRequest(strategy_id=strategy_id, name="x"))
        yield mallory.labels.DeleteStrategy(DeleteStrategyRequest(strategy_id=strategy_id))
        # The right id, of the other kind.
        yield mallory.labels.DeleteTag(DeleteTagRequest(tag_id=strategy_id))

    foreign = [await refused(call) for call in attempts(tag.label_id, strategy.label_id)]
    absent = [await refused(call) for call in attempts(NO_SUCH, NO_SUCH)]
    assert {error.code for error in [*foreign, *absent]} == {grpc.StatusCode.NOT_FOUND}
    hidden = [error.message.replace(tag.label_id, "").replace(strategy.label_id, "") for error in foreign]
    assert hidden == [error.message.replace(NO_SUCH, "") for error in absent]
    wrong_kind = await refused(alice.labels.DeleteTag(DeleteTagRequest(tag_id=strategy.label_id)))
    assert wrong_kind.code == grpc.StatusCode.NOT_FOUND
    assert (list(await tags(alice)), list(await strategies(alice))) == (["core"], ["pairs"])
