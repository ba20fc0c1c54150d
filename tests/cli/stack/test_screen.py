"""The screen shows what it can and holds nobody up."""

import os
from pathlib import Path
from typing import TextIO

from cli.stack.screen import Screen


def pipe() -> tuple[TextIO, TextIO]:
    reading, writing = os.pipe()
    return os.fdopen(reading), os.fdopen(writing, "w")


def test_names_stand_in_a_column_without_colour_where_nobody_looks(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as stream:
        screen = Screen(stream, ["risk", "gateway"])
        screen.show("risk", "hello")
        screen.show("gateway", "there")
        screen.close()
    assert (tmp_path / "out").read_text() == "risk    | hello\ngateway | there\n"


def test_a_terminal_that_stands_still_holds_nobody_up() -> None:
    reader, writer = pipe()
    screen = Screen(writer, ["risk"])
    line = "x" * 1000
    for _ in range(20_000):  # far more than the pipe and the queue can take
        screen.show("risk", line)
    shown = [next(reader) for _ in range(5_000)]
    screen.show("risk", "moving again")
    while shown[-1] != "risk | moving again\n":
        shown.append(next(reader))
    left_out = sum(int(text.removeprefix("(").split()[0]) for text in shown if "left out" in text)
    assert 0 < left_out == 20_000 - shown.count(f"risk | {line}\n")
    screen.close()
    reader.close()


def test_a_reader_that_is_gone_is_no_error() -> None:
    reader, writer = pipe()
    screen = Screen(writer, ["risk"])
    reader.close()
    screen.show("risk", "to nobody")
    screen.close()
    writer.write("what the interpreter still flushes at its exit")
    writer.close()
