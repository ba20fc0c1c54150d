"""Text in cells: no formula, and the same text again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portfolio.domain.cell_text import FORMULA, guarded, unguarded

NASTY = st.text(st.sampled_from("=+-@＝'';,|\t\r\n a1\"("), max_size=12)


@given(NASTY | st.text(max_size=20))
def test_what_was_guarded_comes_back(text: str):
    assert unguarded(guarded(text)) == text


@given(NASTY)
def test_no_cell_of_any_cut_begins_a_formula(text: str):
    import re

    cells = re.split(r"[,;|\t\r\n]", guarded(text))
    assert [cell for cell in cells if re.match(rf"\s*{FORMULA}", cell)] == []


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ('core;=HYPERLINK("http://x")', 'core;\'=HYPERLINK("http://x")'),
        ("\t@SUM(A1)", "\t'@SUM(A1)"),
        ("'=kept", "''=kept"),
        ("'60s", "'60s"),
        ("long-term", "long-term"),
        ("", ""),
    ],
)
def test_what_is_written(text: str, cell: str):
    assert guarded(text) == cell
