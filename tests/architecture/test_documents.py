"""What the documents name exists: files, make targets, subcommands. People paste these lines."""

import re
from pathlib import Path

import pytest
import typer

from tests.architecture.trees import ROOT
from tests.deploy.containers import compose, containers

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "examples/**/*.md", "riskmath/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
# Folders whose files a page may name in `code`; a name with < or * stands for many.
TREES = ("protos/", "riskmath/", "chassis/", "services/", "gateway/", "cli/", "tests/", "deploy/", "docs/", "locks/")
# Recipes name files that are yet to be written; these are the example of one.
EXAMPLES = {
    "protos/plimsoll/risk/v1/exposures.proto",
    "services/risk/domain/exposures.py",
    "services/risk/application/exposures.py",
}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchor(heading: str) -> str:
    """Give the anchor of a heading, as web pages of repositories make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def subcommands() -> set[str]:
    """Give the subcommands of `plimsoll`."""
    from cli.main import app

    group = typer.main.get_command(app)
    return set(getattr(group, "commands", {}))


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, fragment = target.partition("#")
        path = (page.parent / name) if name else page
        assert path.exists(), f"{page}: {target}"
        if fragment:
            headings = {anchor(line.lstrip("# ")) for line in path.read_text().splitlines() if line.startswith("#")}
            assert fragment in headings, f"{page}: {target}"


@each_page
def test_files_in_code_exist(page: Path) -> None:
    named = {name for name in CODE.findall(page.read_text()) if name.startswith(TREES)}
    concrete = {name for name in named if not re.search(r"[<>*{} ]|000N", name)} - EXAMPLES
    assert {name for name in concrete if not (ROOT / name).exists()} == set()


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    named = set(re.findall(r"`make ([a-z]+)`", text)) | set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert named - targets == set()


@each_page
def test_subcommands_exist(page: Path) -> None:
    named = set(re.findall(r"(?:`|/|portfolio )plimsoll ([a-z]+)", page.read_text()))
    assert named - subcommands() == set()


def test_the_command_has_subcommands_and_the_makefile_uses_them() -> None:
    used = set(re.findall(r"\$\(BIN\)/plimsoll ([a-z]+)", (ROOT / "Makefile").read_text()))
    assert used
    assert used - subcommands() == set()


def test_containers_run_subcommands_that_exist() -> None:
    used = {container.arguments[0] for container in containers()}
    probes = [service.get("healthcheck", {}).get("test", []) for service in compose()["services"].values()]
    used |= {probe[2] for probe in probes if probe[:2] == ["CMD", "plimsoll"]}
    assert used == {"serve", "migrate", "sync", "health"}
    assert used - subcommands() == set()


def test_every_record_is_in_the_index() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    records = {path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
    assert {name for name in records if f"({name})" not in index} == set()
    assert sorted(int(name[:4]) for name in records) == list(range(1, len(records) + 1))


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_every_record_has_its_parts(record: Path) -> None:
    text = record.read_text()
    assert text.startswith(f"# {int(record.name[:4])}. ")
    assert "**Status:**" in text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Measured", "Consequences"]
