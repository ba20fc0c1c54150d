"""The examples on the methodology pages say what the code does.

A page is checked by writing its examples as an interpreter session (`>>>`) in blocks marked ```python. One page is one
session: a later block sees the names of an earlier one.
"""

import doctest
import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "methodology").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def differences(page_name, text):
    """How many examples a page has, and what comes out otherwise than it says."""
    # blank lines in place of the prose, so that a difference is reported on its line of the page
    session, end = "", 0
    for block in BLOCK.finditer(text):
        session += "\n" * text.count("\n", end, block.start(1)) + block.group(1)
        end = block.end(1)
    test = doctest.DocTestParser().get_doctest(session, {}, page_name, page_name, 0)
    report: list[str] = []
    doctest.DocTestRunner().run(test, out=report.append)
    return len(test.examples), "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_come_out_as_printed(page):
    examples, report = differences(page.name, page.read_text(encoding="utf-8"))
    assert examples > 0, f"{page.name} has no example"
    assert report == ""


def test_there_are_pages():
    assert "options" in [page.stem for page in PAGES]


def test_an_example_that_comes_out_otherwise_is_reported_on_its_line():
    page = "# Sums\n\n```python\n>>> total = 1 + 1\n```\nand so\n```python\n>>> total\n3\n```\n"
    examples, report = differences("sums.md", page)
    assert examples == 2
    assert 'File "sums.md", line 8' in report
    assert "Expected:\n    3\nGot:\n    2\n" in report
