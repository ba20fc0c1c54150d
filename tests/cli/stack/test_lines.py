"""A stream of bytes becomes lines that a terminal can be shown."""

from cli.stack.lines import LONGEST_LINE, LineCutter


def test_a_line_may_come_in_pieces() -> None:
    cutter = LineCutter()
    assert cutter.feed(b"one\ntw") == ["one"]
    assert cutter.feed("o £\r\n".encode()[:3]) == []
    assert cutter.feed("o £\r\n".encode()[3:] + b"thr") == ["two £"]
    assert cutter.finish() == ["thr"]
    assert cutter.finish() == []


def test_a_line_that_never_ends_is_cut() -> None:
    cutter = LineCutter()
    (line,) = cutter.feed(b"x" * (LONGEST_LINE + 1))
    assert len(line) == LONGEST_LINE + 1
    assert cutter.finish() == []


def test_no_byte_steers_the_terminal() -> None:
    assert LineCutter().feed(b"a\x1b[2J\x07\x9b\xff\tb\n") == ["a�[2J���\tb"]
    assert LineCutter().feed("\u009b31m\n".encode()) == ["�31m"]
