"""Every kind of answer says where it is explained, and there is such a place."""

import re
from pathlib import Path

import pytest

from services.risk.handlers.catalogue import KINDS

PAGES = Path(__file__).parents[3] / "docs" / "methodology"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_page_that_explains_an_answer_is_there(kind):
    formulas = KINDS[kind].analysis.formulas
    assert formulas
    for formula in formulas:
        page, _, heading = formula.partition("#")
        text = (PAGES / f"{page}.md").read_text()
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert not heading or heading in [each.lower().replace(" ", "-") for each in headings]
