"""A service that exists for one test: a schema of its own, and revision files to migrate it with."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from chassis.roles import create_database, create_roles

PASSWORD = 'it\'s "quoted" \\ :with $$ and %s'

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("berth", sa.Column("name", sa.Text, primary_key=True), sa.Column("owner", sa.Text))
    op.execute("ALTER TABLE berth ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE berth FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_rows ON berth USING (owner = nullif(current_setting('plimsoll.user_id', true), ''))"
    )
    op.execute("GRANT SELECT, INSERT ON berth TO {service}_app")


def downgrade():
    op.drop_table("berth")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def upgrade():
    op.add_column("berth", sa.Column("length", sa.Float))


def downgrade():
    op.drop_column("berth", "length")
"""
BROKEN = """
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.execute("CREATE TABLE crane (name text)")
    op.execute("SELECT 1 / 0")


def downgrade():
    op.execute("DROP TABLE crane")
"""


@dataclass(frozen=True)
class ThrowawayService:
    """Its name, the folder that holds it as `services/` holds the real ones, and its database."""

    name: str
    services: Path
    admin_url: str

    @property
    def versions(self) -> Path:
        return self.services / self.name / "storage" / "migrations" / "versions"

    @property
    def app_url(self) -> str:
        url = make_url(self.admin_url).set(username=f"{self.name}_app", password=PASSWORD)
        return url.render_as_string(hide_password=False)

    def write(self, *revisions: str) -> None:
        """Add revision files."""
        for text in revisions:
            (self.versions / f"{len(list(self.versions.glob('*.py'))):04}.py").write_text(
                text.replace("{service}", self.name)
            )


@asynccontextmanager
async def throwaway_service(server_url: str, services: Path) -> AsyncIterator[ThrowawayService]:
    """Make a service without revisions, with a database of its own; its name begins those of all that it leaves."""
    name = f"quay_{uuid.uuid4().hex[:12]}"
    service = ThrowawayService(name, services, await create_database(server_url, name))
    service.versions.mkdir(parents=True)
    await create_roles(service.admin_url, [name], {name: PASSWORD})
    yield service
    for (database,) in await execute(server_url, f"SELECT datname FROM pg_database WHERE datname LIKE '{name}%'"):
        await execute(server_url, f"DROP DATABASE {database} WITH (FORCE)", "SELECT 1")
    for (role,) in await execute(server_url, f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{name}%'"):
        await execute(server_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}", "SELECT 1")


async def execute(url: str, *statements: str) -> list[Any]:
    """Run statements in one session; give the rows of the last."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return [tuple(row) for row in await connection.fetch(statements[-1])]
    finally:
        await connection.close()
