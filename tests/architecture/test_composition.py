"""Parts are put together in one place, and starting one loads nothing that it may never need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.trees import ROOT, modules, shown, tree

# Whoever makes one of these opens connections: the service's wiring, and an operator's command that has no server.
CONNECTING = {"chassis.database.Database", "chassis.channels.Channels", "chassis.cache.Cache"}
ROOMS_THAT_CONNECT = {"wiring.py", "administration.py"}
# Each costs a second or more, or a hundred megabytes.
HEAVY = {"pandas", "statsmodels", "scipy.stats", "cvxpy", "sklearn", "skfolio", "exchange_calendars", "alembic"}
STARTED = ["services.portfolio.wiring", "services.marketdata.wiring", "services.risk.wiring", "gateway.__main__"]


def made(module: Path) -> set[str]:
    """Give the full names of what a module calls by an imported name."""
    imports = [node for node in ast.walk(tree(module)) if isinstance(node, ast.ImportFrom)]
    origin = {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    calls = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    return {origin.get(called.id, "") for called in calls if isinstance(called, ast.Name)}


def test_connections_are_made_by_wiring_alone() -> None:
    places = {shown(module): made(module) & CONNECTING for module in modules("services")}
    connecting = {place for place, found in places.items() if found}
    assert {place for place in connecting if Path(place).name not in ROOMS_THAT_CONNECT} == set()
    assert {found for place in connecting for found in places[place]} == CONNECTING


@pytest.mark.parametrize("module", STARTED)
def test_starting_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_every_service_is_started_here() -> None:
    services = {f"services.{folder.parent.name}.wiring" for folder in (ROOT / "services").glob("*/settings.py")}
    assert services <= set(STARTED)
