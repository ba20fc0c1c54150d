"""Instruments, append-only daily bars with their versions, the trading calendar, and seals.

History is never changed: the application may add bars, versions and seals, and has no right to update or delete them.
"""

from alembic import op

revision = "0001"
down_revision = None

# In PostgreSQL NaN is greater than infinity, so each upper bound refuses both.
PRICES = """
    open double precision CHECK (open > 0 AND open < 'infinity'),
    high double precision CHECK (high > 0 AND high < 'infinity'),
    low double precision CHECK (low > 0 AND low < 'infinity'),
    close double precision NOT NULL CHECK (close > 0 AND close < 'infinity'),
    volume double precision CHECK (volume >= 0 AND volume < 'infinity'),
    price_basis smallint NOT NULL CHECK (price_basis IN (1, 2))"""


def upgrade() -> None:
    _create_instruments()
    _create_history()
    _create_staging()
    _create_calendar()
    op.execute("GRANT SELECT, INSERT, UPDATE ON instruments, trading_calendars TO marketdata_app")
    op.execute("GRANT SELECT, INSERT ON data_versions, daily_bars, seals TO marketdata_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON trading_sessions TO marketdata_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON staged_bars TO marketdata_app")


def downgrade() -> None:
    op.execute(
        "DROP TABLE seals, trading_sessions, trading_calendars, staged_bars, daily_bars, data_versions, instruments"
    )


def _create_instruments() -> None:
    # Symbols have one spelling: what is looked up is put into upper case, so what is stored must be.
    op.execute("""
        CREATE TABLE instruments (
            instrument_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            symbol text NOT NULL UNIQUE CHECK (symbol = upper(symbol) AND symbol <> ''),
            kind text NOT NULL CHECK (kind IN ('STOCK', 'ETF', 'INDEX', 'OPTION')),
            name text NOT NULL,
            exchange text NOT NULL,
            currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
            sector text NOT NULL,
            industry text NOT NULL,
            multiplier double precision NOT NULL CHECK (multiplier > 0 AND multiplier < 'infinity'),
            underlying_instrument_id integer REFERENCES instruments,
            expiry_date date,
            option_right text CHECK (option_right IN ('C', 'P')),
            strike double precision CHECK (strike > 0 AND strike < 'infinity'),
            exercise_style text CHECK (exercise_style IN ('AMERICAN', 'EUROPEAN')),
            recorded_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT option_terms CHECK (
                num_nonnulls(underlying_instrument_id, expiry_date, option_right, strike, exercise_style)
                = CASE kind WHEN 'OPTION' THEN 5 ELSE 0 END
            )
        )""")


def _create_history() -> None:
    op.execute("""
        CREATE TABLE data_versions (
            version integer PRIMARY KEY CHECK (version > 0),
            committed_time timestamptz NOT NULL DEFAULT now(),
            provider text NOT NULL,
            row_count integer NOT NULL CHECK (row_count > 0),
            first_session_date date NOT NULL,
            last_session_date date NOT NULL
        )""")
    op.execute("CREATE INDEX ON data_versions (first_session_date)")
    op.execute("CREATE INDEX ON data_versions (last_session_date)")
    # The key serves every read of history: the newest bar of an instrument at a day and a version, the history of one,
    # and a block of many. No foreign keys: their triggers would cost more than the insert, and the one statement that
    # inserts has its ids and version from the tables they would point to.
    op.execute(f"""
        CREATE TABLE daily_bars (
            instrument_id integer NOT NULL,
            session_date date NOT NULL,
            data_version integer NOT NULL,
            {PRICES},
            source text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (instrument_id, session_date, data_version)
        )""")


def _create_staging() -> None:
    # Where COPY brings bars before they have a version. A transaction deletes what it staged before it commits, so no
    # transaction ever sees a row of another. Not a temporary table: the application role has no right to make those.
    op.execute("""
        CREATE UNLOGGED TABLE staged_bars (
            instrument_id integer NOT NULL,
            session_date date NOT NULL,
            open double precision NOT NULL,
            high double precision NOT NULL,
            low double precision NOT NULL,
            close double precision NOT NULL,
            volume double precision NOT NULL,
            price_basis smallint NOT NULL
        )""")


def _create_calendar() -> None:
    op.execute("""
        CREATE TABLE trading_calendars (
            exchange text PRIMARY KEY,
            first_date date NOT NULL,
            last_date date NOT NULL CHECK (last_date >= first_date),
            source_version text NOT NULL
        )""")
    op.execute("CREATE TABLE trading_sessions (session_date date PRIMARY KEY, close_time timestamptz NOT NULL)")
    op.execute("""
        CREATE TABLE seals (
            session_date date NOT NULL REFERENCES trading_sessions,
            data_version integer NOT NULL REFERENCES data_versions,
            sealed_time timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (session_date, data_version)
        )""")
