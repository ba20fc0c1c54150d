"""Making accounts, and opening, renewing and ending sessions."""

import datetime
import hashlib
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import NotFound, PermissionDenied, Unauthenticated
from services.portfolio.application.audit_log import AuditLog
from services.portfolio.application.login_attempts import LoginAttempts
from services.portfolio.application.passwords import Passwords
from services.portfolio.application.signing import Signer
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.domain.user import Role, User, normal_email
from services.portfolio.ports import Clock
from services.portfolio.storage import portfolios, refresh_tokens, users

FIRST_PORTFOLIO = Terms(name="My portfolio")
DEFAULT_CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client holds of an open session."""

    access_token: str
    refresh_token: str


class Accounts:
    """The accounts of this installation."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        signer: Signer,
        audit: AuditLog,
        attempts: LoginAttempts,
        clock: Clock,
        *,
        registration_open: bool,
        refresh_life: datetime.timedelta,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._signer = signer
        self._audit = audit
        self._attempts = attempts
        self._clock = clock
        self.registration_open = registration_open
        self._refresh_life = refresh_life

    async def register(self, email: str, password: str, display_name: str) -> tuple[User, Portfolio]:
        """Make an account and its first, empty portfolio.

        Raises:
            PermissionDenied: registration is closed.
            AlreadyExists: the address has an account.
        """
        self.require_registration()
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction(user_id := str(uuid.uuid4())) as connection:
            return await self.add(connection, user_id, email, display_name, password_hash)

    async def create_admin(self, email: str, password: str) -> User:
        """Make an account that may administer the installation; the operator vouches for the address.

        Raises:
            AlreadyExists: the address has an account.
        """
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction(user_id := str(uuid.uuid4())) as connection:
            user, _ = await self.add(connection, user_id, email, "", password_hash, "admin", email_verified=True)
        return user

    def require_registration(self) -> None:
        """Make sure that anyone may make an account.

        Raises:
            PermissionDenied: registration is closed.
        """
        if not self.registration_open:
            message = "this installation takes no registrations: ask its admin for an account"
            raise PermissionDenied("REGISTRATION_CLOSED", message)

    async def add(
        self,
        connection: AsyncConnection,
        user_id: str,
        email: str,
        display_name: str,
        password_hash: str | None,
        role: Role = "member",
        *,
        email_verified: bool = False,
    ) -> tuple[User, Portfolio]:
        """Make an account and its first, empty portfolio, in a transaction of the new user's.

        Raises:
            AlreadyExists: the address has an account.
        """
        address, name = normal_email(email), display_name.strip()
        user = await users.add(connection, user_id, address, name, password_hash, role, email_verified=email_verified)
        portfolio = await portfolios.add(connection, user_id, DEFAULT_CURRENCY, FIRST_PORTFOLIO)
        await self._audit.record(connection, "account_created", user_id, actor_id=user_id, email=address, role=role)
        return user, portfolio

    async def login(self, email: str, password: str, client: str) -> Tokens:
        """Open a session for a client at an address.

        Raises:
            RateLimited: too many attempts were made.
            Unauthenticated: address and password do not belong together; an unknown address looks and takes the same.
        """
        address = normal_email(email)
        await self._attempts.take(address, client)
        async with self._database.transaction() as connection:
            found = await users.by_email(connection, address)
        # The connection is back in the pool while the hash is checked: a login must not hold one for 20 ms.
        matches = await self._passwords.verify(found.password_hash if found else None, password)
        if found is None or found.user.disabled_time or not matches:
            async with self._database.transaction() as connection:
                await self._audit.record(connection, "login_refused", found.user.user_id if found else None)
            raise Unauthenticated("CREDENTIALS_INVALID", "the e-mail address or the password is wrong")
        renewed = await self._passwords.renewed(found.password_hash, password)
        async with self._database.transaction() as connection:
            if renewed:
                await users.set_password_hash(connection, found.user.user_id, renewed)
            return await self.open_session(connection, found.user, "password")

    async def open_session(self, connection: AsyncConnection, user: User, by: str) -> Tokens:
        """Open a session for a user who has proved who they are, by a means."""
        family_id, login_time = await refresh_tokens.open_family(connection, user.user_id)
        await self._audit.record(connection, "session_opened", user.user_id, actor_id=user.user_id, by=by)
        refresh_token = await self._add_token(connection, family_id)
        return Tokens(await self._signer.session_token(user, login_time), refresh_token)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for a new session's tokens.

        A token that was used before has been copied: the whole session ends, whoever holds the copy.

        Raises:
            Unauthenticated: the token is unknown, used, expired, or its session has ended.
        """
        async with self._database.transaction() as connection:
            outcome = await self._exchange(connection, token_hash(refresh_token))
        # Raised after the commit: the end of a copied session must be kept.
        if isinstance(outcome, Unauthenticated):
            raise outcome
        return outcome

    async def _exchange(self, connection: AsyncConnection, given: bytes) -> Tokens | Unauthenticated:
        token = await refresh_tokens.lock(connection, given)
        user = await users.get(connection, token.user_id) if token else None
        if token is None or user is None or token.revoked:
            return Unauthenticated("TOKEN_INVALID", "the refresh token is not valid: log in again")
        if token.used:
            await refresh_tokens.revoke_family(connection, token.family_id)
            await self._audit.record(connection, "session_copied", user.user_id)
            return Unauthenticated("TOKEN_INVALID", "the refresh token was used before: the session ends, log in again")
        if token.expires_time <= self._clock():
            return Unauthenticated("TOKEN_EXPIRED", "the refresh token has expired: log in again")
        await refresh_tokens.mark_used(connection, given)
        following = await self._add_token(connection, token.family_id)
        return Tokens(await self._signer.session_token(user, token.login_time), following)

    async def logout(self, refresh_token: str) -> None:
        """End the session of a refresh token; an unknown one has none."""
        async with self._database.transaction() as connection:
            token = await refresh_tokens.lock(connection, token_hash(refresh_token))
            if token and not token.revoked:
                await refresh_tokens.revoke_family(connection, token.family_id)
                await self._audit.record(connection, "session_ended", token.user_id, actor_id=token.user_id)

    async def get(self, user_id: str) -> User:
        """Give an account.

        Raises:
            NotFound: it was deleted or disabled since its token was signed.
        """
        async with self._database.transaction() as connection:
            user = await users.get(connection, user_id)
        if user is None:
            raise NotFound("account", user_id)
        return user

    async def _add_token(self, connection: AsyncConnection, family_id: str) -> str:
        token = secrets.token_urlsafe(32)
        await refresh_tokens.add(connection, family_id, token_hash(token), self._refresh_life)
        return token


def token_hash(token: str) -> bytes:
    """Give what stands for a token in the database. It is random enough that nothing slower is needed."""
    return hashlib.sha256(token.encode()).digest()
