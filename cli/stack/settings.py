"""The settings of the embedded stack. Those of the services reach them through the same environment."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Self

from msgspec import Meta

from chassis.service_settings import Port
from chassis.settings import Secret, variable
from cli.stack.home import default_folder


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """Where the stack lives, where it listens, and which databases it uses instead of its own. Port 0: any free one."""

    home: Path = field(default_factory=default_folder)
    """Folder of the database, the secrets and the logs. Default: $XDG_DATA_HOME/plimsoll or ~/.local/share/plimsoll; of
    root, /var/lib/plimsoll."""
    gateway_port: Port = 8080
    """Port of the gateway: REST, gRPC and the documents."""
    portfolio_port: Port = 50051
    """Port of the portfolio service, gRPC."""
    marketdata_port: Port = 50052
    """Port of the marketdata service, gRPC."""
    risk_port: Port = 50053
    """Port of the risk service, gRPC."""
    gateway_admin_port: Port = 0
    """Port of the console of the gateway's Envoy, on loopback."""
    postgres_port: Port = 0
    """Port of the embedded PostgreSQL."""
    database_url: Secret = variable("DATABASE_URL", Secret(""))
    """PostgreSQL to use instead of the embedded one. Empty: the embedded one."""
    portfolio_database_url: Secret = variable("PORTFOLIO_DATABASE_URL", Secret(""))
    """PostgreSQL of the portfolio service. Empty: the same as for all."""
    marketdata_database_url: Secret = variable("MARKETDATA_DATABASE_URL", Secret(""))
    """PostgreSQL of the marketdata service. Empty: the same as for all."""
    risk_database_url: Secret = variable("RISK_DATABASE_URL", Secret(""))
    """PostgreSQL of the risk service. Empty: the same as for all."""
    drain_seconds: Annotated[float, Meta(ge=0, le=300)] = 10.0
    """How long calls in flight may take to finish when a part is stopped; two seconds later it is killed."""

    def on_free_ports(self) -> Self:
        """Give the same settings with any free port for every part."""
        return replace(
            self,
            gateway_port=0,
            gateway_admin_port=0,
            portfolio_port=0,
            marketdata_port=0,
            risk_port=0,
            postgres_port=0,
        )
