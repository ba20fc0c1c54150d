"""The composition root: what the portfolio service is made of. Nothing connects here."""

import datetime

from chassis.channels import Channels
from chassis.database import Database
from chassis.errors import CannotStart
from chassis.health import Dependency, Health, service_probe
from chassis.server import Register, Service
from chassis.tokens import TokenVerifier
from plimsoll.portfolio.v1.cash_service_pb2_grpc import add_CashServiceServicer_to_server
from plimsoll.portfolio.v1.change_service_pb2_grpc import add_ChangeServiceServicer_to_server
from plimsoll.portfolio.v1.data_service_pb2_grpc import add_DataServiceServicer_to_server
from plimsoll.portfolio.v1.export_service_pb2_grpc import add_ExportServiceServicer_to_server
from plimsoll.portfolio.v1.health_service_pb2_grpc import add_HealthServiceServicer_to_server
from plimsoll.portfolio.v1.import_service_pb2_grpc import add_ImportServiceServicer_to_server
from plimsoll.portfolio.v1.label_service_pb2_grpc import add_LabelServiceServicer_to_server
from plimsoll.portfolio.v1.plaid_service_pb2_grpc import add_PlaidServiceServicer_to_server
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import add_PortfolioServiceServicer_to_server
from plimsoll.portfolio.v1.position_service_pb2_grpc import add_PositionServiceServicer_to_server
from plimsoll.portfolio.v1.risk_settings_service_pb2_grpc import add_RiskSettingsServiceServicer_to_server
from plimsoll.portfolio.v1.scenario_service_pb2_grpc import add_ScenarioServiceServicer_to_server
from services.portfolio.application.broker_imports import BrokerImports
from services.portfolio.application.broker_logins import BrokerLogins
from services.portfolio.application.cash import Cash
from services.portfolio.application.import_checks import ImportChecks
from services.portfolio.application.import_positions import Importer
from services.portfolio.application.imports import Imports
from services.portfolio.application.portfolio_exports import PortfolioExports
from services.portfolio.application.portfolio_summaries import PortfolioSummaries
from services.portfolio.application.position_details import PositionDetails
from services.portfolio.application.position_lists import PositionLists
from services.portfolio.application.positions import Positions
from services.portfolio.application.price_history import PriceHistories
from services.portfolio.application.risk_settings import RiskSettings
from services.portfolio.application.scenarios import Scenarios
from services.portfolio.application.trade_exports import TradeExports
from services.portfolio.application.valuation import Books
from services.portfolio.application.yaml_imports import YamlImports
from services.portfolio.clients import plaid
from services.portfolio.clients.marketdata import GrpcMarketData
from services.portfolio.clients.oidc import OidcProvider
from services.portfolio.clients.plaid import Plaid
from services.portfolio.handlers.cash import CashHandler
from services.portfolio.handlers.changes import ChangeHandler
from services.portfolio.handlers.data import DataHandler
from services.portfolio.handlers.exports import ExportHandler
from services.portfolio.handlers.health import HealthHandler
from services.portfolio.handlers.imports import ImportHandler
from services.portfolio.handlers.labels import LabelHandler
from services.portfolio.handlers.open_accounts import OpenAccounts
from services.portfolio.handlers.plaid import PlaidHandler
from services.portfolio.handlers.portfolios import PortfolioHandler
from services.portfolio.handlers.positions import PositionHandler
from services.portfolio.handlers.risk_settings import RiskSettingsHandler
from services.portfolio.handlers.scenarios import ScenarioHandler
from services.portfolio.handlers.writes import Writes
from services.portfolio.handlers.yaml_uploads import YamlUploads
from services.portfolio.ports import MarketData
from services.portfolio.settings import Settings
from services.portfolio.wiring_identity import UNCOUNTED, identity_of, servicers

NAME = "portfolio"


def now() -> datetime.datetime:
    """Give the present time: the service's clock."""
    return datetime.datetime.now(datetime.UTC)


