"""The ledger of results: what was answered, and everything that it was answered from."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE results (
            owner_id uuid NOT NULL,
            result_id bytea NOT NULL,
            kind text NOT NULL,
            portfolio_id text NOT NULL,
            portfolio_revision integer NOT NULL,
            as_of_date date NOT NULL,
            pinned_data_version integer NOT NULL,
            model_version text NOT NULL,
            platform text NOT NULL,
            parameters jsonb NOT NULL,
            digests jsonb NOT NULL,
            payload bytea NOT NULL,
            calculated_time timestamptz NOT NULL,
            PRIMARY KEY (owner_id, result_id)
        )""")
    op.execute("COMMENT ON COLUMN results.portfolio_id IS 'a UUID, `all`, or empty where the request brought the book'")
    op.execute("COMMENT ON COLUMN results.pinned_data_version IS 'version of market data that the slices were read at'")
    op.execute("COMMENT ON COLUMN results.digests IS 'SHA-256 in hex of each slice that was read, by its name'")
    op.execute("COMMENT ON COLUMN results.payload IS 'the answer as serialised by the contract, without `served`'")
    op.execute("CREATE INDEX listed ON results (owner_id, calculated_time DESC, result_id)")
    op.execute("CREATE INDEX of_portfolio ON results (owner_id, portfolio_id, kind, calculated_time DESC)")
    op.execute("ALTER TABLE results ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY own_rows ON results
        USING (owner_id = nullif(current_setting('plimsoll.user_id', true), '')::uuid)""")
    # Nothing is ever changed. A row goes with its owner, or when it has grown old.
    op.execute("GRANT SELECT, INSERT, DELETE ON results TO risk_app")


def downgrade() -> None:
    op.execute("DROP TABLE results")
