"""Dated movements of cash, valid by revision as positions are. A movement is stated or taken back, and never edited."""

from alembic import op

revision = "0012"
down_revision = "0011"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE cash_movements (
            movement_id uuid PRIMARY KEY,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            owner_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('DEPOSIT', 'WITHDRAWAL', 'DIVIDEND', 'FEE', 'INTEREST')),
            currency text NOT NULL,
            amount numeric NOT NULL CHECK (amount <> 0),
            movement_date date NOT NULL,
            symbol text NOT NULL,
            note text NOT NULL,
            CHECK (CASE kind WHEN 'DEPOSIT' THEN amount > 0 WHEN 'WITHDRAWAL' THEN amount < 0
                             WHEN 'FEE' THEN amount < 0 ELSE true END)
        )""")
    op.execute("CREATE INDEX ON cash_movements (portfolio_id, movement_date, from_revision)")
    op.execute("ALTER TABLE cash_movements ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON cash_movements USING (owner_id = {OWNER})")
    op.execute("""
        CREATE POLICY closed_once ON cash_movements AS RESTRICTIVE FOR UPDATE
        USING (to_revision IS NULL) WITH CHECK (to_revision IS NOT NULL)""")
    op.execute("GRANT SELECT, INSERT ON cash_movements TO portfolio_app")
    op.execute("GRANT UPDATE (to_revision) ON cash_movements TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE cash_movements")
