"""Logging in with the word of another identity provider.

A user is known by the provider's own id of them. The first time, the address that the provider has verified leads to
the account, or to a new one. An account of that address may have been made by somebody else, who wanted to be there
first: where nobody had proved the address until then, whoever made it loses everything that opens it.
"""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import Aborted, FailedPrecondition, Unauthenticated
from services.portfolio.application.accounts import Accounts, Tokens, token_hash
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.domain.user import Credentials, ProvenIdentity, User, normal_email
from services.portfolio.ports import IdentityProvider
from services.portfolio.storage import api_keys, oidc, refresh_tokens, users


class OidcLogins:
    """Opens sessions for whom another provider vouches."""

    def __init__(
        self, database: Database, accounts: Accounts, audit: AuditLog, provider: IdentityProvider | None
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._audit = audit
        self._provider = provider

    async def login(self, id_token: str, nonce: str) -> Tokens:
        """Open a session for whom a token proves.

        Raises:
            FailedPrecondition: the installation names no provider.
            Unauthenticated: the token is not valid, was used before, or leads to no account that is open.
            PermissionDenied: there is no account yet, and registration is closed.
            Unavailable: the provider does not answer.
            Aborted: the same user was being linked by another call.
        """
        if self._provider is None:
            raise FailedPrecondition("OIDC_OFF", "this installation takes no logins of other identity providers")
        proven = await self._provider.verify(id_token, nonce)
        async with self._database.transaction() as connection:
            user_id = await oidc.user_of(connection, proven.issuer, proven.subject)
            found = None if user_id else await users.by_email(connection, _address(proven))
        user_id = user_id or (found.user.user_id if found else str(uuid.uuid4()))
        async with self._database.transaction(user_id) as connection:
            if not await oidc.use_once(connection, token_hash(id_token), proven.expires_time):
                raise Unauthenticated("TOKEN_INVALID", "the ID token was used before: sign in at the provider again")
            user = await self._user(connection, user_id, proven)
            return await self._accounts.open_session(connection, user, "oidc")

    async def _user(self, connection: AsyncConnection, user_id: str, proven: ProvenIdentity) -> User:
        await oidc.lock(connection, proven.issuer, proven.subject)
        linked = await oidc.user_of(connection, proven.issuer, proven.subject)
        if linked and linked != user_id:
            raise Aborted("REQUEST_IN_PROGRESS", "the same user is signing in for the first time: try again")
        found = await users.by_id(connection, user_id)
        if found and found.user.disabled_time:
            raise Unauthenticated("CREDENTIALS_INVALID", "the account is disabled")
        if linked and found:
            return found.user
        user = await self._take_over(connection, found) if found else await self._make(connection, user_id, proven)
        await oidc.link(connection, proven.issuer, proven.subject, user_id)
        await self._audit.record(connection, "identity_linked", user_id, actor_id=user_id, issuer=proven.issuer)
        return user

    async def _take_over(self, connection: AsyncConnection, found: Credentials) -> User:
        user = found.user
        if not found.email_verified:
            await users.set_password_hash(connection, user.user_id, None)
            await refresh_tokens.revoke_all(connection, user.user_id)
            await api_keys.remove_all(connection, user.user_id)
            await users.set_email_verified(connection, user.user_id)
        return user

    async def _make(self, connection: AsyncConnection, user_id: str, proven: ProvenIdentity) -> User:
        self._accounts.require_registration()
        address = _address(proven)
        user, _ = await self._accounts.add(connection, user_id, address, proven.name, None, email_verified=True)
        return user


def _address(proven: ProvenIdentity) -> str:
    """Give the address that leads to the account.

    Raises:
        Unauthenticated: the provider does not say that the address is this user's.
    """
    if not (proven.email and proven.email_verified):
        message = "the identity provider has not verified an e-mail address of this user's"
        raise Unauthenticated("CREDENTIALS_INVALID", message)
    return normal_email(proven.email)
