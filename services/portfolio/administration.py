"""What an operator does from the command line, without a running service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.database import Database
from services.portfolio.application.audit_chain import Verification
from services.portfolio.domain.user import Tier, User
from services.portfolio.settings import Settings
from services.portfolio.wiring import NAME, now
from services.portfolio.wiring_identity import Identity, identity_of


@asynccontextmanager
async def _identity(settings: Settings) -> AsyncIterator[Identity]:
    database = Database(settings.database_url, NAME)
    try:
        identity = identity_of(settings, database, now)
        yield identity
        await identity.counters.close()
    finally:
        await database.close()


async def create_admin(settings: Settings, email: str, password: str) -> User:
    """Make an account that may administer the installation.

    Raises:
        AlreadyExists: the address has an account.
    """
    async with _identity(settings) as identity:
        return await identity.accounts.create_admin(email, password)


async def reset_password(settings: Settings, email: str, password: str) -> None:
    """Set another password for an account, and end its sessions.

    Raises:
        NotFound: nobody has the address.
    """
    async with _identity(settings) as identity:
        await identity.passwords.reset(email, password)


async def set_open(settings: Settings, email: str, *, is_open: bool) -> None:
    """Open an account to its owner, or close it.

    Raises:
        NotFound: nobody has the address.
    """
    async with _identity(settings) as identity, identity.database.transaction() as connection:
        user_id = await identity.members.id_of(connection, email)
        if is_open:
            await identity.members.enable(connection, user_id)
        else:
            await identity.members.disable(connection, user_id)


async def set_tier(settings: Settings, email: str, tier: Tier) -> None:
    """Put an account into a tier.

    Raises:
        NotFound: nobody has the address.
    """
    async with _identity(settings) as identity, identity.database.transaction() as connection:
        await identity.members.set_tier(connection, await identity.members.id_of(connection, email), tier)


async def verify_audit_log(settings: Settings, noted: bytes | None) -> Verification:
    """Seal what waits to be sealed, and check the whole chain; see AuditChain.verify."""
    async with _identity(settings) as identity:
        while await identity.chain.seal():
            pass
        return await identity.chain.verify(noted)


async def rotate_signing_key(settings: Settings) -> str:
    """Make the next key that signs access tokens and give its id; it signs ten minutes from now."""
    async with _identity(settings) as identity:
        await identity.signer.prepare()
        return await identity.signer.rotate()
