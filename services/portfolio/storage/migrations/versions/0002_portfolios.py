"""Portfolios, and their contents by revision.

A row of positions or cash_balances is valid from `from_revision` to before `to_revision`; a change closes the row and
inserts another. The app role may close a row and insert one, and nothing else: what was stated stays readable.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

OWNED = ("portfolios", "portfolio_revisions", "positions", "cash_balances")
OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE portfolios (
            portfolio_id uuid PRIMARY KEY,
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            name text COLLATE "C" NOT NULL,
            base_currency text NOT NULL,
            revision integer NOT NULL,
            created_time timestamptz NOT NULL,
            UNIQUE (owner_id, name)
        )""")
    op.execute("""
        CREATE TABLE portfolio_revisions (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            revision integer NOT NULL,
            owner_id uuid NOT NULL,
            name text NOT NULL,
            benchmark text NOT NULL,
            start_date date,
            end_date date,
            position_count integer NOT NULL,
            change text NOT NULL,
            created_time timestamptz NOT NULL,
            PRIMARY KEY (portfolio_id, revision)
        )""")
    op.execute("""
        CREATE TABLE positions (
            position_id uuid NOT NULL,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            owner_id uuid NOT NULL,
            ordinal integer NOT NULL,
            symbol text NOT NULL,
            instrument_id integer NOT NULL,
            quantity numeric NOT NULL CHECK (quantity <> 0),
            entry_price numeric NOT NULL CHECK (entry_price >= 0),
            entry_date date NOT NULL,
            exit_date date CHECK (exit_date >= entry_date),
            exit_price numeric CHECK (exit_price >= 0),
            tags text[] NOT NULL,
            currency text NOT NULL,
            multiplier double precision NOT NULL CHECK (multiplier > 0),
            underlying_symbol text,
            underlying_instrument_id integer,
            expiry_date date,
            option_right text CHECK (option_right IN ('C', 'P')),
            strike double precision CHECK (strike > 0),
            PRIMARY KEY (position_id, from_revision),
            CHECK ((exit_date IS NULL) = (exit_price IS NULL)),
            CHECK (num_nulls(underlying_symbol, underlying_instrument_id, expiry_date, option_right, strike) IN (0, 5))
        )""")
    op.execute("CREATE INDEX ON positions (portfolio_id, ordinal)")
    op.execute("""
        CREATE TABLE cash_balances (
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            currency text NOT NULL,
            from_revision integer NOT NULL,
            to_revision integer CHECK (to_revision > from_revision),
            owner_id uuid NOT NULL,
            amount numeric NOT NULL,
            balance_date date NOT NULL,
            PRIMARY KEY (portfolio_id, currency, from_revision)
        )""")
    for table in OWNED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_rows ON {table} USING (owner_id = {OWNER})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON portfolios TO portfolio_app")
    op.execute("GRANT SELECT, INSERT ON portfolio_revisions, positions, cash_balances TO portfolio_app")
    op.execute("GRANT UPDATE (to_revision) ON positions, cash_balances TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE cash_balances, positions, portfolio_revisions, portfolios")
