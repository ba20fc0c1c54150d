"""The composition root: which parts the service is made of. Nothing connects here."""

from datetime import UTC, datetime
from functools import partial

from chassis.api_keys import ApiKeys
from chassis.cache import Cache
from chassis.channels import Channels
from chassis.database import Database
from chassis.health import Dependency, Health
from chassis.identity_keys import RemoteExchange, RemoteKeys
from chassis.identity_quotas import RemoteCalls
from chassis.server import Service
from chassis.tokens import TokenVerifier
from plimsoll.marketdata.v1.health_service_pb2_grpc import add_HealthServiceServicer_to_server
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import add_IngestionServiceServicer_to_server
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import add_MarketDataServiceServicer_to_server
from plimsoll.marketdata.v1.private_instrument_service_pb2_grpc import add_PrivateInstrumentServiceServicer_to_server
from plimsoll.marketdata.v1.reference_service_pb2_grpc import add_ReferenceServiceServicer_to_server
from services.marketdata.application.ensure import Coverage
from services.marketdata.application.marks import Marks
from services.marketdata.application.matrix import Matrices
from services.marketdata.application.rates import RateSyncs
from services.marketdata.application.reference import put_defaults
from services.marketdata.application.sync import Syncs
from services.marketdata.application.uploads import Uploads
from services.marketdata.clients.nyse import NyseCalendar
from services.marketdata.clients.vendors.assembly import assemble
from services.marketdata.clients.vendors.clock import SystemClock
from services.marketdata.handlers.health import HealthHandler
from services.marketdata.handlers.ingestion import IngestionHandler
from services.marketdata.handlers.marketdata import MarketDataHandler
from services.marketdata.handlers.private_instruments import PrivateInstrumentHandler
from services.marketdata.handlers.reference import ReferenceHandler
from services.marketdata.settings import Settings

NAME = "marketdata"


def build(settings: Settings) -> Service:
    """Put the service together."""
    channels = Channels(NAME, settings.service_key)
    portfolio = channels.channel("portfolio", settings.portfolio_address)
    database = Database(settings.database_url, NAME, settings.database_pool_size, settings.slow_query_ms)
    nyse = NyseCalendar()
    vendors = assemble(settings, nyse, SystemClock())
    syncs = Syncs(database, vendors.sources, nyse, _now)
    coverage = Coverage(database, syncs, _now)
    ingestion = IngestionHandler(
        database, syncs, RateSyncs(database, vendors.sources, _now), coverage, Uploads(database, nyse, _now)
    )
    marks = Marks(database, settings.assumed_rate)
    matrices = Matrices(database, Cache(NAME))
    health = Health(NAME, [Dependency("database", database.probe)], database.schema_revision)
    return Service(
        health=health,
        tokens=TokenVerifier(settings.token_issuer, [settings.token_issuer, NAME], RemoteKeys(portfolio)),
        api_keys=ApiKeys(RemoteExchange(portfolio)),
        take_calls=RemoteCalls(portfolio),
        register=[
            (add_MarketDataServiceServicer_to_server, MarketDataHandler(database, marks, matrices)),
            (add_ReferenceServiceServicer_to_server, ReferenceHandler(database)),
            (add_IngestionServiceServicer_to_server, ingestion),
            (add_PrivateInstrumentServiceServicer_to_server, PrivateInstrumentHandler(database)),
            (add_HealthServiceServicer_to_server, HealthHandler(health)),
        ],
        start=[database.check_schema, partial(put_defaults, database)],
        close=[coverage.close, *vendors.close, channels.close, database.close],
    )


def _now() -> datetime:
    return datetime.now(UTC)
