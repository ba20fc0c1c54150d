"""Fits of single instruments on the factors, by what they are made of."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE factor_fits (
            fit_key bytea PRIMARY KEY,
            fit bytea NOT NULL,
            created_time timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute("COMMENT ON COLUMN factor_fits.fit_key IS 'SHA-256 of windows, formulas and machine'")
    op.execute("COMMENT ON COLUMN factor_fits.fit IS 'the numbers of the fit, little-endian float64'")
    op.execute("CREATE INDEX grown_old ON factor_fits (created_time)")
    # Nobody's rows, so nothing to secure by row: whoever has the key has the prices that it is made of.
    op.execute("GRANT SELECT, INSERT, DELETE ON factor_fits TO risk_app")


def downgrade() -> None:
    op.execute("DROP TABLE factor_fits")
