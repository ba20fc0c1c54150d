"""Preferences of users in PostgreSQL. Who never set any has no row here."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.portfolio.domain.profile import Profile
from services.portfolio.storage.account_tables import profiles
from services.portfolio.storage.tables import users

COLUMNS = (
    users.c.display_name,
    profiles.c.risk_tolerance,
    profiles.c.preferred_asset_types,
    profiles.c.analysis_depth,
    profiles.c.notification_preferences,
    profiles.c.default_risk_limits,
    profiles.c.revision,
    profiles.c.updated_time,
)


async def get(connection: AsyncConnection, user_id: str, *, lock: bool = False) -> Profile | None:
    """Give the preferences of a user; with `lock`, keep others from changing them until this transaction ends.

    None: there is no such account, or it is disabled.
    """
    open_account = (users.c.user_id == user_id) & users.c.disabled_time.is_(None)
    joined = users.outerjoin(profiles, profiles.c.user_id == users.c.user_id)
    statement = select(*COLUMNS).select_from(joined).where(open_account)
    if lock:
        await connection.execute(select(users.c.user_id).where(open_account).with_for_update())
    row = (await connection.execute(statement)).one_or_none()
    if row is None or row.revision is None:
        return Profile(display_name=row.display_name) if row else None
    return Profile(
        display_name=row.display_name,
        risk_tolerance=row.risk_tolerance or "",
        preferred_asset_types=tuple(row.preferred_asset_types),
        analysis_depth=row.analysis_depth or "",
        notification_preferences=row.notification_preferences,
        default_risk_limits=row.default_risk_limits,
        revision=row.revision,
        updated_time=row.updated_time,
    )


async def put(connection: AsyncConnection, user_id: str, profile: Profile) -> None:
    """Keep the preferences of a user under their next revision."""
    values: dict[str, Any] = {
        "risk_tolerance": profile.risk_tolerance or None,
        "preferred_asset_types": list(profile.preferred_asset_types),
        "analysis_depth": profile.analysis_depth or None,
        "notification_preferences": dict(profile.notification_preferences),
        "default_risk_limits": dict(profile.default_risk_limits),
        "revision": profile.revision + 1,
        "updated_time": func.now(),
    }
    statement = insert(profiles).values(user_id=user_id, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[profiles.c.user_id], set_=values))
    renamed = users.update().where(users.c.user_id == user_id, users.c.display_name != profile.display_name)
    await connection.execute(renamed.values(display_name=profile.display_name))
