"""What the README of riskmath says: its examples, that it names every module, and what works without scipy."""

import subprocess
import sys
from pathlib import Path

import pytest

import riskmath
from tests.riskmath.test_methodology_pages import differences

FOLDER = Path(riskmath.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
WITH_SCIPY = {"implied_volatility", "tail_risk", "var_backtest"}
ALONE = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"scipy", "pandas", "statsmodels", "chassis", "services", "plimsoll"}:
            raise ImportError(name)

sys.meta_path.insert(0, Nothing())
"""


def imported(module):
    """Import a module where there is numpy and nothing else."""
    program = f"{ALONE}\nimport riskmath.{module}\n"
    return subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parent, capture_output=True, check=False)


def test_the_examples_come_out_as_printed():
    examples, report = differences("README.md", README)
    assert examples > 20
    assert report == ""


@pytest.mark.parametrize("module", MODULES)
def test_every_module_is_named(module):
    assert f"`{module}`" in README


def test_it_says_what_needs_scipy():
    together = "\nimport riskmath.".join(module for module in MODULES if module not in WITH_SCIPY)
    assert imported(together).returncode == 0
    for module in WITH_SCIPY:
        assert b"ImportError: scipy" in imported(module).stderr
        assert f"`{module}`" in README.split("| subject |", maxsplit=1)[0]
