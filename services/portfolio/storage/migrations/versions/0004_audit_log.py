"""The audit log: events that can be added and read alone, seals that chain them, and the key of each user.

What is personal in an event is encrypted with the key of the user whom it concerns; the key goes with the user.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE user_keys (
            user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
            encrypted_key bytea NOT NULL
        )""")
    op.execute("""
        CREATE TABLE audit_events (
            event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_time timestamptz NOT NULL,
            action text NOT NULL,
            origin text NOT NULL CHECK (origin IN ('user', 'api_key', 'service', 'operator')),
            actor_id uuid,
            subject_id uuid,
            sealed_payload bytea
        )""")
    op.execute("CREATE INDEX ON audit_events (event_time)")
    op.execute("CREATE INDEX ON audit_events (subject_id, event_id)")
    op.execute("CREATE INDEX ON audit_events (actor_id, event_id)")
    op.execute("""
        CREATE TABLE audit_seals (
            seal_number integer PRIMARY KEY,
            event_ids bigint[] NOT NULL,
            previous_hash bytea NOT NULL,
            hash bytea NOT NULL UNIQUE,
            sealed_time timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX ON audit_seals USING gin (event_ids)")
    op.execute("GRANT SELECT, INSERT ON user_keys, audit_events, audit_seals TO portfolio_app")


def downgrade() -> None:
    op.execute("DROP TABLE audit_seals, audit_events, user_keys")
