"""The Python sources that the architecture tests look at."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("riskmath", "chassis", "services", "gateway", "cli")
EVERYTHING = (*PRODUCT, "protos", "locks", "benchmarks", "examples", "tests")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> Iterator[Path]:
    """Yield the modules below some folders, in a stable order."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def tree(module: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(module.read_text(encoding="utf-8"))


def functions(module: Path) -> Iterator[Function]:
    """Yield every function and method of a module."""
    yield from (node for node in ast.walk(tree(module)) if isinstance(node, Function))


def shown(module: Path) -> str:
    """Give a module's path as a reader knows it."""
    return str(module.relative_to(ROOT))
