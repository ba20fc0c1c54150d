"""The settings of the portfolio service."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from chassis.service_settings import Address, DatabaseSettings, Key, ServiceSettings
from chassis.settings import Secret


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
    plaid_client_id: str = ""
    """Client id of this installation at Plaid, which reads at brokers; needs the extra `plaid`. Empty: no Plaid."""
    plaid_secret: Secret = Secret("")
    """Secret. What this installation proves itself to Plaid with. Required with a client id."""
    plaid_base_url: Annotated[str, Meta(pattern=r"^(https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?)$")] = (
        "https://production.plaid.com"
    )
    """Where Plaid is; https://sandbox.plaid.com is for trials. No other address is asked."""
    password_hashes_at_once: Annotated[int, Meta(ge=1, le=64)] = 2
    """Passwords that are checked at the same time: each takes 19 MiB and 20 ms of one core."""

    def __post_init__(self) -> None:
        """Refuse what is set up by half.

        Raises:
            ValueError: an issuer without a client id, so that a token for anybody would be taken; or a client id of
                Plaid without its secret.
        """
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("PLIMSOLL_OIDC_CLIENT_ID is required where PLIMSOLL_OIDC_ISSUER is set")
        if self.plaid_client_id and not self.plaid_secret:
            raise ValueError("PLIMSOLL_PLAID_SECRET is required where PLIMSOLL_PLAID_CLIENT_ID is set")
