"""What admins do with accounts: tiers, and closing and opening them. Each leaves a line in the audit log."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.errors import InvalidFields, NotFound, Violation
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.domain.user import Tier, User, normal_email
from services.portfolio.storage import refresh_tokens, users


class Members:
    """Administers accounts."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def set_tier(self, connection: AsyncConnection, user_id: str, tier: Tier) -> User:
        """Put an account into a tier.

        Raises:
            NotFound: there is no such account.
        """
        user = await users.set_tier(connection, user_id, tier)
        await self._audit.record(connection, "tier_set", user_id, tier=tier)
        return user

    async def disable(self, connection: AsyncConnection, user_id: str, by: str = "") -> User:
        """Close an account to its owner and end its sessions.

        Raises:
            NotFound: there is no such account.
            InvalidFields: it is the account of the admin who asks, who would be locked out.
        """
        if user_id == by:
            raise InvalidFields([Violation("user_id", user_id, "is your own account: another admin must close it")])
        user = await users.set_disabled(connection, user_id, disabled=True)
        await refresh_tokens.revoke_all(connection, user_id)
        await self._audit.record(connection, "user_disabled", user_id)
        return user

    async def enable(self, connection: AsyncConnection, user_id: str) -> User:
        """Open a closed account to its owner again.

        Raises:
            NotFound: there is no such account.
        """
        user = await users.set_disabled(connection, user_id, disabled=False)
        await self._audit.record(connection, "user_enabled", user_id)
        return user

    async def id_of(self, connection: AsyncConnection, email: str) -> str:
        """Give the id of whoever has an address.

        Raises:
            NotFound: nobody has it.
        """
        found = await users.by_email(connection, normal_email(email))
        if found is None:
            raise NotFound("account", email)
        return found.user.user_id
