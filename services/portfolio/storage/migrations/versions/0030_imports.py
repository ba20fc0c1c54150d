"""Imports of files: what was read and what became of it, and which position or movement of cash each row is.

`import_rows` and `import_balances` let an import be undone, and let the same row of a second file be known again.
"""

from alembic import op

revision = "0030"
down_revision = "0015"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"
TABLES = ("imports", "import_rows", "import_balances")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE imports (
            import_id uuid PRIMARY KEY,
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            state text NOT NULL CHECK (state IN ('WAITING', 'COMPLETED', 'UNDONE')),
            format text NOT NULL,
            file_name text NOT NULL,
            file_date date,
            content bytea,
            portfolio_id uuid REFERENCES portfolios ON DELETE CASCADE,
            portfolio_name text NOT NULL,
            base_currency text NOT NULL,
            report jsonb NOT NULL,
            row_count integer NOT NULL,
            good_count integer NOT NULL,
            error_count integer NOT NULL,
            positions_saved_count integer NOT NULL,
            cash_saved_count integer NOT NULL,
            already_imported_count integer NOT NULL,
            portfolio_revision integer,
            created_time timestamptz NOT NULL DEFAULT now(),
            completed_time timestamptz,
            undone_time timestamptz,
            CHECK (state <> 'WAITING' OR content IS NOT NULL),
            CHECK ((state = 'UNDONE') = (undone_time IS NOT NULL))
        )""")
    op.execute("CREATE INDEX ON imports (owner_id, created_time)")
    op.execute("CREATE INDEX ON imports (portfolio_id)")
    op.execute("""
        CREATE TABLE import_rows (
            import_id uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
            subject text NOT NULL CHECK (subject IN ('POSITION', 'CASH_MOVEMENT')),
            subject_id uuid NOT NULL,
            portfolio_id uuid NOT NULL,
            owner_id uuid NOT NULL,
            instrument_id integer CHECK ((instrument_id IS NULL) = (subject <> 'POSITION')),
            row_hash bytea NOT NULL,
            PRIMARY KEY (import_id, subject_id)
        )""")
    op.execute("CREATE INDEX ON import_rows (portfolio_id)")
    op.execute("""
        CREATE TABLE import_balances (
            import_id uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
            currency text NOT NULL,
            portfolio_revision integer NOT NULL,
            owner_id uuid NOT NULL,
            PRIMARY KEY (import_id, currency, portfolio_revision)
        )""")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING (owner_id = {OWNER})")
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO portfolio_app")
    op.execute("GRANT UPDATE ON imports TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE import_balances, import_rows, imports")
