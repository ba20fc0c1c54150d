"""What the risk service can be told."""

from dataclasses import dataclass

from chassis.service_settings import Address, DatabaseSettings, ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings, DatabaseSettings):
    """Settings of the risk service."""

    listen_address: Address = "127.0.0.1:50053"
    """Where the service takes gRPC calls, host:port."""
    portfolio_address: Address = "127.0.0.1:50051"
    """Where the portfolio service, and identity with it, takes gRPC calls, host:port."""
    marketdata_address: Address = "127.0.0.1:50052"
    """Where the marketdata service takes gRPC calls, host:port."""
