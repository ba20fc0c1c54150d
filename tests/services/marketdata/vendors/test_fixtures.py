"""Every stub says which public document it follows, and when that was read: a format without a source is a guess."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
READ = re.compile(r"read on \d{4}-\d{2}-\d{2}")
PAGE = re.compile(r"[a-z0-9.-]+\.(com|org|io)/\S+")
FIXTURES = [*sorted(HERE.glob("*_stub.py")), HERE / "profiles.py"]
ROUTED = {
    "massive_stub.py": ["_aggregates", "_previous", "_snapshots", "_splits", "_dividends", "option", "overview"],
    "fmp_stub.py": ["_bars", "_rates", "_splits", "_dividends", "_quote", "_profiles"],
    "fred_stub.py": ["_observations", "_graph"],
}
"""What writes an answer, in each stub."""


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_there_is_a_fixture_for_every_vendor():
    assert [path.stem for path in FIXTURES] == ["fmp_stub", "fred_stub", "massive_stub", "profiles"]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_fixture_says_when_its_documents_were_read(path: Path):
    assert READ.search(ast.get_docstring(parsed(path)) or "")


@pytest.mark.parametrize("name", ROUTED)
def test_every_answer_names_its_page(name: str):
    tree = parsed(HERE / name)
    functions = {
        node.name: ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    }
    site = PAGE.search(ast.get_docstring(tree) or "")  # where all pages are below one address it stands at the top
    for function in ROUTED[name]:
        assert PAGE.search(functions[function]) or (site and re.match(r"[a-z-]+\.", functions[function])), function


def test_the_profiles_name_theirs():
    assert PAGE.search(ast.get_docstring(parsed(HERE / "profiles.py")) or "")
