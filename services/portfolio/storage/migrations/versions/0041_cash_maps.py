"""Which tickers of a portfolio are cash, and what stands for cash in its analyses; valid by revision as limits are."""

from alembic import op

revision = "0041"
down_revision = "0040"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE cash_maps (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            owner_id uuid NOT NULL,
            proxies jsonb NOT NULL,
            aliases jsonb NOT NULL,
            PRIMARY KEY (portfolio_id, from_revision)
        )""")
    op.execute("ALTER TABLE cash_maps ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON cash_maps USING (owner_id = {OWNER})")
    op.execute("""
        CREATE POLICY closed_once ON cash_maps AS RESTRICTIVE FOR UPDATE
        USING (to_revision IS NULL) WITH CHECK (to_revision IS NOT NULL)""")
    op.execute("GRANT SELECT, INSERT ON cash_maps TO portfolio_app")
    op.execute("GRANT UPDATE (to_revision) ON cash_maps TO portfolio_app")
    op.execute("""
        CREATE CONSTRAINT TRIGGER log_cash_maps AFTER INSERT ON portfolio_revisions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        EXECUTE FUNCTION log_contents('cash_maps', 'CASH_MAP', 'portfolio_id')""")


def downgrade() -> None:
    op.execute("DROP TRIGGER log_cash_maps ON portfolio_revisions")
    op.execute("DROP TABLE cash_maps")
