"""Positions: the strategy and the exercise style, and a closed version stays closed."""

from alembic import op

revision = "0010"
down_revision = "0005"

VERSIONED = ("positions", "cash_balances")


def upgrade() -> None:
    op.execute("""
        ALTER TABLE positions
            ADD COLUMN strategy text NOT NULL DEFAULT '',
            ADD COLUMN option_style text CHECK (option_style IN ('AMERICAN', 'EUROPEAN')),
            ADD CHECK (option_style IS NULL OR strike IS NOT NULL)""")
    op.execute("CREATE INDEX ON positions (owner_id, portfolio_id, ordinal) WHERE to_revision IS NULL")
    op.execute("CREATE INDEX ON positions (portfolio_id, from_revision)")
    op.execute("CREATE INDEX ON positions (portfolio_id, to_revision)")
    for table in VERSIONED:
        # The app role may close a version once, and neither open it again nor close it elsewhere.
        op.execute(f"""
            CREATE POLICY closed_once ON {table} AS RESTRICTIVE FOR UPDATE
            USING (to_revision IS NULL) WITH CHECK (to_revision IS NOT NULL)""")


def downgrade() -> None:
    for table in VERSIONED:
        op.execute(f"DROP POLICY closed_once ON {table}")
    op.execute("DROP INDEX positions_owner_id_portfolio_id_ordinal_idx")
    op.execute("DROP INDEX positions_portfolio_id_from_revision_idx, positions_portfolio_id_to_revision_idx")
    op.execute("ALTER TABLE positions DROP COLUMN strategy, DROP COLUMN option_style")
