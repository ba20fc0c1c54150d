"""What an operator does from the command line, without a running service."""

from chassis.database import Database
from services.portfolio.domain.user import User
from services.portfolio.settings import Settings
from services.portfolio.wiring import NAME, accounts_of


async def create_admin(settings: Settings, email: str, password: str) -> User:
    """Make an account that may administer the installation.

    Raises:
        AlreadyExists: the address has an account.
    """
    database = Database(settings.database_url, NAME)
    try:
        accounts, _ = accounts_of(settings, database)
        user, _ = await accounts.create(email, password, "", "admin")
    finally:
        await database.close()
    return user


async def rotate_signing_key(settings: Settings) -> str:
    """Make the next key that signs access tokens and give its id; it signs ten minutes from now."""
    database = Database(settings.database_url, NAME)
    try:
        _, signer = accounts_of(settings, database)
        await signer.prepare()
        return await signer.rotate()
    finally:
        await database.close()
