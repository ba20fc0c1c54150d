"""DATABASE_URL: what may stand in it, and that a connection is as well protected as it says."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from chassis.database import Database
from chassis.database_url import database_login
from chassis.errors import CannotStart, Unavailable
from chassis.roles import AdministrationError, administration
from tests.chassis.conftest import SERVICE
from tests.chassis.tls_server import TlsServer, certificate

LOGIN = "postgresql://ada:secret-word@db.example:5433/plimsoll"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return certificate(tmp_path, "localhost")


@pytest.fixture
async def server(pem: Path, url: str) -> AsyncIterator[TlsServer]:
    server = TlsServer(pem, make_url(url).port or 0)
    await server.start()
    yield server
    await server.stop()


async def answer(url: str) -> object:
    database = Database(url, SERVICE)
    try:
        async with database.transaction() as connection:
            return await connection.scalar(text("SELECT 1"))
    finally:
        await database.close()


def through(server: TlsServer, url: str, host: str, **parameters: object) -> str:
    query = {name: str(value) for name, value in parameters.items()}
    return make_url(url).set(host=host, port=server.port, query=query).render_as_string(hide_password=False)


# --- what may stand in it ---


def test_without_parameters_the_driver_decides() -> None:
    login = database_login(LOGIN)
    assert login.url.render_as_string(hide_password=False) == LOGIN.replace("postgresql", "postgresql+asyncpg")
    assert login.protection == {}


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_modes_that_verify_nothing_are_the_drivers_own(mode: str) -> None:
    login = database_login(f"{LOGIN}?sslmode={mode}")
    assert (login.protection, login.url.query) == ({"ssl": mode}, {})


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "sslmode=x",
            "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full, got 'x'",
        ),
        ("sslmode=require&sslmode=disable", "has more than one sslmode"),
        (
            "sslmod=require",
            "has a parameter 'sslmod' that is not taken; these are: sslmode, sslrootcert, ss",
        ),
        ("sslrootcert=/roots.pem", "sslrootcert has no effect with sslmode=prefer"),
        ("sslmode=require&sslkey=/key.pem", "sslkey has no effect without sslcert"),
        ("sslmode=verify-full&sslrootcert=/no/roots.pem", "sslrootcert /no/roots.pem cannot be used: No such file"),
        ("sslmode=require&sslcert=/etc/hostname", "sslcert /etc/hostname cannot be used: "),
    ],
)
async def test_what_is_not_taken_is_refused_by_its_name(query: str, said: str) -> None:
    with pytest.raises(CannotStart) as caught:
        Database(f"{LOGIN}?{query}", SERVICE)
    assert str(caught.value).startswith("DATABASE_URL")
    assert said in str(caught.value)
    assert "secret-word" not in str(caught.value)
    with pytest.raises(AdministrationError) as refused:
        async with administration(f"{LOGIN}?{query}", "create roles"):
            pass
    assert str(refused.value) == f"create roles: {caught.value}"


# --- a connection is as well protected as it says ---


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_without_tls_is_not_talked_to(url: str, mode: str) -> None:
    with pytest.raises(Unavailable) as caught:
        await answer(f"{url}?sslmode={mode}")
    assert "rejected SSL upgrade" in str(caught.value.__cause__)


async def test_required_tls_is_used(server: TlsServer, url: str) -> None:
    assert await answer(through(server, url, "127.0.0.1", sslmode="require")) == 1
    assert server.encrypted == 1


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_certificate_is_verified_by_the_root_that_is_named(
    server: TlsServer, url: str, pem: Path, tmp_path: Path, mode: str
) -> None:
    assert await answer(through(server, url, "localhost", sslmode=mode, sslrootcert=pem)) == 1
    other = certificate(tmp_path, "other")
    with pytest.raises(Unavailable) as caught:
        await answer(through(server, url, "localhost", sslmode=mode, sslrootcert=other))
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)


@pytest.mark.parametrize("roots", [{}, {"sslrootcert": "system"}])
async def test_without_a_root_the_machines_own_are_asked(server: TlsServer, url: str, roots: dict[str, str]) -> None:
    with pytest.raises(Unavailable) as caught:
        await answer(through(server, url, "localhost", sslmode="verify-full", **roots))
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)


async def test_only_verify_full_asks_whose_certificate_it_is(server: TlsServer, url: str, pem: Path) -> None:
    """The certificate is localhost's, and not that of its address."""
    assert await answer(through(server, url, "127.0.0.1", sslmode="verify-ca", sslrootcert=pem)) == 1
    with pytest.raises(Unavailable) as caught:
        await answer(through(server, url, "127.0.0.1", sslmode="verify-full", sslrootcert=pem))
    assert "IP address mismatch" in str(caught.value.__cause__)


async def test_a_client_shows_its_own_certificate(url: str, pem: Path, tmp_path: Path) -> None:
    own = certificate(tmp_path, "client")
    server = TlsServer(pem, make_url(url).port or 0, clients=own)
    await server.start()
    assert await answer(through(server, url, "localhost", sslmode="require", sslcert=own, sslkey=own)) == 1
    with pytest.raises(Unavailable):
        await answer(through(server, url, "localhost", sslmode="require"))
    await server.stop()


async def test_an_administrators_way_is_protected_too(
    server: TlsServer, url: str, admin_url: Callable[[str], str], pem: Path
) -> None:
    protected = through(server, admin_url(url), "localhost", sslmode="verify-full", sslrootcert=pem)
    async with administration(protected, "ask") as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    assert server.encrypted == 1
