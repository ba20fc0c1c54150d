"""The walls between the parts stand, and each of them stops what it is there to stop (.importlinter)."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.trees import PRODUCT, ROOT

LINT = Path(sys.executable).with_name("lint-imports")
PREFIX = "importlinter:contract:"
# For every wall an import that it forbids: contract, module that would hold it, what it would import.
BREACHES = [
    ("services-are-apart", "services/risk/planted.py", "services.portfolio.settings"),
    ("services-are-apart", "services/marketdata/domain/planted.py", "services.risk.domain"),
    ("riskmath-is-pure", "riskmath/planted.py", "chassis.dates"),
    ("riskmath-is-pure", "riskmath/planted.py", "sqlalchemy"),
    ("riskmath-is-pure", "riskmath/planted.py", "time"),
    ("riskmath-is-pure", "riskmath/planted.py", "plimsoll.risk.v1.overview_pb2"),
    ("chassis-knows-no-finance", "chassis/planted.py", "riskmath"),
    ("chassis-knows-no-finance", "chassis/planted.py", "services.risk.settings"),
    ("gateway-knows-no-service", "gateway/planted.py", "services.risk.settings"),
    ("nothing-below-the-command-line", "services/risk/planted.py", "cli"),
    ("domain-is-pure", "services/risk/domain/planted.py", "grpc"),
    ("domain-is-pure", "services/portfolio/domain/planted.py", "plimsoll.portfolio.v1.position_pb2"),
    ("domain-is-pure", "services/marketdata/domain/planted.py", "chassis.database"),
    ("application-orders-io", "services/risk/application/planted.py", "plimsoll.risk.v1.overview_pb2"),
    ("storage-speaks-sql", "services/portfolio/storage/planted.py", "grpc"),
    ("layers", "services/risk/domain/planted.py", "services.risk.ports"),
    ("layers", "services/portfolio/storage/planted.py", "services.portfolio.handlers"),
    ("layers", "services/marketdata/application/planted.py", "services.marketdata.handlers"),
    ("clients-behind-ports", "services/risk/application/planted.py", "services.risk.clients.portfolio"),
    ("clients-behind-ports", "services/risk/handlers/planted.py", "services.risk.clients.portfolio"),
    ("the-command-line-starts-processes", "cli/planted.py", "services.portfolio.storage.users"),
]


def lint(folder: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree."""
    chosen = [argument for contract in contracts for argument in ("--contract", contract)]
    command = [str(LINT), "--no-cache", "--no-logo", *chosen]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree that may be spoilt."""
    folder = tmp_path_factory.mktemp("tree")
    for name in PRODUCT:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def contracts() -> set[str]:
    """Give the ids of the contracts in the configuration."""
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / ".importlinter")
    return {section.removeprefix(PREFIX) for section in configuration.sections() if section.startswith(PREFIX)}


def test_the_walls_stand() -> None:
    outcome = lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(("contract", "module", "imported"), BREACHES)
def test_a_breach_is_refused(copy: Path, contract: str, module: str, imported: str) -> None:
    planted = copy / module
    planted.write_text(f"import {imported}\n")
    try:
        outcome = lint(copy, contract)
    finally:
        planted.unlink()
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert "planted" in outcome.stdout
    assert lint(copy, contract).returncode == 0


def test_every_wall_is_tried() -> None:
    assert contracts() == {contract for contract, _, _ in BREACHES}


def test_every_service_has_the_layers() -> None:
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / ".importlinter")
    listed = configuration[PREFIX + "layers"]["containers"].split()
    services = {f"services.{folder.name}" for folder in (ROOT / "services").iterdir() if (folder / "domain").is_dir()}
    assert set(listed) == services
