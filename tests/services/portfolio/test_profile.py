"""Preferences of users, through the service as it is wired."""

import asyncio

import grpc
import pytest

from plimsoll.identity.v1.account_service_pb2 import GetProfileRequest, UpdateProfileRequest
from plimsoll.identity.v1.identity_service_pb2 import GetMeRequest
from plimsoll.identity.v1.profile_pb2 import Profile
from services.portfolio.domain.profile import Profile as Preferences
from services.portfolio.domain.profile import ProfileChange
from tests.services.portfolio.conftest import refused

LIMITS = {"max_volatility": 0.4, "max_loss": -0.25, "max_single_stock_weight": 0.4}


async def test_nothing_is_said_at_first(alice):
    assert await alice.account.GetProfile(GetProfileRequest()) == Profile()


async def test_what_is_sent_is_kept_and_what_is_not_stays(alice):
    first = await alice.account.UpdateProfile(
        UpdateProfileRequest(
            display_name=" Alice ",
            risk_tolerance=Profile.MODERATE,
            preferred_asset_types=[Profile.STOCKS, Profile.OPTIONS],
            analysis_depth=Profile.DETAILED,
            notification_preferences={"alerts": True, "news": False},
            default_risk_limits=LIMITS,
        )
    )
    assert first.revision == 1
    assert first.HasField("updated_time")
    second = await alice.account.UpdateProfile(
        UpdateProfileRequest(
            risk_tolerance=Profile.AGGRESSIVE,
            notification_preferences={"news": True},
            default_risk_limits={"max_loss": -0.3},
        )
    )
    assert (second.display_name, second.risk_tolerance, second.revision) == ("Alice", Profile.AGGRESSIVE, 2)
    assert second.preferred_asset_types == [Profile.STOCKS, Profile.OPTIONS]
    assert dict(second.notification_preferences) == {"alerts": True, "news": True}
    assert dict(second.default_risk_limits) == {**LIMITS, "max_loss": -0.3}
    assert await alice.account.GetProfile(GetProfileRequest()) == second
    assert (await alice.identity.GetMe(GetMeRequest())).display_name == "Alice"


async def test_everything_can_be_taken_back(alice):
    await alice.account.UpdateProfile(
        UpdateProfileRequest(
            display_name="Alice",
            risk_tolerance=Profile.MODERATE,
            preferred_asset_types=[Profile.BONDS],
            analysis_depth=Profile.BRIEF,
            notification_preferences={"alerts": True},
            default_risk_limits=LIMITS,
        )
    )
    lists = ["preferred_asset_types", "notification_preferences", "default_risk_limits"]
    emptied = await alice.account.UpdateProfile(
        UpdateProfileRequest(
            display_name="",
            risk_tolerance=Profile.RISK_TOLERANCE_UNSPECIFIED,
            analysis_depth=Profile.ANALYSIS_DEPTH_UNSPECIFIED,
            clear=lists,
        )
    )
    emptied.ClearField("updated_time")
    assert emptied == Profile(revision=2)
    replaced = await alice.account.UpdateProfile(
        UpdateProfileRequest(default_risk_limits={"max_loss": -0.1}, clear=["default_risk_limits"])
    )
    assert dict(replaced.default_risk_limits) == {"max_loss": -0.1}


async def test_a_change_that_changes_nothing_makes_no_revision(alice):
    change = UpdateProfileRequest(risk_tolerance=Profile.MODERATE)
    first = await alice.account.UpdateProfile(change)
    assert await alice.account.UpdateProfile(change) == first


async def test_a_stale_change_is_refused_and_the_first_one_can_be_guarded_too(alice):
    change = UpdateProfileRequest(display_name="A", revision=0)
    await alice.account.UpdateProfile(change)
    error = await refused(alice.account.UpdateProfile(UpdateProfileRequest(display_name="B", revision=0)))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_REVISION")
    assert dict(error.info.metadata) == {"given": "0", "current": "1"}


