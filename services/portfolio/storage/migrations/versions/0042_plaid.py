"""Logins at brokers with their sealed access tokens, and what was imported through them, as the brokers call it."""

from alembic import op

revision = "0042"
down_revision = "0041"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    # The token is sealed by the service; the database never sees it.
    op.execute("""
        CREATE TABLE plaid_items (
            plaid_item_id uuid PRIMARY KEY,
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            item text NOT NULL,
            sealed_access_token bytea NOT NULL,
            created_time timestamptz NOT NULL,
            UNIQUE (owner_id, item)
        )""")
    op.execute("""
        CREATE TABLE plaid_lines (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            revision integer NOT NULL,
            line integer NOT NULL,
            owner_id uuid NOT NULL,
            plaid_item_id uuid NOT NULL,
            account text NOT NULL,
            security text NOT NULL,
            ticker text NOT NULL,
            name text NOT NULL,
            security_type text NOT NULL,
            quantity numeric NOT NULL,
            stated_value numeric NOT NULL,
            counted_value numeric NOT NULL,
            currency text NOT NULL,
            PRIMARY KEY (portfolio_id, revision, line)
        )""")
    for table in ("plaid_items", "plaid_lines"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING (owner_id = {OWNER})")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO portfolio_app")
    op.execute("GRANT UPDATE (sealed_access_token) ON plaid_items TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE plaid_lines, plaid_items")
