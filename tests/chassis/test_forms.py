"""Finding the file of an upload, whole or in a form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidFields, InvalidRequest
from chassis.forms import table_of

FORM = "multipart/form-data; boundary=XyZ"
FILE = b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
NOTE = b'Content-Disposition: form-data; name="note"\r\n\r\nhello'


def form(*parts: bytes, end: bytes = b"--XyZ--\r\n") -> bytes:
    return b"".join(b"--XyZ\r\n" + part + b"\r\n" for part in parts) + end


@pytest.mark.parametrize("kind", ["text/csv", "TEXT/CSV; charset=utf-8", "", "application/octet-stream"])
def test_a_body_is_the_file(kind: str):
    assert table_of(kind, b"a,b\n") == b"a,b\n"


@given(st.binary().filter(lambda content: b"--XyZ" not in content))
def test_the_file_of_a_form_is_given_byte_by_byte(content: bytes):
    assert table_of(FORM, form(NOTE, FILE + content)) == content


@pytest.mark.parametrize(
    "body",
    [
        b"preamble\r\n" + form(FILE + b"a") + b"epilogue",
        form(FILE + b"a") + form(FILE + b"b"),
        form(FILE + b"a").replace(b"\r\n", b"\n"),
        form(FILE + b"a").replace(b"--XyZ\r", b"--XyZ \t\r"),
        form(FILE + b"a", end=b"--XyZ--"),
        b"--XyZ\r\n\r\nwithout a head\r\n" + form(FILE + b"a"),
    ],
)
def test_forms_as_clients_write_them(body: bytes):
    assert table_of(FORM, body) == b"a"


def test_a_boundary_may_be_quoted():
    assert table_of('multipart/form-data; boundary="XyZ"', form(FILE + b"a")) == b"a"


def test_text_that_looks_like_a_boundary_inside_a_line_is_text():
    assert table_of(FORM, form(FILE + b"a --XyZ\r\nb\r\n--XyZa")) == b"a --XyZ\r\nb\r\n--XyZa"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (form(NOTE), "0 files"),
        (form(FILE, FILE), "2 files"),
        (form(FILE + b"a", end=b""), "cut off"),
        (b"", "cut off"),
        (form(FILE[:-4]), "0 files"),
    ],
)
def test_a_form_must_hold_one_file(body: bytes, message: str):
    with pytest.raises(InvalidRequest, match=message) as caught:
        table_of(FORM, body)
    assert caught.value.reason == "MALFORMED_FILE"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=x\r\ny",
        "multipart/form-data; boundary=\N{EURO SIGN}",
    ],
)
def test_other_content_types_are_refused(kind: str):
    with pytest.raises(InvalidFields, match=r"file\.content_type"):
        table_of(kind, form(FILE))


@pytest.mark.parametrize(
    "body",
    [
        b"--XyZ\r\n\r\n\r\n" * 100_000 + b"--XyZ--",
        b"--XyZ\r\n" + b"a: b\r\n" * 500_000 + b"\r\nx\r\n--XyZ--",
        b"--XyZ\r\nContent-Disposition: form-data; " + b"a=b; " * 400_000 + b"\r\n\r\nx\r\n--XyZ--",
        (b"--XyZ" + b" " * 50 + b"a") * 50_000,
    ],
    ids=["parts", "heads", "parameters", "spaces"],
)
def test_a_form_that_would_take_minutes_to_read_is_refused(body: bytes):
    with pytest.raises(InvalidRequest) as caught:
        table_of(FORM, body)
    assert caught.value.reason == "MALFORMED_FILE"


def test_a_content_type_that_would_take_minutes_to_read_is_refused():
    with pytest.raises(InvalidFields, match="at most 2000 characters"):
        table_of(FORM + "; a=b" * 400_000, form(FILE))


def test_a_form_may_have_a_hundred_parts():
    assert table_of(FORM, form(*[NOTE] * 99, FILE + b"a")) == b"a"
    with pytest.raises(InvalidRequest, match="more than 100 parts"):
        table_of(FORM, form(*[NOTE] * 100, FILE + b"a"))
