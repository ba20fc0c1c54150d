"""What belongs to an account: its tier, preferences, API keys, links to other identity providers, and day quotas."""

from alembic import op

revision = "0003"
down_revision = "0002"

USER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"
PER_DAY = {
    "stand_alone_analysis": {"public": 5, "registered": 15, "paid": 30},
    "chat_message": {"public": 100, "registered": 100, "paid": 100},
}


def upgrade() -> None:
    # An account that is opened by another identity provider alone has no password.
    op.execute("ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL")
    op.execute("""
        ALTER TABLE users
            ADD COLUMN tier text NOT NULL DEFAULT 'registered' CHECK (tier IN ('public', 'registered', 'paid')),
            ADD COLUMN email_verified_time timestamptz""")
    op.execute("""
        CREATE TABLE profiles (
            user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
            revision integer NOT NULL,
            risk_tolerance text CHECK (risk_tolerance IN ('conservative', 'moderate', 'aggressive')),
            preferred_asset_types text[] NOT NULL,
            analysis_depth text CHECK (analysis_depth IN ('brief', 'standard', 'detailed')),
            notification_preferences jsonb NOT NULL,
            default_risk_limits jsonb NOT NULL,
            updated_time timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE TABLE api_keys (
            api_key_id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
            name text NOT NULL,
            prefix text NOT NULL,
            scope text NOT NULL CHECK (scope IN ('read', 'write')),
            created_time timestamptz NOT NULL,
            expires_time timestamptz NOT NULL,
            last_used_time timestamptz
        )""")
    op.execute("CREATE INDEX ON api_keys (user_id, created_time)")
    op.execute("""
        CREATE TABLE oidc_identities (
            issuer text NOT NULL,
            subject text NOT NULL,
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            created_time timestamptz NOT NULL,
            PRIMARY KEY (issuer, subject)
        )""")
    op.execute("CREATE INDEX ON oidc_identities (user_id)")
    op.execute("CREATE TABLE oidc_used_tokens (token_hash bytea PRIMARY KEY, expires_time timestamptz NOT NULL)")
    op.execute("""
        CREATE TABLE quota_limits (
            kind text NOT NULL,
            tier text NOT NULL CHECK (tier IN ('public', 'registered', 'paid')),
            per_day integer NOT NULL CHECK (per_day >= 0),
            PRIMARY KEY (kind, tier)
        )""")
    op.execute("""
        CREATE TABLE quota_uses (
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            kind text NOT NULL,
            day date NOT NULL,
            used integer NOT NULL,
            PRIMARY KEY (user_id, kind, day)
        )""")
    for kind, tiers in PER_DAY.items():
        rows = ", ".join(f"('{kind}', '{tier}', {per_day})" for tier, per_day in tiers.items())
        op.execute(f"INSERT INTO quota_limits (kind, tier, per_day) VALUES {rows}")  # noqa: S608 - our own constants
    for table in ("profiles", "api_keys", "quota_uses"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING (user_id = {USER})")
    # Whoever shows a key is known by nothing else yet: its row, and no other, can be found by its hash.
    op.execute("""
        CREATE POLICY shown_key ON api_keys FOR SELECT
        USING (encode(key_hash, 'hex') = current_setting('plimsoll.api_key_hash', true))""")
    op.execute("GRANT DELETE ON users TO portfolio_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON profiles, quota_uses TO portfolio_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON api_keys, oidc_identities, oidc_used_tokens TO portfolio_app")
    op.execute("GRANT UPDATE (last_used_time) ON api_keys TO portfolio_app")
    op.execute("GRANT DELETE ON quota_uses TO portfolio_app")
    op.execute("GRANT SELECT ON quota_limits TO portfolio_app")


def downgrade() -> None:
    op.execute("REVOKE DELETE ON users FROM portfolio_app")
    op.execute("DROP TABLE quota_uses, quota_limits, oidc_used_tokens, oidc_identities, api_keys, profiles")
    op.execute("ALTER TABLE users DROP COLUMN tier, DROP COLUMN email_verified_time")
    op.execute("UPDATE users SET password_hash = '!' WHERE password_hash IS NULL")  # no password has this hash
    op.execute("ALTER TABLE users ALTER COLUMN password_hash SET NOT NULL")