def contents_of(database: Database, marketdata: MarketData, books: Books) -> list[Register]:
    """Give what serves the contents of portfolios."""
    writes = Writes(database)
    positions = PositionHandler(
        database, writes, Positions(database, marketdata, now), PositionLists(database, marketdata)
    )
    data = DataHandler(
        books,
        PortfolioSummaries(database, marketdata, books),
        PositionDetails(database, marketdata, books),
        PriceHistories(books, marketdata),
    )
    settings = RiskSettings(database, marketdata, books)
    exports = ExportHandler(
        database, PortfolioExports(database, books, now), TradeExports(database, marketdata, books, now)
    )
    return [
        (add_PositionServiceServicer_to_server, positions),
        (add_LabelServiceServicer_to_server, LabelHandler(database, writes)),
        (add_ChangeServiceServicer_to_server, ChangeHandler(database)),
        (add_DataServiceServicer_to_server, data),
        (add_RiskSettingsServiceServicer_to_server, RiskSettingsHandler(writes, settings)),
        (add_ScenarioServiceServicer_to_server, ScenarioHandler(writes, Scenarios(database, marketdata))),
        (add_CashServiceServicer_to_server, CashHandler(database, writes, books, Cash(now))),
        (add_ExportServiceServicer_to_server, exports),
    ]


def plaid_of(settings: Settings) -> Plaid | None:
    """Give what reads at brokers, where the settings say so.

    Raises:
        CannotStart: the extra that it needs is not installed.
    """
    if not settings.plaid_client_id:
        return None
    if not plaid.is_installed():
        raise CannotStart("PLIMSOLL_PLAID_CLIENT_ID is set, and plaid-python is missing: install the extra `plaid`")
    return Plaid(settings.plaid_base_url, settings.plaid_client_id, settings.plaid_secret)


def build(settings: Settings) -> Service:
    """Put the service together."""
    database = Database(settings.database_url, NAME, settings.database_pool_size, settings.slow_query_ms)
    channels = Channels(NAME, settings.service_key)
    channel = channels.channel("marketdata", settings.marketdata_address)
    marketdata = GrpcMarketData(channel)
    identity = identity_of(settings, database, now)
    background = identity.background
    books = Books(database, marketdata)
    health = Health(
        NAME,
        [
            Dependency("database", database.probe),
            Dependency("marketdata", service_probe(channel)),
        ],
        database.schema_revision,
    )
    provider = OidcProvider(settings.oidc_issuer, settings.oidc_client_id) if settings.oidc_issuer else None
    writes = Writes(database)
    imports = Imports(database, Importer(marketdata, now), now)
    checks = ImportChecks(database, imports, marketdata)
    logins = BrokerLogins(database, plaid_of(settings), settings.key_secret)
    brokers = PlaidHandler(writes, logins, BrokerImports(logins, marketdata, now))
    earlier = YamlImports(database, marketdata, RiskSettings(database, marketdata, books), now)
    portfolios = PortfolioHandler(database, writes, books, imports, YamlUploads(writes, earlier))
    return Service(
        health=health,
        tokens=TokenVerifier(settings.token_issuer, [settings.token_issuer, NAME], identity.signer.key_set),
        api_keys=identity.key_exchange,
        uncounted=UNCOUNTED,
        take_calls=identity.quotas.take_calls,
        guards=[OpenAccounts(database)],
        register=[
            *servicers(identity, settings, provider),
            (add_PortfolioServiceServicer_to_server, portfolios),
            (add_ImportServiceServicer_to_server, ImportHandler(database, writes, imports, checks)),
            (add_PlaidServiceServicer_to_server, brokers),
            *contents_of(database, marketdata, books),
            (add_HealthServiceServicer_to_server, HealthHandler(health)),
        ],
        start=[database.check_schema, identity.signer.prepare, *(work.start for work in background)],
        close=[*(work.stop for work in background), channels.close, identity.counters.close, database.close],
    )
