"""The databases of the services: the embedded one, or those that the settings name; and how they are made ready."""

from collections.abc import Mapping
from urllib.parse import quote

from chassis.settings import Secret
from cli.stack.credentials import Credentials
from cli.stack.errors import StackError
from cli.stack.settings import StackSettings

DATABASED = ("marketdata", "portfolio", "risk")
"""The services that have a schema."""


def given_urls(settings: StackSettings) -> dict[str, Secret]:
    """Give the databases that the settings name, by service; a service that is left out uses the embedded one."""
    own = {
        "portfolio": settings.portfolio_database_url,
        "marketdata": settings.marketdata_database_url,
        "risk": settings.risk_database_url,
    }
    chosen = {service: own[service] or settings.database_url for service in DATABASED}
    return {service: url for service, url in chosen.items() if url}


def password(service: str, credentials: Credentials) -> Secret:
    """Give the password with which a service logs in to the embedded database."""
    return credentials.read(f"{service}_database_password")


def embedded_url(service: str, address: str, credentials: Credentials) -> Secret:
    """Give the URL with which a service reaches the embedded database."""
    return Secret(f"postgresql://{service}_app:{quote(password(service, credentials), safe='')}@{address}/plimsoll")


async def prepare(admin_urls: Mapping[str, str], passwords: Mapping[str, str]) -> dict[str, str | None]:
    """Create what is missing of roles and schemas, and bring the schemas up to date; safe at any time.

    Args:
        admin_urls: by service, an administrator's login to its database.
        passwords: by service, what its role shall log in with; without one it cannot.

    Returns:
        By service, the revision that its schema has now.

    Raises:
        StackError: the database refuses or does not answer, or the schema is newer than this code.
    """
    # Imported here: SQLAlchemy and Alembic take half a second, which no other command should pay.
    from chassis.migrations import SchemaMismatch, migrate
    from chassis.roles import AdministrationError, create_roles

    revisions: dict[str, str | None] = {}
    try:
        for service, url in admin_urls.items():
            await create_roles(url, [service], passwords)
            revisions[service] = await migrate(url, service)
    except (AdministrationError, SchemaMismatch) as error:
        raise StackError(str(error)) from error
    return revisions


async def prepare_embedded(admin_url: str, services: list[str], credentials: Credentials) -> dict[str, str | None]:
    """Make the embedded server ready for services; see `prepare`."""
    from chassis.roles import AdministrationError, create_database

    try:
        url = await create_database(admin_url)
    except AdministrationError as error:
        raise StackError(str(error)) from error
    passwords = {service: password(service, credentials) for service in services}
    return await prepare(dict.fromkeys(services, url), passwords)
