"""Risk limits, factor proxies and expected returns, valid by revision as positions are."""

from alembic import op

revision = "0014"
down_revision = "0013"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"
LOGGED = (
    ("risk_limits", "RISK_LIMITS", "portfolio_id"),
    ("factor_proxies", "FACTOR_PROXIES", "symbol"),
    ("expected_returns", "EXPECTED_RETURN", "symbol"),
)


def upgrade() -> None:
    op.execute("""
        CREATE TABLE risk_limits (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            owner_id uuid NOT NULL,
            limits jsonb NOT NULL,
            additional jsonb NOT NULL,
            PRIMARY KEY (portfolio_id, from_revision)
        )""")
    op.execute("""
        CREATE TABLE factor_proxies (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            symbol text NOT NULL,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            owner_id uuid NOT NULL,
            market text NOT NULL,
            momentum text NOT NULL,
            value text NOT NULL,
            industry text NOT NULL,
            subindustry text[] NOT NULL,
            PRIMARY KEY (portfolio_id, symbol, from_revision)
        )""")
    # A revision states one day's expectations, so that a symbol is in it once.
    op.execute("""
        CREATE TABLE expected_returns (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            symbol text NOT NULL,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            owner_id uuid NOT NULL,
            effective_date date NOT NULL,
            expected_return numeric NOT NULL CHECK (expected_return > -1),
            PRIMARY KEY (portfolio_id, symbol, from_revision)
        )""")
    for table, subject, key in LOGGED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING (owner_id = {OWNER})")
        op.execute(f"""
            CREATE POLICY closed_once ON {table} AS RESTRICTIVE FOR UPDATE
            USING (to_revision IS NULL) WITH CHECK (to_revision IS NOT NULL)""")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO portfolio_app")
        op.execute(f"GRANT UPDATE (to_revision) ON {table} TO portfolio_app")
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER log_{table} AFTER INSERT ON portfolio_revisions
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            EXECUTE FUNCTION log_contents('{table}', '{subject}', '{key}')""")


def downgrade() -> None:
    for table, _, _ in LOGGED:
        op.execute(f"DROP TRIGGER log_{table} ON portfolio_revisions")
        op.execute(f"DROP TABLE {table}")
