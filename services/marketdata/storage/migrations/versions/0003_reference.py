"""Reference sets, by version, and an index to find instruments by.

A set is replaced by adding it under the next version; earlier ones can be read again. The service adds its own defaults
when it starts, so a schema without them is complete.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE reference_sets (
            kind text NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            body jsonb NOT NULL,
            actor uuid,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (kind, version)
        )""")
    op.execute("COMMENT ON COLUMN reference_sets.actor IS 'the admin who replaced the set; NULL: a default of ours'")
    op.execute("GRANT SELECT, INSERT ON reference_sets TO marketdata_app")
    # A search walks all symbols in order until its page is full; options, a hundred times as many, are not in its way.
    op.execute("CREATE INDEX searched ON instruments (symbol, instrument_id) WHERE kind <> 'OPTION'")


def downgrade() -> None:
    op.execute("DROP INDEX searched")
    op.execute("DROP TABLE reference_sets")
