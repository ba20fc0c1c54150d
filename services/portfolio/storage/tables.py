"""The tables of schema `portfolio`, as queries name them. Types and constraints stand in the migrations."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
)

metadata = MetaData()


def _id(name: str, *, key: bool = False) -> Column[str]:
    # As text: a database UUID becomes text at the boundary, and nowhere else.
    return Column(name, Uuid(as_uuid=False), primary_key=key)


def _time(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True))


def _columns(**types: Any) -> list[Column[Any]]:
    return [Column(name, kind) for name, kind in types.items()]


users = Table(
    "users",
    metadata,
    _id("user_id", key=True),
    *_columns(email=Text, display_name=Text, password_hash=Text, role=Text),
    _time("created_time"),
    _time("disabled_time"),
)
token_families = Table(
    "token_families", metadata, _id("family_id", key=True), _id("user_id"), _time("created_time"), _time("revoked_time")
)
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _id("family_id"),
    _time("created_time"),
    _time("expires_time"),
    _time("used_time"),
)
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    *_columns(public_key=LargeBinary, encrypted_private_key=LargeBinary),
    _time("created_time"),
    _time("signs_from"),
)
portfolios = Table(
    "portfolios",
    metadata,
    _id("portfolio_id", key=True),
    _id("owner_id"),
    *_columns(name=Text, base_currency=Text, revision=Integer),
    _time("created_time"),
)
portfolio_revisions = Table(
    "portfolio_revisions",
    metadata,
    _id("portfolio_id", key=True),
    Column("revision", Integer, primary_key=True),
    _id("owner_id"),
    *_columns(name=Text, benchmark=Text, start_date=Date, end_date=Date, position_count=Integer, change=Text),
    _time("created_time"),
)
positions = Table(
    "positions",
    metadata,
    _id("position_id", key=True),
    Column("from_revision", Integer, primary_key=True),
    Column("to_revision", Integer),
    _id("portfolio_id"),
    _id("owner_id"),
    *_columns(ordinal=Integer, symbol=Text, instrument_id=Integer, quantity=Numeric, entry_price=Numeric),
    *_columns(entry_date=Date, exit_date=Date, exit_price=Numeric, tags=ARRAY(Text), currency=Text, multiplier=Double),
    *_columns(underlying_symbol=Text, underlying_instrument_id=Integer, expiry_date=Date, option_right=Text),
    Column("strike", Double),
)
cash_balances = Table(
    "cash_balances",
    metadata,
    _id("portfolio_id", key=True),
    Column("currency", Text, primary_key=True),
    Column("from_revision", Integer, primary_key=True),
    Column("to_revision", Integer),
    _id("owner_id"),
    *_columns(amount=Numeric, balance_date=Date),
)