async def test_of_parallel_guarded_changes_one_wins(alice):
    requests = [UpdateProfileRequest(display_name=f"A{n}", revision=0) for n in range(8)]
    answers = await asyncio.gather(*map(alice.account.UpdateProfile, requests), return_exceptions=True)
    assert sum(isinstance(answer, Profile) for answer in answers) == 1
    assert {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        grpc.StatusCode.ABORTED
    }


async def test_parallel_changes_of_different_fields_are_all_kept(alice):
    requests = [UpdateProfileRequest(default_risk_limits={name: value}) for name, value in LIMITS.items()]
    await asyncio.gather(*map(alice.account.UpdateProfile, requests))
    found = await alice.account.GetProfile(GetProfileRequest())
    assert (dict(found.default_risk_limits), found.revision) == (LIMITS, 3)


async def test_a_repeated_change_is_answered_and_not_repeated(alice):
    change = UpdateProfileRequest(display_name="A", request_id="once")
    first = await alice.account.UpdateProfile(change)
    await alice.account.UpdateProfile(UpdateProfileRequest(display_name="B"))
    assert await alice.account.UpdateProfile(change) == first
    assert (await alice.account.GetProfile(GetProfileRequest())).display_name == "B"


@pytest.mark.parametrize(
    ("change", "field", "shown"),
    [
        ({"default_risk_limits": {"max_volatilty": 0.4}}, "default_risk_limits", "max_volatilty"),
        ({"default_risk_limits": {"max_loss": 0.25}}, "default_risk_limits[max_loss]", "0.25"),
        ({"default_risk_limits": {"max_loss": -1.5}}, "default_risk_limits[max_loss]", "-1.5"),
        ({"default_risk_limits": {"max_single_factor_loss": 0.0}}, "default_risk_limits[max_single_factor_loss]", "0"),
        ({"default_risk_limits": {"max_volatility": 0.0}}, "default_risk_limits[max_volatility]", "0"),
        ({"default_risk_limits": {"max_volatility": 5.1}}, "default_risk_limits[max_volatility]", "5.1"),
        (
            {"default_risk_limits": {"max_factor_contribution": 1.01}},
            "default_risk_limits[max_factor_contribution]",
            "1",
        ),
        ({"default_risk_limits": {"max_loss": float("nan")}}, "default_risk_limits", ""),
        ({"notification_preferences": {"sms": True}}, "notification_preferences", "sms"),
        ({"preferred_asset_types": [Profile.STOCKS, Profile.STOCKS]}, "preferred_asset_types", ""),
        ({"preferred_asset_types": [0]}, "preferred_asset_types", ""),
        ({"preferred_asset_types": [99]}, "preferred_asset_types", ""),
        ({"risk_tolerance": 99}, "risk_tolerance", "99"),
        ({"clear": ["email"]}, "clear", "email"),
        ({"display_name": "x" * 101}, "display_name", "x"),
    ],
)
async def test_a_wrong_value_is_named(alice, change, field, shown):
    error = await refused(alice.account.UpdateProfile(UpdateProfileRequest(**change)))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    (named,) = error.fields
    assert named.startswith(field)
    assert shown in error.message
    assert await alice.account.GetProfile(GetProfileRequest()) == Profile()


async def test_two_users_have_two_profiles(alice, mallory):
    await alice.account.UpdateProfile(UpdateProfileRequest(display_name="Alice"))
    assert await mallory.account.GetProfile(GetProfileRequest()) == Profile()


def test_a_change_leaves_the_old_profile_as_it_was():
    before = Preferences(default_risk_limits={"max_loss": -0.2})
    after = ProfileChange(default_risk_limits={"max_loss": -0.1}).applied_to(before)
    assert (before.default_risk_limits, after.default_risk_limits) == ({"max_loss": -0.2}, {"max_loss": -0.1})
