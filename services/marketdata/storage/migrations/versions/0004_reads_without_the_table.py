"""The key of the bars carries what a block of closes is made of, so that the block is read from the key alone.

Bars arrive a session at a time, so the 252 of one instrument lie on 252 pages of the table, and side by side in the
key. A scan of the key alone needs pages that a vacuum has marked as visible to all: by default one comes when a fifth
of the table is new, which is years of sessions, and then the newest year would never be marked.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

KEY = "PRIMARY KEY (instrument_id, session_date, data_version)"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE daily_bars DROP CONSTRAINT daily_bars_pkey, "
        f"ADD CONSTRAINT daily_bars_pkey {KEY} INCLUDE (close, price_basis, owner_id)"
    )
    op.execute("ALTER TABLE daily_bars SET (autovacuum_vacuum_insert_scale_factor = 0.01)")


def downgrade() -> None:
    op.execute("ALTER TABLE daily_bars RESET (autovacuum_vacuum_insert_scale_factor)")
    op.execute(f"ALTER TABLE daily_bars DROP CONSTRAINT daily_bars_pkey, ADD CONSTRAINT daily_bars_pkey {KEY}")
