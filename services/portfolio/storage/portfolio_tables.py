"""The tables of schema `portfolio` that stand beside positions, as queries name them."""

from sqlalchemy import BigInteger, Column, Date, FetchedValue, Integer, Numeric, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.portfolio.storage.columns import columns, identifier, metadata, moment

labels = Table(
    "labels",
    metadata,
    Column("label_id", Uuid(as_uuid=False), primary_key=True, server_default=FetchedValue()),
    identifier("owner_id"),
    *columns(kind=Text, name=Text, description=Text),
    moment("created_time"),
)
cash_movements = Table(
    "cash_movements",
    metadata,
    identifier("movement_id", key=True),
    *columns(from_revision=Integer, to_revision=Integer),
    identifier("portfolio_id"),
    identifier("owner_id"),
    *columns(kind=Text, currency=Text, amount=Numeric, movement_date=Date, symbol=Text, note=Text),
)
changes = Table(
    "changes",
    metadata,
    Column("change_id", BigInteger, primary_key=True),
    identifier("owner_id"),
    identifier("portfolio_id"),
    *columns(revision=Integer, subject=Text, subject_id=Text, old_value=JSONB, new_value=JSONB, reason=Text),
    identifier("actor_id"),
    moment("change_time"),
)
risk_limits = Table(
    "risk_limits",
    metadata,
    identifier("portfolio_id", key=True),
    *columns(from_revision=Integer, to_revision=Integer),
    identifier("owner_id"),
    *columns(limits=JSONB, additional=JSONB),
)
factor_proxies = Table(
    "factor_proxies",
    metadata,
    identifier("portfolio_id", key=True),
    *columns(symbol=Text, from_revision=Integer, to_revision=Integer),
    identifier("owner_id"),
    *columns(market=Text, momentum=Text, value=Text, industry=Text, subindustry=ARRAY(Text)),
)
expected_returns = Table(
    "expected_returns",
    metadata,
    identifier("portfolio_id", key=True),
    *columns(symbol=Text, from_revision=Integer, to_revision=Integer),
    identifier("owner_id"),
    *columns(effective_date=Date, expected_return=Numeric),
)
scenarios = Table(
    "scenarios",
    metadata,
    Column("scenario_id", Uuid(as_uuid=False), primary_key=True, server_default=FetchedValue()),
    identifier("owner_id"),
    identifier("portfolio_id"),
    *columns(name=Text, description=Text, target_weights=JSONB, revision=Integer),
    moment("created_time"),
    moment("updated_time"),
)
