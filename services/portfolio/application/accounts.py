"""Making accounts, and opening, renewing and ending sessions."""

import datetime
import hashlib
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.errors import NotFound, PermissionDenied, Unauthenticated
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
        clock: Clock,
        *,
        registration_open: bool,
        refresh_life: datetime.timedelta,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._signer = signer
        self._clock = clock
        self._registration_open = registration_open
        self._refresh_life = refresh_life

    async def register(self, email: str, password: str, display_name: str) -> tuple[User, Portfolio]:
        """Make an account and its first, empty portfolio.

        Raises:
            PermissionDenied: registration is closed.
            AlreadyExists: the address has an account.
        """
        if not self._registration_open:
            message = "this installation takes no registrations: ask its admin for an account"
            raise PermissionDenied("REGISTRATION_CLOSED", message)
        return await self.create(email, password, display_name, "member")

    async def create(self, email: str, password: str, display_name: str, role: Role) -> tuple[User, Portfolio]:
        """Make an account of any role and its first, empty portfolio.

        Raises:
            AlreadyExists: the address has an account.
        """
        password_hash = await self._passwords.hash(password)
        user_id = str(uuid.uuid4())
        async with self._database.transaction(user_id) as connection:
            address = normal_email(email)
            user = await users.add(connection, user_id, address, display_name.strip(), password_hash, role)
            portfolio = await portfolios.add(connection, user_id, DEFAULT_CURRENCY, FIRST_PORTFOLIO)
        return user, portfolio

    async def login(self, email: str, password: str) -> Tokens:
        """Open a session.

        Raises:
            Unauthenticated: address and password do not belong together; an unknown address looks and takes the same.
        """
        async with self._database.transaction() as connection:
            found = await users.credentials(connection, normal_email(email))
        # The connection is back in the pool while the hash is checked: a login must not hold one for 20 ms.
        matches = await self._passwords.verify(found.password_hash if found else None, password)
        if found is None or found.disabled or not matches:
            raise Unauthenticated("CREDENTIALS_INVALID", "the e-mail address or the password is wrong")
        renewed = await self._passwords.hash(password) if self._passwords.is_outdated(found.password_hash) else None
        async with self._database.transaction() as connection:
            if renewed:
                await users.set_password_hash(connection, found.user.user_id, renewed)
            family_id = await refresh_tokens.open_family(connection, found.user.user_id)
            refresh_token = await self._add_token(connection, family_id)
        return Tokens(await self._signer.access_token(found.user), refresh_token)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token for a new session's tokens.

        A token that was used before has been copied: the whole session ends, whoever holds the copy.

        Raises:
            Unauthenticated: the token is unknown, used, expired, or its session has ended.
        """
        async with self._database.transaction() as connection:
            outcome = await self._exchange(connection, _hash(refresh_token))
        # Raised after the commit: the end of a copied session must be kept.
        if isinstance(outcome, Unauthenticated):
            raise outcome
        user, following = outcome
        return Tokens(await self._signer.access_token(user), following)

    async def _exchange(self, connection: AsyncConnection, token_hash: bytes) -> tuple[User, str] | Unauthenticated:
        token = await refresh_tokens.lock(connection, token_hash)
        user = await users.get(connection, token.user_id) if token else None
        if token is None or user is None or token.revoked:
            return Unauthenticated("TOKEN_INVALID", "the refresh token is not valid: log in again")
        if token.used:
            await refresh_tokens.revoke_family(connection, token.family_id)
            return Unauthenticated("TOKEN_INVALID", "the refresh token was used before: the session ends, log in again")
        if token.expires_time <= self._clock():
            return Unauthenticated("TOKEN_EXPIRED", "the refresh token has expired: log in again")
        await refresh_tokens.mark_used(connection, token_hash)
        return user, await self._add_token(connection, token.family_id)

    async def logout(self, refresh_token: str) -> None:
        """End the session of a refresh token; an unknown one has none."""
        async with self._database.transaction() as connection:
            if token := await refresh_tokens.lock(connection, _hash(refresh_token)):
                await refresh_tokens.revoke_family(connection, token.family_id)

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
        await refresh_tokens.add(connection, family_id, _hash(token), self._refresh_life)
        return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
