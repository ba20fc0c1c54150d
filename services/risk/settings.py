"""What the risk service can be told."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

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
    events_seconds: Annotated[float, Meta(gt=0, le=3600)] = 3.0
    """Seconds between two looks at what was deleted in the portfolio service, so that it is deleted here too."""
