"""What the tests of the chassis write to: rows that belong to a user, and the keys of repeated requests."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = ("notes", "idempotency_keys")


def upgrade() -> None:
    op.execute("CREATE TABLE notes (user_id uuid NOT NULL, text text NOT NULL)")
    op.execute("""
        CREATE TABLE idempotency_keys (
            user_id uuid NOT NULL,
            method text NOT NULL,
            key text NOT NULL,
            request_hash bytea NOT NULL,
            response bytea NOT NULL,
            created_time timestamptz NOT NULL,
            PRIMARY KEY (user_id, method, key)
        )""")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"""
            CREATE POLICY own_rows ON {table}
            USING (user_id = nullif(current_setting('plimsoll.user_id', true), '')::uuid)""")
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE notes, idempotency_keys")
