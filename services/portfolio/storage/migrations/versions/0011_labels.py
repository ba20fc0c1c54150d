"""Tags and strategies: the names a user has for positions. Positions keep them too, revision by revision."""

from alembic import op

revision = "0011"
down_revision = "0010"

OWNER = "nullif(current_setting('plimsoll.user_id', true), '')::uuid"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE labels (
            label_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            owner_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            kind text NOT NULL CHECK (kind IN ('tag', 'strategy')),
            name text COLLATE "C" NOT NULL,
            description text NOT NULL DEFAULT '',
            created_time timestamptz NOT NULL DEFAULT now(),
            UNIQUE (owner_id, kind, name)
        )""")
    # The tags that positions have already; for once the owner of the table looks past the policy of its rows.
    op.execute("ALTER TABLE positions NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO labels (owner_id, kind, name)
        SELECT DISTINCT owner_id, 'tag', unnest(tags) FROM positions WHERE to_revision IS NULL""")
    op.execute("ALTER TABLE positions FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE labels ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_rows ON labels USING (owner_id = {OWNER})")
    op.execute("GRANT SELECT, INSERT, DELETE ON labels TO portfolio_app")
    op.execute("GRANT UPDATE (name, description) ON labels TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE labels")
