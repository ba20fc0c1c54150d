"""Names that say nothing are not used for files, classes and functions (docs/glossary.md)."""

import ast
import re
from pathlib import Path

from tests.architecture.trees import PRODUCT, modules, shown, tree

EMPTY_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?|holdings?)(?:_|$)|^handle_|^common$|^platform$")


def words(name: str) -> str:
    """Write a class name as a function name is written: `TokenManager` as `token_manager`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def defined(module: Path) -> list[str]:
    """Give the names of a module's classes and functions."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [node.name for node in ast.walk(tree(module)) if isinstance(node, kinds)]


def test_files_are_named_for_their_subject() -> None:
    parts = {part for module in modules(*PRODUCT) for part in (module.stem, *Path(shown(module)).parts[:-1])}
    assert sorted(part for part in parts if EMPTY_NAMES.search(part)) == []


def test_classes_and_functions_are_named_for_what_they_do() -> None:
    found = [f"{shown(module)}:{name}" for module in modules(*PRODUCT) for name in defined(module)]
    assert [name for name in found if EMPTY_NAMES.search(words(name.partition(":")[2]))] == []


def test_an_empty_name_is_found() -> None:
    assert all(EMPTY_NAMES.search(words(name)) for name in ("utils", "TokenManager", "handle_call", "date_helper"))
    assert not any(EMPTY_NAMES.search(words(name)) for name in ("utilisation", "handler", "common_stock", "manage"))
