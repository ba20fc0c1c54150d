"""How the command line reaches the services and databases of an installation: by settings, or by what runs here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from chassis.service_settings import Address, Key
from chassis.settings import Secret, SettingsError, read
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


@dataclass(frozen=True, kw_only=True)
class UserAccess(ServiceAccess):
    """What it takes to call a service as a user does: what is done is then done in somebody's name."""

    portfolio_address: Address
    """Where the identity API is, host:port: users sign in there."""
    email: str = ""
    """Address to sign in with. Empty: asked for."""
    password: Secret = Secret("")
    """Its password. Empty: asked for, or read from standard input."""


def service_access(home: Home, environ: Mapping[str, str]) -> ServiceAccess:
    """Give access by the environment, completed by the stack that runs in a home.

    Raises:
        NotRunning: something is missing in the environment, and no stack runs.
        SettingsError: a value is wrong.
    """
    with _saying_what_runs(home):
        return read(ServiceAccess, _completed(home, environ))


def user_access(home: Home, environ: Mapping[str, str]) -> UserAccess:
    """Give a user's access by the environment, completed by the stack that runs in a home; see `service_access`."""
    with _saying_what_runs(home):
        return read(UserAccess, _completed(home, environ))


def _completed(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment, and of what it lacks what the running stack knows."""
    given = {name: value for name, value in environ.items() if value}
    running = record.running(home)
    if running is None:
        return given
    known = {f"PLIMSOLL_{name.upper()}_ADDRESS": running.address(name) for name in ("marketdata", "portfolio")}
    return {"PLIMSOLL_SERVICE_KEY_FILE": str(home.secrets / "service_key"), **known, **given}


@contextmanager
def _saying_what_runs(home: Home) -> Iterator[None]:
    """Say of settings that are wrong that no stack runs that could tell better ones.

    Raises:
        NotRunning: so it is.
        SettingsError: a stack runs, and still a value is wrong.
    """
    try:
        yield
    except SettingsError as error:
        if record.running(home) is not None:
            raise
        raise NotRunning(f"no stack runs in {home.folder}, and {error}") from error


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
