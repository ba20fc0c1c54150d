"""A file has one subject and a function does one thing: sizes that ring when neither is true any more.

The limits are an alarm and no target. Where one rings, look for a second subject; do not squeeze lines.
"""

import ast

from tests.architecture.trees import EVERYTHING, PRODUCT, Function, functions, modules, shown

LONGEST_FILE = 400
LONGEST_BODY = 50
# Nine functions of ten stay under this.
USUAL_BODY = 20


def body_lines(function: Function) -> int:
    """Count the lines of a function's body, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0


def test_no_file_is_long() -> None:
    lengths = {shown(module): len(module.read_text().splitlines()) for module in modules(*EVERYTHING)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_long() -> None:
    # A migration is a list of statements in order, is written once, and never changes.
    measured = {
        f"{shown(module)}:{function.name}": body_lines(function)
        for module in modules(*PRODUCT)
        if "versions" not in module.parts
        for function in functions(module)
    }
    assert {name: length for name, length in measured.items() if length > LONGEST_BODY} == {}


def test_most_functions_are_short() -> None:
    lengths = sorted(body_lines(function) for module in modules(*PRODUCT) for function in functions(module))
    assert lengths
    assert lengths[len(lengths) * 9 // 10] < USUAL_BODY


def test_a_docstring_is_no_part_of_a_body() -> None:
    (function,) = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n').body
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 2
