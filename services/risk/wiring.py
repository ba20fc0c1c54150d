"""The composition root: which parts the service is made of. Nothing connects here."""

from chassis.api_keys import ApiKeys
from chassis.cache import Cache
from chassis.channels import Channels
from chassis.database import Database
from chassis.health import VERSION, Dependency, Health, service_probe
from chassis.identity_keys import RemoteExchange, RemoteKeys
from chassis.identity_quotas import RemoteCalls
from chassis.repeating import Repeating
from chassis.server import Service
from chassis.tokens import TokenVerifier
from plimsoll.risk.v1.analytics_service_pb2_grpc import add_AnalyticsServiceServicer_to_server
from plimsoll.risk.v1.cache_service_pb2_grpc import add_CacheServiceServicer_to_server
from plimsoll.risk.v1.health_service_pb2_grpc import add_HealthServiceServicer_to_server
from plimsoll.risk.v1.result_service_pb2_grpc import add_ResultServiceServicer_to_server
from services.risk.application.analyses import Analyses
from services.risk.application.endings import AFTER_CALLS, AFTER_TOKENS, AT_ONCE, Forgetting
from services.risk.application.known_market import KnownMarket
from services.risk.application.replays import Replays
from services.risk.application.snapshots import SnapshotTaking
from services.risk.clients.events import EventsClient
from services.risk.clients.marketdata import MarketDataClient
from services.risk.clients.portfolio import PortfolioClient
from services.risk.handlers.analytics import AnalyticsHandler
from services.risk.handlers.cache import CacheHandler
from services.risk.handlers.catalogue import KINDS
from services.risk.handlers.health import HealthHandler
from services.risk.handlers.results import ResultHandler
from services.risk.reference.library import read_library
from services.risk.replaying import recompute_afresh
from services.risk.settings import Settings
from services.risk.storage.endings import StoredEndings
from services.risk.storage.fits import StoredFits
from services.risk.storage.results import Results
from services.risk.storage.snapshots import StoredSnapshots

NAME = "risk"
MINUTE, HOUR = 60.0, 3600.0


def build(settings: Settings) -> Service:
    """Put the service together.

    Raises:
        CannotStart: the library of scenarios says something that we do not understand.
    """
    channels = Channels(NAME, settings.service_key)
    portfolio = channels.channel("portfolio", settings.portfolio_address)
    marketdata = channels.channel("marketdata", settings.marketdata_address)
    # Entries are laid out as this version lays them out; another version sharing the Redis must not read them.
    cache = Cache(f"{NAME}:{VERSION}", settings.redis_url)
    database = Database(settings.database_url, NAME, settings.database_pool_size, settings.slow_query_ms)
    books, market, ledger = PortfolioClient(portfolio), MarketDataClient(marketdata), Results(database)
    snapshots = StoredSnapshots(database)
    analyses = Analyses(books, KnownMarket(market), cache, ledger, snapshots, StoredFits(database))
    taking = SnapshotTaking(books, market, snapshots)
    known = {name: kind.analysis for name, kind in KINDS.items()}
    replays = Replays(books, market, ledger, known, recompute_afresh, snapshots)
    background = _background(EventsClient(portfolio), StoredEndings(database), settings.events_seconds)
    health = Health(
        NAME,
        [
            Dependency("database", database.probe),
            Dependency("portfolio", service_probe(portfolio)),
            Dependency("marketdata", service_probe(marketdata)),
            Dependency("redis", cache.probe if settings.redis_url else None, optional=True),
        ],
        database.schema_revision,
    )
    return Service(
        health=health,
        tokens=TokenVerifier(settings.token_issuer, [settings.token_issuer, NAME], RemoteKeys(portfolio)),
        api_keys=ApiKeys(RemoteExchange(portfolio)),
        take_calls=RemoteCalls(portfolio),
        register=[
            (add_AnalyticsServiceServicer_to_server, AnalyticsHandler(analyses, taking, read_library())),
            (add_CacheServiceServicer_to_server, CacheHandler(cache)),
            (add_ResultServiceServicer_to_server, ResultHandler(ledger, replays)),
            (add_HealthServiceServicer_to_server, HealthHandler(health)),
        ],
        start=[database.check_schema, *(each.start for each in background)],
        close=[*(each.stop for each in background), channels.close, cache.close, database.close],
    )


def _background(events: EventsClient, kept: StoredEndings, seconds: float) -> list[Repeating]:
    pauses = ((AT_ONCE, seconds), (AFTER_CALLS, max(MINUTE, seconds)), (AFTER_TOKENS, HOUR))
    return [
        Repeating(f"forgetting what ended, {reader.name},", pause, Forgetting(events, kept, reader).catch_up)
        for reader, pause in pauses
    ]
