"""Answers as the REST API gives them, and a page as a terminal of some width shows it.

`answers/` was recorded from a running demo, with the calls whose `curl` commands it prints.
"""

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from cli.report.answers import PortfolioAnswers, read_answers

ANSWERS = Path(__file__).parent / "answers"
Answers = dict[str, Any]


@pytest.fixture
def long_short() -> Answers:
    return _read("long_short")


@pytest.fixture
def individual() -> Answers:
    return _read("individual")


def _read(name: str) -> Answers:
    answers: Answers = json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))
    return copy.deepcopy(answers)


@pytest.fixture
def parse() -> Callable[[Answers], PortfolioAnswers]:
    return lambda answers: read_answers(answers["complete"], answers["overview"])


@pytest.fixture
def show() -> Callable[..., str]:
    def shown(page: RenderableType, width: int = 120, *, coloured: bool = False) -> str:
        stream = io.StringIO()
        Console(
            file=stream, width=width, force_terminal=coloured, color_system="truecolor" if coloured else None
        ).print(page)
        return stream.getvalue()

    return shown
