"""Log lines: JSON for machines, text for people, with the ids of the call; nothing in them passes for another line."""

import json
import logging
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from chassis import logs
from chassis.call import Call, enter

TRACE_ID = 0x4BF92F3577B34DA6A3CE929D0E0E4736


Written = pytest.CaptureFixture[str]


@pytest.fixture
def written(capsys: Written) -> Iterator[Written]:
    """What goes to standard error; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    yield capsys
    root.handlers = handlers
    root.setLevel(level)


def configured(form: Any, level: str = "info") -> logging.Logger:
    logs.configure("harbour", level, form)
    return logging.getLogger("tests.harbour")


def in_a_call(write: Callable[..., None], *arguments: object, **more: object) -> None:
    """Write while a call is being served."""

    def write_it() -> None:
        enter(Call(None, "a-request"))
        write(*arguments, **more)

    copy_context().run(write_it)


def lines(written: Written) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.readouterr().err.splitlines()]


def test_a_json_line_has_time_level_service_and_message(written: Written) -> None:
    configured("json").warning("a ship of %d tons", 7)
    (line,) = lines(written)
    time = line.pop("time")
    assert time.endswith("+00:00")
    assert line == {"level": "warning", "service": "harbour", "logger": "tests.harbour", "message": "a ship of 7 tons"}


def test_fields_stand_beside_the_message(written: Written) -> None:
    configured("json").info("arrived", extra={"fields": {"berth": 3, "pilot": "", "length": 12.5, "flag": None}})
    (line,) = lines(written)
    assert {key: line[key] for key in ("berth", "length", "flag")} == {"berth": 3, "length": 12.5, "flag": None}
    assert "pilot" not in line


def test_a_line_names_the_call_and_the_trace_it_belongs_to(written: Written) -> None:
    log = configured("json")
    span = NonRecordingSpan(SpanContext(TRACE_ID, 1, is_remote=True, trace_flags=TraceFlags(1)))
    with trace.use_span(span):
        in_a_call(log.info, "inside")
    (line,) = lines(written)
    assert (line["request_id"], line["trace_id"]) == ("a-request", "4bf92f3577b34da6a3ce929d0e0e4736")


def test_an_exception_stands_in_the_same_object(written: Written) -> None:
    log = configured("json")
    try:
        raise ValueError("the\nsea")
    except ValueError:
        log.exception("sunk")
    (line,) = lines(written)
    assert line["message"] == "sunk"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: the\nsea")


@pytest.mark.parametrize("text", ["a\nb", "a\r\n{}", "\x1b[2J", "\0", "\u2028", "é😀", '"}', "\x85"])
def test_a_json_line_is_one_line_whatever_it_says(text: str, written: Written) -> None:
    configured("json").info("%s", text, extra={"fields": {"note": text}})
    whole = written.readouterr().err
    assert whole.endswith("\n")
    assert whole.count("\n") == 1
    assert json.loads(whole)["message"] == json.loads(whole)["note"] == text


def test_what_json_does_not_know_is_written_as_text(written: Written) -> None:
    configured("json").info("odd", extra={"fields": {"path": {1}, "raw": b"\xff"}})
    (line,) = lines(written)
    assert (line["path"], line["raw"]) == ("{1}", "b'\\xff'")


def test_a_text_line_is_for_people(written: Written) -> None:
    log = configured("text")
    in_a_call(log.warning, "a ship of %d tons", 7, extra={"fields": {"berth": 3}})
    time, _, rest = written.readouterr().err.partition(" ")
    assert len(time) == len("09:41:00")
    assert rest == "warning a ship of 7 tons berth=3 request_id=a-request\n"


def test_a_text_line_without_fields_ends_with_its_message(written: Written) -> None:
    configured("text").info("calm")
    assert written.readouterr().err.endswith(" info    calm\n")


@pytest.mark.parametrize("text", ["a\n09:41:00 error  forged", "\x1b[31mred", "a\rb", "\x85x", "\u2028x", "\0", "\x7f"])
def test_a_text_line_is_one_line_whatever_it_says(text: str, written: Written) -> None:
    configured("text").info("%s", text, extra={"fields": {"note": text}})
    whole = written.readouterr().err
    assert len(whole.splitlines()) == 1
    assert whole.removesuffix("\n").isprintable()


def test_a_traceback_is_indented_so_that_nothing_in_it_passes_for_a_line(written: Written) -> None:
    log = configured("text")
    try:
        raise ValueError("the sea\n09:41:00 error  forged \x1b[31m")
    except ValueError:
        log.exception("sunk")
    whole = written.readouterr().err
    first, *rest = whole.splitlines()
    assert first.endswith(" error   sunk")
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in whole


def test_what_is_less_severe_than_the_level_is_not_written(written: Written) -> None:
    log = configured("json", "warning")
    log.info("calm")
    log.error("storm")
    assert [line["message"] for line in lines(written)] == ["storm"]


def test_every_logger_of_the_process_writes_in_the_same_form(written: Written) -> None:
    configured("json")
    logging.getLogger("grpc._cython.cygrpc").error("theirs")
    assert [line["logger"] for line in lines(written)] == ["grpc._cython.cygrpc"]
