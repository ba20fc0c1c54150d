"""The tables of schema `portfolio` that belong to accounts, as queries name them; `users` stands in tables.py."""

from sqlalchemy import BigInteger, Column, Date, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.portfolio.storage.columns import columns, identifier, metadata, moment

profiles = Table(
    "profiles",
    metadata,
    identifier("user_id", key=True),
    *columns(revision=Integer, risk_tolerance=Text, preferred_asset_types=ARRAY(Text), analysis_depth=Text),
    *columns(notification_preferences=JSONB, default_risk_limits=JSONB),
    moment("updated_time"),
)
api_keys = Table(
    "api_keys",
    metadata,
    identifier("api_key_id", key=True),
    identifier("user_id"),
    *columns(key_hash=LargeBinary, name=Text, prefix=Text, scope=Text),
    moment("created_time"),
    moment("expires_time"),
    moment("last_used_time"),
)
oidc_identities = Table(
    "oidc_identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    identifier("user_id"),
    moment("created_time"),
)
oidc_used_tokens = Table(
    "oidc_used_tokens", metadata, Column("token_hash", LargeBinary, primary_key=True), moment("expires_time")
)
quota_limits = Table(
    "quota_limits",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("tier", Text, primary_key=True),
    Column("per_day", Integer),
)
quota_uses = Table(
    "quota_uses",
    metadata,
    identifier("user_id", key=True),
    Column("kind", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("used", Integer),
)
user_keys = Table("user_keys", metadata, identifier("user_id", key=True), Column("encrypted_key", LargeBinary))
audit_events = Table(
    "audit_events",
    metadata,
    Column("event_id", BigInteger, primary_key=True),
    moment("event_time"),
    *columns(action=Text, origin=Text),
    identifier("actor_id"),
    identifier("subject_id"),
    Column("sealed_payload", LargeBinary),
)
audit_seals = Table(
    "audit_seals",
    metadata,
    Column("seal_number", Integer, primary_key=True),
    *columns(event_ids=ARRAY(BigInteger), previous_hash=LargeBinary, hash=LargeBinary),
    moment("sealed_time"),
)
