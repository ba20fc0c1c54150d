"""The tables of schema `portfolio`, as queries name them. Types and constraints stand in the migrations."""

from sqlalchemy import (
    Column,
    Date,
    Double,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from services.portfolio.storage.columns import columns, identifier, metadata, moment

users = Table(
    "users",
    metadata,
    identifier("user_id", key=True),
    *columns(email=Text, display_name=Text, password_hash=Text, role=Text, tier=Text),
    moment("created_time"),
    moment("disabled_time"),
    moment("email_verified_time"),
)
token_families = Table(
    "token_families",
    metadata,
    identifier("family_id", key=True),
    identifier("user_id"),
    moment("created_time"),
    moment("revoked_time"),
)
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    identifier("family_id"),
    moment("created_time"),
    moment("expires_time"),
    moment("used_time"),
)
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    *columns(public_key=LargeBinary, encrypted_private_key=LargeBinary),
    moment("created_time"),
    moment("signs_from"),
)
portfolios = Table(
    "portfolios",
    metadata,
    identifier("portfolio_id", key=True),
    identifier("owner_id"),
    *columns(name=Text, base_currency=Text, revision=Integer),
    moment("created_time"),
)
portfolio_revisions = Table(
    "portfolio_revisions",
    metadata,
    identifier("portfolio_id", key=True),
    Column("revision", Integer, primary_key=True),
    identifier("owner_id"),
    *columns(name=Text, benchmark=Text, start_date=Date, end_date=Date, position_count=Integer, change=Text),
    moment("created_time"),
)
positions = Table(
    "positions",
    metadata,
    identifier("position_id", key=True),
    Column("from_revision", Integer, primary_key=True),
    Column("to_revision", Integer),
    identifier("portfolio_id"),
    identifier("owner_id"),
    *columns(ordinal=Integer, symbol=Text, instrument_id=Integer, quantity=Numeric, entry_price=Numeric),
    *columns(entry_date=Date, exit_date=Date, exit_price=Numeric, tags=ARRAY(Text), currency=Text, multiplier=Double),
    *columns(underlying_symbol=Text, underlying_instrument_id=Integer, expiry_date=Date, option_right=Text),
    *columns(strike=Double, option_style=Text, strategy=Text),
)
cash_balances = Table(
    "cash_balances",
    metadata,
    identifier("portfolio_id", key=True),
    Column("currency", Text, primary_key=True),
    Column("from_revision", Integer, primary_key=True),
    Column("to_revision", Integer),
    identifier("owner_id"),
    *columns(amount=Numeric, balance_date=Date),
)
