"""Changing a password, by its owner or by whoever runs the installation."""

from chassis.call import Principal
from chassis.database import Database
from chassis.errors import NotFound, Unauthenticated
from services.portfolio.application.accounts import token_hash
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.application.login_attempts import LoginAttempts
from services.portfolio.application.passwords import Passwords
from services.portfolio.application.rights import require_person, require_recent_login
from services.portfolio.domain.user import normal_email
from services.portfolio.ports import Clock
from services.portfolio.storage import refresh_tokens, users


class PasswordChanges:
    """Changes passwords, and ends the sessions that were opened with the old ones."""

    def __init__(
        self, database: Database, passwords: Passwords, audit: AuditLog, attempts: LoginAttempts, clock: Clock
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._audit = audit
        self._attempts = attempts
        self._clock = clock

    async def change(self, principal: Principal, client: str, current: str, new: str, kept_token: str) -> None:
        """Set another password for a user who knows the present one, and end every session but that of a token.

        Raises:
            PermissionDenied: an API key asks.
            RateLimited: the present password was tried too often.
            Unauthenticated: the present password is wrong; or there is none, and the login was not just now.
            NotFound: the account was deleted or disabled since the access token was signed.
        """
        require_person(principal)
        async with self._database.transaction() as connection:
            found = await users.by_id(connection, principal.user_id)
        if found is None or found.user.disabled_time:
            raise NotFound("account", principal.user_id)
        if found.password_hash is None:
            require_recent_login(principal, self._clock())
        else:
            await self._attempts.take(found.user.email, client)
            if not await self._passwords.verify(found.password_hash, current):
                raise Unauthenticated("CREDENTIALS_INVALID", "the present password is wrong")
        password_hash = await self._passwords.hash(new)
        async with self._database.transaction() as connection:
            await users.set_password_hash(connection, principal.user_id, password_hash)
            kept = await refresh_tokens.lock(connection, token_hash(kept_token)) if kept_token else None
            own = kept if kept and kept.user_id == principal.user_id else None
            await refresh_tokens.revoke_all(connection, principal.user_id, own.family_id if own else None)
            await self._audit.record(connection, "password_changed", principal.user_id)

    async def reset(self, email: str, new: str) -> None:
        """Set another password for whoever has an address, and end every session of theirs.

        Raises:
            NotFound: nobody has it.
        """
        password_hash = await self._passwords.hash(new)
        async with self._database.transaction() as connection:
            found = await users.by_email(connection, normal_email(email))
            if found is None:
                raise NotFound("account", email)
            await users.set_password_hash(connection, found.user.user_id, password_hash)
            await refresh_tokens.revoke_all(connection, found.user.user_id)
            await self._audit.record(connection, "password_reset", found.user.user_id)
