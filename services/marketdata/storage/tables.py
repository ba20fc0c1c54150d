"""The tables of schema `marketdata`, as queries name them. Types and constraints stand in the migrations."""

from sqlalchemy import (
    ARRAY,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

instruments = Table(
    "instruments",
    metadata,
    Column("instrument_id", Integer, primary_key=True),
    Column("symbol", Text),
    Column("kind", Text),
    Column("name", Text),
    Column("exchange", Text),
    Column("currency", Text),
    Column("sector", Text),
    Column("industry", Text),
    Column("multiplier", Double),
    Column("underlying_instrument_id", Integer),
    Column("expiry_date", Date),
    Column("option_right", Text),
    Column("strike", Double),
    Column("exercise_style", Text),
    Column("owner_id", Uuid(as_uuid=False)),
)
data_versions = Table(
    "data_versions",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("committed_time", DateTime(timezone=True)),
    Column("provider", Text),
    Column("row_count", Integer),
    Column("first_session_date", Date),
    Column("last_session_date", Date),
)
daily_bars = Table(
    "daily_bars",
    metadata,
    Column("instrument_id", Integer, primary_key=True),
    Column("session_date", Date, primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("open", Double),
    Column("high", Double),
    Column("low", Double),
    Column("close", Double),
    Column("volume", Double),
    Column("price_basis", SmallInteger),
    Column("source", Text),
    Column("recorded_at", DateTime(timezone=True)),
    Column("owner_id", Uuid(as_uuid=False)),
)
corporate_actions = Table(
    "corporate_actions",
    metadata,
    Column("instrument_id", Integer, primary_key=True),
    Column("ex_date", Date, primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("value", Double),
    Column("source", Text),
    Column("recorded_at", DateTime(timezone=True)),
)
history_checks = Table(
    "history_checks",
    metadata,
    Column("instrument_id", Integer, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("sources", Text, primary_key=True),
    Column("first_date", Date),
    Column("last_date", Date),
    Column("checked_at", DateTime(timezone=True)),
    Column("first_checked_at", DateTime(timezone=True)),
)
quotes = Table(
    "quotes",
    metadata,
    Column("instrument_id", Integer, primary_key=True),
    Column("quote_time", DateTime(timezone=True), primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("last", Double),
    Column("previous_close", Double),
    Column("bid", Double),
    Column("ask", Double),
    Column("source", Text),
    Column("recorded_at", DateTime(timezone=True)),
)
option_quotes = Table(
    "option_quotes",
    metadata,
    Column("instrument_id", Integer, primary_key=True),
    Column("session_date", Date, primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("bid", Double),
    Column("ask", Double),
    Column("last", Double),
    Column("implied_volatility", Double),
    Column("open_interest", Double),
    Column("quote_time", DateTime(timezone=True)),
    Column("source", Text),
    Column("recorded_at", DateTime(timezone=True)),
)
yields = Table(
    "yields",
    metadata,
    Column("curve_date", Date, primary_key=True),
    Column("tenor", Text, primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("par_yield", Double),
    Column("source", Text),
    Column("recorded_at", DateTime(timezone=True)),
)
fx_rates = Table(
    "fx_rates",
    metadata,
    Column("base_currency", Text, primary_key=True),
    Column("quote_currency", Text, primary_key=True),
    Column("rate_date", Date, primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("rate", Double),
    Column("source", Text),
    Column("recorded_at", DateTime(timezone=True)),
)
quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", Integer, primary_key=True),
    Column("owner_id", Uuid(as_uuid=False)),
    Column("symbol", Text),
    Column("kind", Text),
    Column("row_date", Date),
    Column("row_json", Text),
    Column("source", Text),
    Column("reason", Text),
    Column("recorded_at", DateTime(timezone=True)),
)
ingestions = Table(
    "ingestions",
    metadata,
    Column("ingestion_id", Integer, primary_key=True),
    Column("owner_id", Uuid(as_uuid=False)),
    Column("kind", Text),
    Column("providers", ARRAY(Text)),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("symbol_count", Integer),
    Column("done_count", Integer),
    Column("failed_count", Integer),
    Column("stored_count", Integer),
    Column("quarantined_count", Integer),
    Column("data_version", Integer),
)
trading_sessions = Table(
    "trading_sessions",
    metadata,
    Column("session_date", Date, primary_key=True),
    Column("close_time", DateTime(timezone=True)),
)
trading_calendars = Table(
    "trading_calendars",
    metadata,
    Column("exchange", Text, primary_key=True),
    Column("first_date", Date),
    Column("last_date", Date),
    Column("source_version", Text),
)
seals = Table(
    "seals",
    metadata,
    Column("session_date", Date, primary_key=True),
    Column("data_version", Integer, primary_key=True),
    Column("sealed_time", DateTime(timezone=True)),
)
reference_sets = Table(
    "reference_sets",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB),
    Column("actor", Uuid(as_uuid=False)),
    Column("recorded_at", DateTime(timezone=True)),
)
