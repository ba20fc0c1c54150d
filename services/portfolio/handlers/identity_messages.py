"""From the domain to the contract and back: accounts and what belongs to them."""

import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.identity.v1 import account_service_pb2, api_key_pb2, audit_event_pb2, profile_pb2, user_pb2
from services.portfolio.application.audit_log import ReadEvent
from services.portfolio.domain.api_key import ApiKey, Scope
from services.portfolio.domain.profile import Profile, ProfileChange
from services.portfolio.domain.user import Tier, User

RiskTolerance = profile_pb2.Profile.RiskTolerance
AssetType = profile_pb2.Profile.AssetType
AnalysisDepth = profile_pb2.Profile.AnalysisDepth


def timestamp(time: datetime.datetime | None) -> Timestamp | None:
    """Give a point in time as the contract writes it; None is left out."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def user(found: User) -> user_pb2.User:
    """Render an account."""
    return user_pb2.User(
        user_id=found.user_id,
        email=found.email,
        display_name=found.display_name,
        role=user_pb2.User.Role.Value(found.role.upper()),
        tier=user_pb2.User.Tier.Value(found.tier.upper()),
        created_time=timestamp(found.created_time),
        disabled_time=timestamp(found.disabled_time),
    )


def tier(given: "user_pb2.User.Tier.ValueType") -> Tier:
    """Read a tier, which the contract's rules have found to be one."""
    tiers: dict[int, Tier] = {user_pb2.User.PUBLIC: "public", user_pb2.User.REGISTERED: "registered"}
    return tiers.get(given, "paid")


def profile(found: Profile) -> profile_pb2.Profile:
    """Render preferences."""
    return profile_pb2.Profile(
        display_name=found.display_name,
        risk_tolerance=RiskTolerance.Value(found.risk_tolerance.upper() or "RISK_TOLERANCE_UNSPECIFIED"),
        preferred_asset_types=[AssetType.Value(each.upper()) for each in found.preferred_asset_types],
        analysis_depth=AnalysisDepth.Value(found.analysis_depth.upper() or "ANALYSIS_DEPTH_UNSPECIFIED"),
        notification_preferences=found.notification_preferences,
        default_risk_limits=found.default_risk_limits,
        revision=found.revision,
        updated_time=timestamp(found.updated_time),
    )


def profile_change(request: account_service_pb2.UpdateProfileRequest) -> ProfileChange:
    """Read what is to be changed of preferences.

    Raises:
        InvalidFields: a limit is out of its bounds.
    """
    risk_tolerance = _said(RiskTolerance.Name(request.risk_tolerance))
    analysis_depth = _said(AnalysisDepth.Name(request.analysis_depth))
    return ProfileChange(
        display_name=request.display_name.strip() if request.HasField("display_name") else None,
        risk_tolerance=risk_tolerance if request.HasField("risk_tolerance") else None,
        preferred_asset_types=tuple(_said(AssetType.Name(each)) for each in request.preferred_asset_types),
        analysis_depth=analysis_depth if request.HasField("analysis_depth") else None,
        notification_preferences=dict(request.notification_preferences),
        default_risk_limits=dict(request.default_risk_limits),
        clear=frozenset(request.clear),
    )


def _said(name: str) -> str:
    return "" if name.endswith("_UNSPECIFIED") else name.lower()


def api_key(found: ApiKey) -> api_key_pb2.ApiKey:
    """Render what is kept of an API key."""
    return api_key_pb2.ApiKey(
        api_key_id=found.api_key_id,
        name=found.name,
        prefix=found.prefix,
        scope=api_key_pb2.ApiKey.Scope.Value(found.scope.upper()),
        created_time=timestamp(found.created_time),
        expires_time=timestamp(found.expires_time),
        last_used_time=timestamp(found.last_used_time),
    )


def scope(given: "api_key_pb2.ApiKey.Scope.ValueType") -> Scope:
    """Read a scope, which the contract's rules have found to be one."""
    return "write" if given == api_key_pb2.ApiKey.WRITE else "read"


def audit_event(found: ReadEvent) -> audit_event_pb2.AuditEvent:
    """Render a line of the audit log."""
    event = found.event
    return audit_event_pb2.AuditEvent(
        event_id=str(event.event_id),
        event_time=timestamp(event.event_time),
        action=event.action,
        origin=audit_event_pb2.AuditEvent.Origin.Value(event.origin.upper()),
        actor_id=event.actor_id or "",
        subject_id=event.subject_id or "",
        details=found.details,
        details_reason="erased" if found.erased else "",
        seal_number=found.seal_number,
    )
