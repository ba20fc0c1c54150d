"""The composition root: what the portfolio service is made of. Nothing connects here."""

import datetime

from chassis.channels import Channels
from chassis.database import Database
from chassis.health import Dependency, Health, service_probe
from chassis.server import Service
from chassis.tokens import TokenVerifier
from plimsoll.identity.v1.identity_service_pb2_grpc import add_IdentityServiceServicer_to_server
from plimsoll.portfolio.v1.data_service_pb2_grpc import add_DataServiceServicer_to_server
from plimsoll.portfolio.v1.health_service_pb2_grpc import add_HealthServiceServicer_to_server
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import add_PortfolioServiceServicer_to_server
from services.portfolio.application.accounts import Accounts
from services.portfolio.application.import_positions import Importer
from services.portfolio.application.passwords import Passwords
from services.portfolio.application.signing import Signer
from services.portfolio.application.uploads import Uploads
from services.portfolio.application.valuation import Books
from services.portfolio.clients.marketdata import GrpcMarketData
from services.portfolio.handlers.data import DataHandler
from services.portfolio.handlers.health import HealthHandler
from services.portfolio.handlers.identity import IdentityHandler
from services.portfolio.handlers.portfolios import PortfolioHandler
from services.portfolio.settings import Settings

NAME = "portfolio"


def now() -> datetime.datetime:
    """Give the present time: the service's clock."""
    return datetime.datetime.now(datetime.UTC)


def accounts_of(settings: Settings, database: Database) -> tuple[Accounts, Signer]:
    """Give the accounts and their signer; also for the command line, which has no server."""
    signer = Signer(database, settings.key_secret, settings.token_issuer, settings.access_token_seconds, now)
    accounts = Accounts(
        database,
        Passwords(settings.password_hashes_at_once),
        signer,
        now,
        registration_open=settings.registration == "open",
        refresh_life=datetime.timedelta(days=settings.refresh_token_days),
    )
    return accounts, signer


def build(settings: Settings) -> Service:
    """Put the service together."""
    database = Database(settings.database_url, NAME, settings.database_pool_size, settings.slow_query_ms)
    channels = Channels(NAME, settings.service_key)
    channel = channels.channel("marketdata", settings.marketdata_address)
    marketdata = GrpcMarketData(channel)
    accounts, signer = accounts_of(settings, database)
    books = Books(database, marketdata)
    health = Health(
        NAME,
        [
            Dependency("database", database.probe),
            Dependency("marketdata", service_probe(channel)),
        ],
        database.schema_revision,
    )
    identity = IdentityHandler(accounts, signer, settings.access_token_seconds, secure_cookie=settings.secure_cookie)
    portfolios = PortfolioHandler(database, books, Uploads(Importer(marketdata, now)))
    return Service(
        health=health,
        tokens=TokenVerifier(settings.token_issuer, settings.token_issuer, signer.key_set),
        register=[
            (add_IdentityServiceServicer_to_server, identity),
            (add_PortfolioServiceServicer_to_server, portfolios),
            (add_DataServiceServicer_to_server, DataHandler(books)),
            (add_HealthServiceServicer_to_server, HealthHandler(health)),
        ],
        start=[database.check_schema, signer.prepare],
        close=[channels.close, database.close],
    )
