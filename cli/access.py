"""How the command line reaches the services and databases of an installation: by settings, or by what runs here."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.service_settings import Address, Key
from chassis.settings import SettingsError, read
from cli.stack import record
from cli.stack.credentials import Credentials
from cli.stack.databases import embedded_url, given_urls
from cli.stack.errors import NotRunning
from cli.stack.home import Home
from cli.stack.settings import StackSettings


@dataclass(frozen=True, kw_only=True)
class ServiceAccess:
    """What it takes to call a service as another service does."""

    service_key: Key
    """Secret, at least 32 characters, that the services share."""
    marketdata_address: Address
    """Where the marketdata service takes gRPC calls, host:port."""


def service_access(home: Home, environ: Mapping[str, str]) -> ServiceAccess:
    """Give access by the environment, completed by the stack that runs in a home.

    Raises:
        NotRunning: something is missing in the environment, and no stack runs.
        SettingsError: a value is wrong.
    """
    given = {name: value for name, value in environ.items() if value}
    running = record.running(home)
    if running is None:
        try:
            return read(ServiceAccess, given)
        except SettingsError as error:
            raise NotRunning(f"no stack runs in {home.folder}, and {error}") from error
    known = {
        "PLIMSOLL_SERVICE_KEY_FILE": str(home.secrets / "service_key"),
        "PLIMSOLL_MARKETDATA_ADDRESS": running.address("marketdata"),
    }
    return read(ServiceAccess, {**known, **given})


def portfolio_environment(settings: StackSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment with which the portfolio service's own code can work here.

    The database is the one that the settings name, or that of the running stack; keys that the environment does not
    have are those of the home.

    Raises:
        NotRunning: no database is named, and no stack runs.
    """
    home = Home(settings.home)
    url = given_urls(settings).get("portfolio")
    if url is None:
        running = record.running(home)
        if running is None:
            raise NotRunning(f"no stack runs in {home.folder}: start it with `plimsoll up`, or set DATABASE_URL")
        url = embedded_url("portfolio", running.address("postgres"), Credentials(home.secrets))
    keys = {
        f"PLIMSOLL_{name.upper()}_FILE": str(home.secrets / name)
        for name in ("service_key", "key_secret")
        if (home.secrets / name).exists()
    }
    return {**keys, **{name: value for name, value in environ.items() if value}, "DATABASE_URL": url}
