"""Accounts, sessions, signing keys, and the keys of repeated requests."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE users (
            user_id uuid PRIMARY KEY,
            email text NOT NULL UNIQUE,
            display_name text NOT NULL,
            password_hash text NOT NULL,
            role text NOT NULL CHECK (role IN ('member', 'admin')),
            created_time timestamptz NOT NULL,
            disabled_time timestamptz
        )""")
    op.execute("""
        CREATE TABLE token_families (
            family_id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            created_time timestamptz NOT NULL,
            revoked_time timestamptz
        )""")
    op.execute("CREATE INDEX ON token_families (user_id)")
    op.execute("""
        CREATE TABLE refresh_tokens (
            token_hash bytea PRIMARY KEY,
            family_id uuid NOT NULL REFERENCES token_families ON DELETE CASCADE,
            created_time timestamptz NOT NULL,
            expires_time timestamptz NOT NULL,
            used_time timestamptz
        )""")
    op.execute("CREATE INDEX ON refresh_tokens (family_id)")
    op.execute("""
        CREATE TABLE signing_keys (
            kid text PRIMARY KEY,
            public_key bytea NOT NULL,
            encrypted_private_key bytea NOT NULL,
            created_time timestamptz NOT NULL,
            signs_from timestamptz NOT NULL
        )""")
    op.execute("""
        CREATE TABLE idempotency_keys (
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            method text NOT NULL,
            key text NOT NULL,
            request_hash bytea NOT NULL,
            response bytea NOT NULL,
            created_time timestamptz NOT NULL,
            PRIMARY KEY (user_id, method, key)
        )""")
    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY own_rows ON idempotency_keys
        USING (user_id = nullif(current_setting('plimsoll.user_id', true), '')::uuid)""")
    op.execute("GRANT SELECT, INSERT, UPDATE ON users, token_families, refresh_tokens TO portfolio_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON signing_keys, idempotency_keys TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys, signing_keys, refresh_tokens, token_families, users")
