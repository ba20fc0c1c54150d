"""What can be set about marketdata."""

from dataclasses import dataclass

from chassis.service_settings import Address, DatabaseSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings, DatabaseSettings):
    """The settings of the marketdata service."""

    listen_address: Address = "127.0.0.1:50052"
    """Where the service takes gRPC calls, host:port."""
    portfolio_address: Address = "127.0.0.1:50051"
    """Where the identity API is, host:port: the keys that prove access tokens come from there."""
