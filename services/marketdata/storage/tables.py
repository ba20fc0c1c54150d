"""The tables of schema `marketdata`, as queries name them. Types and constraints stand in the migrations."""

from sqlalchemy import Column, Date, DateTime, Double, Integer, MetaData, SmallInteger, Table, Text

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
