"""How far the events of the portfolio service have been read."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE event_readers (
            reader text PRIMARY KEY,
            place text NOT NULL
        )""")
    op.execute("COMMENT ON COLUMN event_readers.place IS 'next_page_token of the last page whose events were applied'")
    # Nobody's rows, so nothing to secure by row. A place is only ever moved on.
    op.execute("GRANT SELECT, INSERT, UPDATE (place) ON event_readers TO risk_app")


def downgrade() -> None:
    op.execute("DROP TABLE event_readers")
