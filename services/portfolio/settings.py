"""The settings of the portfolio service."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from chassis.service_settings import Address, DatabaseSettings, Key, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings, DatabaseSettings):
    """What the portfolio service reads from its environment."""

    listen_address: Address = "127.0.0.1:50051"
    """Where the service takes gRPC calls, host:port."""
    marketdata_address: Address = "127.0.0.1:50052"
    """Where the marketdata service takes gRPC calls, host:port."""
    key_secret: Key
    """Secret, at least 32 characters, that the keys which sign access tokens are encrypted with at rest."""
    registration: Literal["open", "closed"] = "open"
    """Whether anyone may make an account. Closed: `plimsoll admin create` makes them."""
    access_token_seconds: Annotated[int, Meta(ge=60, le=86400)] = 900
    """Life of an access token, and of the cookie."""
    refresh_token_days: Annotated[int, Meta(ge=1, le=365)] = 30
    """Life of a refresh token."""
    secure_cookie: bool = False
    """Whether the cookie goes over HTTPS alone. True wherever the gateway is reached from another machine."""
    oidc_issuer: Annotated[str, Meta(pattern=r"^(https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?)?$")] = ""
    """Another identity provider whose ID tokens open sessions, such as https://accounts.google.com. Empty: none."""
    oidc_client_id: str = ""
    """The id under which this installation is known there: the audience of the ID tokens."""
    calls_per_day_public: Annotated[int, Meta(ge=1)] = 10_000
    """Calls in a day (UTC) of an account in tier public, over all services."""
    calls_per_day_registered: Annotated[int, Meta(ge=1)] = 50_000
    """Calls in a day of an account in tier registered."""
    calls_per_day_paid: Annotated[int, Meta(ge=1)] = 200_000
    """Calls in a day of an account in tier paid."""
    password_hashes_at_once: Annotated[int, Meta(ge=1, le=64)] = 2
    """Passwords that are checked at the same time: each takes 19 MiB and 20 ms of one core."""

    def __post_init__(self) -> None:
        """Refuse an issuer without a client id.

        Raises:
            ValueError: a token for anybody would be taken.
        """
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("PLIMSOLL_OIDC_CLIENT_ID is required where PLIMSOLL_OIDC_ISSUER is set")
