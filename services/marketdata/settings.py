"""What can be set about marketdata."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from chassis.service_settings import Address, DatabaseSettings, ServiceSettings
from services.marketdata.provider_settings import ProviderSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings, DatabaseSettings, ProviderSettings):
    """The settings of the marketdata service."""

    listen_address: Address = "127.0.0.1:50052"
    """Where the service takes gRPC calls, host:port."""
    portfolio_address: Address = "127.0.0.1:50051"
    """Where the identity API is, host:port: the keys that prove access tokens come from there."""
    assumed_rate: Annotated[float, Meta(ge=-0.05, le=0.3)] = 0.04
    """Interest rate of option models where no Treasury yields are known, a decimal a year."""
