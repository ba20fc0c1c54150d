"""The documented reasons of errors and the reasons that the code gives are the same set."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from plimsoll.errors.v1.error_reason_pb2 import ErrorReason
from tests.contracts.descriptors import Contract, Element

ROOT = Path(__file__).parents[2]
ERRORS = ROOT / "chassis" / "errors.py"
REASONS = sorted(set(ErrorReason.Reason.keys()) - {"REASON_UNSPECIFIED"})


def sources() -> Iterator[Path]:
    """Yield the modules that can raise something, the exception classes themselves left out."""
    for folder in ("chassis", "services", "gateway"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if path != ERRORS)


def said_by_classes() -> dict[str, str]:
    """Give the reasons that an exception class fills in by itself, as reason -> class."""
    classes = [node for node in ast.walk(ast.parse(ERRORS.read_text())) if isinstance(node, ast.ClassDef)]
    return {
        node.value: found.name
        for found in classes
        for node in ast.walk(found)
        if isinstance(node, ast.Constant) and node.value in REASONS
    }


@pytest.fixture(scope="module")
def given_reasons() -> set[str]:
    """Every reason that some module states, or whose exception some module makes."""
    by_class = {name: reason for reason, name in said_by_classes().items()}
    given: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                given.add(node.value)
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                given.add(by_class.get(called, ""))
    return given


@pytest.mark.parametrize("reason", REASONS)
def test_a_documented_reason_is_given_somewhere(reason: str, given_reasons: set[str]) -> None:
    assert reason in given_reasons, f"{reason} is documented, and no module gives it"


def values(contract: Contract) -> Iterator[Element]:
    """Yield the values of the enum of reasons."""
    yield from (e for e in contract.elements if e.kind == "value" and ".ErrorReason.Reason." in e.name)


def test_every_reason_names_its_code_first(contract: Contract) -> None:
    codes = {code.name for code in grpc.StatusCode}
    wrong = [e.name for e in values(contract) if e.proto.number and e.comment.partition(".")[0] not in codes]
    assert wrong == []


def test_a_reason_that_nobody_gives_is_found(given_reasons: set[str]) -> None:
    assert "NEVER_GIVEN" not in given_reasons
    assert said_by_classes()["STALE_REVISION"] == "StaleRevision"


def test_metadata_keys_are_snake_case(contract: Contract) -> None:
    keys = [key for e in values(contract) for key in re.findall(r"`([^`]+)`", e.comment.partition("Metadata:")[2])]
    assert keys
    assert [key for key in keys if not re.fullmatch(r"[a-z][a-z_]*", key)] == []
