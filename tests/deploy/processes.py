"""The processes that can be started, and the settings that each of them reads."""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chassis.settings import variables
from cli.access import ServiceAccess, UserAccess
from cli.administration import AdminSettings
from cli.reporting import RestAccess
from cli.stack.settings import StackSettings
from gateway.settings import Settings as GatewaySettings
from services.marketdata.settings import Settings as MarketDataSettings
from services.portfolio.settings import Settings as PortfolioSettings
from services.risk.settings import Settings as RiskSettings

ROOT = Path(__file__).parents[2]
# `plimsoll sync` and the like find a running stack by StackSettings where the environment does not name a service.
PROCESSES: dict[str, tuple[type, ...]] = {
    "portfolio": (PortfolioSettings,),
    "marketdata": (MarketDataSettings,),
    "risk": (RiskSettings,),
    "gateway": (GatewaySettings,),
    "stack": (StackSettings,),
    "migrate": (StackSettings,),
    "sync": (StackSettings, ServiceAccess),
    "ingest": (StackSettings, UserAccess),
    "report": (StackSettings, RestAccess),
    "admin": (StackSettings, AdminSettings),
}
CLASSES = {settings for read in PROCESSES.values() for settings in read}


def known_variables(process: str) -> dict[str, "dataclasses.Field[Any]"]:
    """Give every variable that a process reads, with its field."""
    return {name: field for settings in PROCESSES[process] for name, field in variables(settings)}


def required(process: str) -> set[str]:
    """Give the variables that a process does not run without."""
    return {name for name, field in known_variables(process).items() if default(field) is None}


def default(field: "dataclasses.Field[Any]") -> str | None:
    """Give the default of a settings field as text; None where it must be given."""
    if field.default_factory is not dataclasses.MISSING:
        return ""  # computed at start from the machine; the comment says how
    if field.default is dataclasses.MISSING:
        return None
    if field.default is None:
        return ""
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def classes_read() -> Iterator[str]:
    """Yield the full name of every class that some module reads from the environment, or has the chassis read."""
    for path in sorted(path for folder in ("services", "gateway", "cli") for path in (ROOT / folder).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        origin = {a.asname or a.name: f"{node.module}.{a.name}" for node in imports for a in node.names}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            reader = origin.get(call.func.id, "") if isinstance(call.func, ast.Name) else ""
            place = {"chassis.settings.read": 0, "chassis.server.run": 1}.get(reader)
            if place is not None:
                name = ast.unparse(call.args[place])
                yield origin.get(name, f"{module}.{name}")
