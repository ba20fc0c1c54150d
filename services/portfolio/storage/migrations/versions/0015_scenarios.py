"""What-if scenarios: named target weights over a base portfolio, changed in place and logged."""

from alembic import op

revision = "0015"
down_revision = "0014"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE scenarios (
            scenario_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            portfolio_id uuid NOT NULL REFERENCES portfolios ON DELETE CASCADE,
            name text COLLATE "C" NOT NULL,
            description text NOT NULL,
            target_weights jsonb NOT NULL,
            revision integer NOT NULL DEFAULT 1,
            created_time timestamptz NOT NULL DEFAULT now(),
            updated_time timestamptz NOT NULL DEFAULT now(),
            UNIQUE (owner_id, name)
        )""")
    op.execute("CREATE INDEX ON scenarios (portfolio_id)")
    op.execute("ALTER TABLE scenarios ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON scenarios USING (owner_id = {OWNER})")
    op.execute("GRANT SELECT, INSERT, DELETE ON scenarios TO portfolio_app")
    op.execute("GRANT UPDATE (name, description, target_weights, revision, updated_time) ON scenarios TO portfolio_app")
    op.execute("""
        CREATE TRIGGER log_row AFTER INSERT OR UPDATE OR DELETE ON scenarios
        FOR EACH ROW EXECUTE FUNCTION log_row('SCENARIO', 'scenario_id')""")


def downgrade() -> None:
    op.execute("DROP TABLE scenarios")
