"""The history of exports, append-only: the application's role can neither change nor delete a line of it."""

from alembic import op

revision = "0040"
down_revision = "0030"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    # The portfolio may go; that it was exported stays known for as long as the account does.
    op.execute("""
        CREATE TABLE exports (
            export_id uuid PRIMARY KEY,
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            kind text NOT NULL CHECK (kind IN ('PORTFOLIO', 'TRADES')),
            portfolio_id uuid NOT NULL,
            portfolio_revision integer NOT NULL,
            format text NOT NULL,
            sections text[] NOT NULL,
            byte_count bigint NOT NULL,
            sha256 text NOT NULL,
            created_time timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX ON exports (owner_id, created_time, export_id)")
    op.execute("ALTER TABLE exports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON exports USING (owner_id = {OWNER})")
    op.execute("GRANT SELECT, INSERT ON exports TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE exports")
