"""The composition root: which parts the service is made of. Nothing connects here."""

from datetime import UTC, date, datetime

from chassis.channels import Channels
from chassis.database import Database
from chassis.health import Dependency, Health
from chassis.identity_keys import RemoteKeys
from chassis.server import Service
from chassis.tokens import TokenVerifier
from plimsoll.marketdata.v1.health_service_pb2_grpc import add_HealthServiceServicer_to_server
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import add_IngestionServiceServicer_to_server
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import add_MarketDataServiceServicer_to_server
from services.marketdata.application.sync import Syncs
from services.marketdata.clients.bundled import BundledProvider
from services.marketdata.clients.nyse import NyseCalendar
from services.marketdata.handlers.health import HealthHandler
from services.marketdata.handlers.ingestion import IngestionHandler
from services.marketdata.handlers.marketdata import MarketDataHandler
from services.marketdata.settings import Settings

NAME = "marketdata"


def build(settings: Settings) -> Service:
    """Put the service together."""
    channels = Channels(NAME, settings.service_key)
    keys = RemoteKeys(channels.channel("portfolio", settings.portfolio_address))
    database = Database(settings.database_url, NAME, settings.database_pool_size, settings.slow_query_ms)
    syncs = Syncs(database, [BundledProvider()], NyseCalendar(), _today)
    health = Health(NAME, [Dependency("database", database.probe)], database.schema_revision)
    return Service(
        health=health,
        tokens=TokenVerifier(settings.token_issuer, settings.token_issuer, keys),
        register=[
            (add_MarketDataServiceServicer_to_server, MarketDataHandler(database)),
            (add_IngestionServiceServicer_to_server, IngestionHandler(database, syncs)),
            (add_HealthServiceServicer_to_server, HealthHandler(health)),
        ],
        start=[database.check_schema],
        close=[channels.close, database.close],
    )


def _today() -> date:
    return datetime.now(UTC).date()
