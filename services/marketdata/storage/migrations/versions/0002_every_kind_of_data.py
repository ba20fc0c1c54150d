"""Every kind of market data beside bars, instruments and bars of one owner alone, quarantine, and progress.

What is observed is append-only, as bars are: a correction is a new row under a higher version, and the application has
no right to update or delete. One version may hold rows of several kinds. The one exception is an owner's own: a private
instrument goes with its bars when its owner deletes it, through a function that can do nothing else.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

OWNED = ("instruments", "daily_bars", "quarantine", "ingestions")
OBSERVED = ("corporate_actions", "quotes", "option_quotes", "yields", "fx_rates")


def upgrade() -> None:
    # For whom a transaction is. NULL: for nobody in particular.
    op.execute("""
        CREATE FUNCTION viewer() RETURNS uuid LANGUAGE sql STABLE
        RETURN nullif(current_setting('plimsoll.user_id', true), '')::uuid""")
    _own_instruments()
    _create_corporate_actions()
    _create_quotes()
    _create_rates()
    _create_quarantine()
    _create_ingestions()
    _create_idempotency()
    for table in OWNED:
        _show_to_owner_alone(table)
    _create_deletion()
    op.execute(f"GRANT SELECT, INSERT ON {', '.join(OBSERVED)}, quarantine, ingestions TO marketdata_app")
    op.execute("""
        GRANT UPDATE (finished_at, done_count, failed_count, stored_count, quarantined_count, data_version)
        ON ingestions TO marketdata_app""")
    op.execute("GRANT SELECT, INSERT, UPDATE ON history_checks TO marketdata_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON idempotency_keys TO marketdata_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION delete_private_instrument")
    for table in OWNED:
        op.execute(f"DROP POLICY everybodys_and_own ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    op.execute(f"DROP TABLE idempotency_keys, ingestions, quarantine, history_checks, {', '.join(OBSERVED)}")
    op.execute("DROP FUNCTION viewer")
    _forget_new_kinds()


def _own_instruments() -> None:
    # A symbol is one of everybody's, or one of an owner's: with NULLS NOT DISTINCT one key says both, and serves the
    # look-up by symbol alone.
    op.execute("""
        ALTER TABLE instruments
            ADD COLUMN owner_id uuid,
            DROP CONSTRAINT instruments_kind_check,
            ADD CONSTRAINT instruments_kind_check
                CHECK (kind IN ('STOCK', 'ETF', 'INDEX', 'OPTION', 'FUND', 'CRYPTO', 'PRIVATE')),
            ADD CONSTRAINT only_private_ones_are_owned CHECK ((kind = 'PRIVATE') = (owner_id IS NOT NULL)),
            DROP CONSTRAINT instruments_symbol_key,
            ADD CONSTRAINT instruments_symbol_key UNIQUE NULLS NOT DISTINCT (symbol, owner_id)""")
    op.execute("CREATE INDEX ON instruments (owner_id, symbol) WHERE owner_id IS NOT NULL")
    op.execute("""
        CREATE INDEX ON instruments (underlying_instrument_id) WHERE underlying_instrument_id IS NOT NULL""")
    # A bar carries its owner, so that no query can reach it by the id of its instrument. NULL takes no room.
    op.execute("ALTER TABLE daily_bars ADD COLUMN owner_id uuid")
    # A version may hold no bar of everybody's: yields alone, or the bars of one owner, whose first day must not become
    # the first day that everybody can value at.
    op.execute("""
        ALTER TABLE data_versions
            ALTER COLUMN first_session_date DROP NOT NULL,
            ALTER COLUMN last_session_date DROP NOT NULL""")
    # The bars of one act may be from several sources: a row says by a number which of them.
    op.execute("ALTER TABLE staged_bars ADD COLUMN source_number smallint NOT NULL")


def _create_corporate_actions() -> None:
    # Numbers of kinds are those of the contract. Cash that goes ex on one day is one row.
    op.execute("""
        CREATE TABLE corporate_actions (
            instrument_id integer NOT NULL,
            ex_date date NOT NULL,
            kind smallint NOT NULL CHECK (kind IN (1, 2)),
            data_version integer NOT NULL,
            value double precision CHECK (value > 0 AND value < 'infinity'),
            source text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (instrument_id, ex_date, kind, data_version)
        )""")
    op.execute("COMMENT ON COLUMN corporate_actions.value IS 'NULL: withdrawn, there was no such action after all'")
    # What sources were asked of an instrument, and answered: only so can nothing found be told from never asked.
    op.execute("""
        CREATE TABLE history_checks (
            instrument_id integer NOT NULL,
            kind text NOT NULL CHECK (kind IN ('bars', 'corporate_actions')),
            sources text NOT NULL,
            first_date date NOT NULL,
            last_date date NOT NULL CHECK (last_date >= first_date),
            checked_at timestamptz NOT NULL DEFAULT now(),
            first_checked_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (instrument_id, kind, sources)
        )""")
    op.execute("""
        COMMENT ON COLUMN history_checks.first_checked_at
        IS 'never changes: an answer at a version counts the checks that had begun when the version was committed'""")
    op.execute("COMMENT ON COLUMN history_checks.sources IS 'names in the order asked, separated by commas'")


def _create_quotes() -> None:
    op.execute("""
        CREATE TABLE quotes (
            instrument_id integer NOT NULL,
            quote_time timestamptz NOT NULL,
            data_version integer NOT NULL,
            last double precision NOT NULL CHECK (last > 0 AND last < 'infinity'),
            previous_close double precision CHECK (previous_close > 0 AND previous_close < 'infinity'),
            bid double precision CHECK (bid >= 0 AND bid < 'infinity'),
            ask double precision CHECK (ask >= 0 AND ask < 'infinity'),
            source text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (instrument_id, quote_time, data_version)
        )""")
    op.execute("""
        CREATE TABLE option_quotes (
            instrument_id integer NOT NULL,
            session_date date NOT NULL,
            data_version integer NOT NULL,
            bid double precision CHECK (bid >= 0 AND bid < 'infinity'),
            ask double precision CHECK (ask >= 0 AND ask < 'infinity'),
            last double precision CHECK (last >= 0 AND last < 'infinity'),
            implied_volatility double precision CHECK (implied_volatility > 0 AND implied_volatility < 'infinity'),
            open_interest double precision CHECK (open_interest >= 0 AND open_interest < 'infinity'),
            quote_time timestamptz,
            source text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (instrument_id, session_date, data_version)
        )""")
    op.execute("COMMENT ON COLUMN option_quotes.instrument_id IS 'the contract'")


def _create_rates() -> None:
    op.execute("""
        CREATE TABLE yields (
            curve_date date NOT NULL,
            tenor text NOT NULL CHECK (tenor ~ '^[0-9]{1,2}[MY]$'),
            data_version integer NOT NULL,
            par_yield double precision NOT NULL CHECK (par_yield > -1 AND par_yield < 1),
            source text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (curve_date, tenor, data_version)
        )""")
    op.execute("COMMENT ON COLUMN yields.par_yield IS 'a decimal a year: 0.0388 is 3.88 per cent'")
    op.execute("""
        CREATE TABLE fx_rates (
            base_currency text NOT NULL CHECK (base_currency ~ '^[A-Z]{3}$'),
            quote_currency text NOT NULL CHECK (quote_currency ~ '^[A-Z]{3}$'),
            rate_date date NOT NULL,
            data_version integer NOT NULL,
            rate double precision NOT NULL CHECK (rate > 0 AND rate < 'infinity'),
            source text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (base_currency, quote_currency, rate_date, data_version)
        )""")


def _create_quarantine() -> None:
    # A vendor that repeats a mistake every day makes it once here. `json` and not `jsonb`: the row as it came.
    op.execute("""
        CREATE TABLE quarantine (
            quarantine_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            owner_id uuid,
            symbol text NOT NULL,
            kind text NOT NULL CHECK (kind IN ('bar', 'corporate_action', 'yield', 'quote', 'option_quote', 'fx')),
            row_date date,
            row_json json NOT NULL,
            source text NOT NULL,
            reason text NOT NULL,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            digest text NOT NULL GENERATED ALWAYS AS (md5(row_json::text)) STORED,
            CONSTRAINT same_row UNIQUE NULLS NOT DISTINCT (symbol, row_date, kind, source, reason, digest, owner_id)
        )""")
    op.execute("CREATE INDEX ON quarantine (symbol, quarantine_id)")


def _create_ingestions() -> None:
    op.execute("""
        CREATE TABLE ingestions (
            ingestion_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            owner_id uuid,
            kind text NOT NULL
                CHECK (kind IN ('bars', 'corporate_actions', 'yields', 'quotes', 'option_chains', 'fx')),
            providers text[] NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            symbol_count integer NOT NULL CHECK (symbol_count >= 0),
            done_count integer NOT NULL DEFAULT 0 CHECK (done_count <= symbol_count),
            failed_count integer NOT NULL DEFAULT 0 CHECK (failed_count <= done_count),
            stored_count integer NOT NULL DEFAULT 0,
            quarantined_count integer NOT NULL DEFAULT 0,
            data_version integer NOT NULL DEFAULT 0
        ) WITH (fillfactor = 70)""")  # progress is an update in place


def _create_idempotency() -> None:
    op.execute("""
        CREATE TABLE idempotency_keys (
            user_id uuid NOT NULL,
            method text NOT NULL,
            key text NOT NULL,
            request_hash bytea NOT NULL,
            response bytea NOT NULL,
            created_time timestamptz NOT NULL,
            PRIMARY KEY (user_id, method, key)
        )""")
    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY own_rows ON idempotency_keys USING (user_id = viewer())")


def _show_to_owner_alone(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY everybodys_and_own ON {table} USING (owner_id IS NULL OR owner_id = viewer())")


def _create_deletion() -> None:
    op.execute("""
        CREATE FUNCTION delete_private_instrument(wanted integer) RETURNS boolean
        LANGUAGE sql SECURITY DEFINER SET search_path = marketdata, pg_temp
        BEGIN ATOMIC
            DELETE FROM daily_bars WHERE instrument_id = wanted AND owner_id = viewer();
            DELETE FROM quarantine USING instruments AS i
            WHERE i.instrument_id = wanted AND i.owner_id = viewer()
                AND quarantine.symbol = i.symbol AND quarantine.owner_id = i.owner_id;
            WITH deleted AS (
                DELETE FROM instruments WHERE instrument_id = wanted AND owner_id = viewer() RETURNING instrument_id
            ) SELECT EXISTS (SELECT FROM deleted);
        END""")
    op.execute("REVOKE EXECUTE ON FUNCTION delete_private_instrument FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION delete_private_instrument TO marketdata_app")


def _forget_new_kinds() -> None:
    """Remove what the schema before could not hold."""
    op.execute("""
        WITH RECURSIVE gone AS (
            SELECT instrument_id FROM instruments WHERE kind IN ('FUND', 'CRYPTO', 'PRIVATE')
            UNION ALL
            SELECT o.instrument_id FROM instruments AS o JOIN gone ON o.underlying_instrument_id = gone.instrument_id
        ), without_bars AS (
            DELETE FROM daily_bars WHERE instrument_id IN (SELECT instrument_id FROM gone)
        )
        DELETE FROM instruments WHERE instrument_id IN (SELECT instrument_id FROM gone)""")
    op.execute("DROP INDEX instruments_underlying_instrument_id_idx, instruments_owner_id_symbol_idx")
    op.execute("""
        ALTER TABLE instruments
            DROP CONSTRAINT instruments_symbol_key,
            DROP CONSTRAINT only_private_ones_are_owned,
            DROP CONSTRAINT instruments_kind_check,
            DROP COLUMN owner_id,
            ADD CONSTRAINT instruments_symbol_key UNIQUE (symbol),
            ADD CONSTRAINT instruments_kind_check CHECK (kind IN ('STOCK', 'ETF', 'INDEX', 'OPTION'))""")
    op.execute("ALTER TABLE daily_bars DROP COLUMN owner_id")
    op.execute("ALTER TABLE staged_bars DROP COLUMN source_number")
    # Versions stay, because seals and what callers pinned name them; one without bars takes the day it came on.
    op.execute("""
        UPDATE data_versions SET first_session_date = committed_time::date, last_session_date = committed_time::date
        WHERE first_session_date IS NULL""")
    op.execute("""
        ALTER TABLE data_versions
            ALTER COLUMN first_session_date SET NOT NULL,
            ALTER COLUMN last_session_date SET NOT NULL""")
