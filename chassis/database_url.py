"""DATABASE_URL: which database, whose login, and how the way there is protected.

A URL may carry the parameters by which PostgreSQL's own tools are told about TLS, and which consoles of hosted
databases write into it: `?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem`. They mean here what they mean there
(PostgreSQL manual, "Database Connection Control Functions"), except that without `sslrootcert` a certificate is
verified by the authorities that the machine trusts, as with `sslrootcert=system`. Any other parameter is refused: one
that is left out in silence may be the one that was to protect the connection.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy.exc
from sqlalchemy import URL, make_url

UNVERIFIED = ("disable", "allow", "prefer")
"""Modes in which nobody asks whom the certificate is of; the driver tries them by itself."""
MODES = (*UNVERIFIED, "require", "verify-ca", "verify-full")
CERTIFICATES = ("sslrootcert", "sslcert", "sslkey")
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """A database as the driver is told of it."""

    url: URL
    """For SQLAlchemy with asyncpg, without parameters."""
    protection: Mapping[str, Any]
    """Arguments of `asyncpg.connect`. Empty: TLS where the server offers it, as by default."""


def database_login(text: str) -> DatabaseLogin:
    """Read a URL.

    Raises:
        ValueError: it is none, or has a parameter that is not taken. The message names DATABASE_URL, and shows nothing
            of the login.
    """
    try:
        url = make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):  # whose text may hold a piece of the password
        raise ValueError("DATABASE_URL is not a URL like postgresql://user:password@host:5432/database") from None
    return DatabaseLogin(url.set(drivername="postgresql+asyncpg", query={}), _protection(url.query))


def _protection(parameters: Mapping[str, str | tuple[str, ...]]) -> dict[str, Any]:
    told: dict[str, str] = {}
    for name, value in parameters.items():
        if name not in ("sslmode", *CERTIFICATES):
            taken = ", ".join(("sslmode", *CERTIFICATES))
            raise ValueError(f"DATABASE_URL has a parameter {name!r} that is not taken; these are: {taken}")
        if not isinstance(value, str):
            raise ValueError(f"DATABASE_URL has more than one {name}")
        told[name] = value
    if not told:
        return {}
    mode = told.get("sslmode", "prefer")
    if mode not in MODES:
        raise ValueError(f"DATABASE_URL: sslmode must be one of {', '.join(MODES)}, got {mode!r}")
    if mode not in UNVERIFIED:
        return {"ssl": _context(mode, told)}
    if useless := [name for name in CERTIFICATES if name in told]:
        raise ValueError(f"DATABASE_URL: {useless[0]} has no effect with sslmode={mode}")
    return {"ssl": mode}


def _context(mode: str, told: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    roots = told.get("sslrootcert", SYSTEM if mode != "require" else "")
    if not roots:
        context.verify_mode = ssl.CERT_NONE
    elif roots == SYSTEM:
        context.load_default_certs()
    else:
        _load("sslrootcert", roots, lambda: context.load_verify_locations(cafile=roots))
    if "sslkey" in told and "sslcert" not in told:
        raise ValueError("DATABASE_URL: sslkey has no effect without sslcert")
    if certificate := told.get("sslcert"):
        _load("sslcert", certificate, lambda: context.load_cert_chain(certificate, told.get("sslkey")))
    return context


def _load(name: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except OSError as error:  # which a file that holds no certificate is too
        raise ValueError(f"DATABASE_URL: {name} {path} cannot be used: {error.strerror or error}") from None
