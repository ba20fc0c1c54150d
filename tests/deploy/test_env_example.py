"""`.env.example` lists every setting of every process, with its default; no more and no less."""

import itertools
import re
from pathlib import Path

from chassis.settings import variables
from tests.deploy.processes import CLASSES, default

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
ASSIGNMENT = re.compile(r"^#([A-Z][A-Z0-9_]*)=(.*)$")


def entries() -> dict[str, str]:
    """Give the variables of the example with their values."""
    found = [match.groups() for line in EXAMPLE.read_text().splitlines() if (match := ASSIGNMENT.match(line))]
    assert len(found) == len(dict(found)), "a variable stands there twice"
    return dict(found)


def test_every_setting_is_listed_and_nothing_else() -> None:
    known = {name for settings in CLASSES for name, _ in variables(settings)}
    assert set(entries()) == known


def test_the_values_are_the_defaults() -> None:
    values = entries()
    for name, value in values.items():
        fields = [field for settings in CLASSES for known, field in variables(settings) if known == name]
        # Where processes differ, the comment says so and the value is the default of one of them.
        assert value in {default(field) or "" for field in fields}, name


def test_every_variable_has_a_comment_above_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if ASSIGNMENT.match(line):
            assert re.match(r"^# \S", above), f"{line} has no comment"


def test_nothing_is_set_by_the_example_as_it_stands() -> None:
    assert [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")] == []
