"""Snapshots: what portfolios were at the close of sessions, one row each."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE snapshots (
            owner_id uuid NOT NULL,
            portfolio_id uuid NOT NULL,
            snapshot_date date NOT NULL,
            portfolio_revision integer NOT NULL,
            data_version integer NOT NULL,
            price_basis text NOT NULL,
            backfilled boolean NOT NULL,
            option_valuation_source text NOT NULL,
            volatility_date text NOT NULL,
            performance_basis text NOT NULL,
            total_value double precision,
            total_value_reason text NOT NULL,
            cash_value double precision,
            market_value double precision NOT NULL,
            long_value double precision NOT NULL,
            short_value double precision NOT NULL,
            long_exposure double precision NOT NULL,
            short_exposure double precision NOT NULL,
            gross_exposure double precision NOT NULL,
            net_exposure double precision NOT NULL,
            portfolio_delta double precision NOT NULL,
            portfolio_gamma double precision NOT NULL,
            portfolio_theta double precision NOT NULL,
            portfolio_vega double precision NOT NULL,
            portfolio_rho double precision NOT NULL,
            daily_pnl double precision,
            daily_return double precision,
            unrealized_pnl double precision NOT NULL,
            realized_pnl double precision NOT NULL,
            cumulative_pnl double precision NOT NULL,
            contributions double precision NOT NULL,
            withdrawals double precision NOT NULL,
            position_count integer NOT NULL,
            long_count integer NOT NULL,
            short_count integer NOT NULL,
            option_count integer NOT NULL,
            stale_count integer NOT NULL,
            modelled_percent double precision,
            excluded jsonb NOT NULL,
            digest text NOT NULL,
            PRIMARY KEY (owner_id, portfolio_id, snapshot_date)
        )""")
    op.execute("COMMENT ON COLUMN snapshots.excluded IS 'positions left out: position_id, symbol, reason'")
    op.execute("COMMENT ON COLUMN snapshots.digest IS 'SHA-256 in hex of what the snapshot says and of its formulas'")
    op.execute("COMMENT ON COLUMN snapshots.contributions IS 'all that came from outside until then; see withdrawals'")
    op.execute("ALTER TABLE snapshots ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY own_rows ON snapshots
        USING (owner_id = nullif(current_setting('plimsoll.user_id', true), '')::uuid)""")
    # A snapshot looked back at gives way to one of the portfolio as it is known now, so rows are updated.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON snapshots TO risk_app")


def downgrade() -> None:
    op.execute("DROP TABLE snapshots")
