"""Excel workbooks: read as the same table in a CSV, and no archive may blow up."""

import contextlib
import datetime
import io
import tracemalloc
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidRequest
from services.portfolio.domain.imports import workbooks
from services.portfolio.domain.imports.parsing import parse
from services.portfolio.domain.imports.tables import rows_of

HEADER = ["ticker", "quantity", "entry_price", "entry_date", "tags"]


def workbook(*rows: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def changed(content: bytes, part: str, text: str) -> bytes:
    """A workbook with another text in one of its parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.infolist():
            new.writestr(each.filename, text if each.filename == part else old.read(each.filename))
    return file.getvalue()


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
SHEET_PART = "xl/worksheets/sheet1.xml"


def test_a_workbook_is_read_as_its_csv_would_be():
    content = workbook(
        HEADER,
        ["AAPL", 10, 0.1 + 0.2, datetime.date(2022, 1, 3), "core;tech"],
        [],
        ["JPM", "(1,000)", "$150.00", "2022-06-01"],
        ["CUR:USD", -2500.75, None, datetime.datetime.combine(datetime.date(2022, 12, 28), datetime.time()), None],
    )
    csv = (
        "ticker,quantity,entry_price,entry_date,tags\nAAPL,10,0.3,2022-01-03,core;tech\n\n"
        'JPM,"(1,000)",$150.00,2022-06-01\nCUR:USD,-2500.75,,2022-12-28,\n'
    )
    assert parse(content) == parse(csv.encode())
    assert [row.line for row in parse(content).positions] == [2, 4]


def test_a_formula_counts_with_the_value_saved_with_it():
    cells = "".join(f'<c t="str" r="{column}1"><v>{name}</v></c>' for column, name in zip("ABCD", HEADER, strict=False))
    row = (
        '<row r="2"><c t="str" r="A2"><v>AAPL</v></c><c r="B2"><f>2*5</f><v>10</v></c><c r="C2"><f>1/0</f></c>'
        '<c t="str" r="D2"><v>2022-01-03</v></c></row>'
    )
    content = changed(workbook(HEADER), SHEET_PART, SHEET.format(f'<row r="1">{cells}</row>{row}'))
    assert [(e.field, e.reason) for e in parse(content).errors] == [("entry_price", "missing")]


def test_an_archive_that_unpacks_to_too_much_is_refused_unread():
    bomb = changed(workbook(HEADER), SHEET_PART, SHEET.format("<row/>" * 6_000_000))
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    with pytest.raises(InvalidRequest, match="unpacks to") as caught:
        parse(bomb)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert caught.value.reason == "REQUEST_TOO_LARGE"


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (SHEET_PART, SHEET.format("<row>" + "<c/>" * 900_000 + "</row>")),
        ("xl/sharedStrings.xml", "<sst>" + "<si/>" * 900_000 + "</sst>"),
        ("xl/styles.xml", "<styleSheet>" + "<xf/>" * 70_000 + "</styleSheet>"),
    ],
)
def test_more_elements_than_a_table_has_are_refused_unread(part, text):
    file = io.BytesIO(workbook(HEADER))
    if part == "xl/sharedStrings.xml":
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(part, text)
    with pytest.raises(InvalidRequest, match="more cells and styles") as caught:
        parse(changed(file.getvalue(), part, text))
    assert caught.value.metadata == {"limit_rows": "10000"}


def test_ten_thousand_rows_of_twelve_columns_are_read():
    row = "".join(f'<c t="str"><v>cell {column}</v></c>' for column in range(12))
    content = changed(workbook(HEADER), SHEET_PART, SHEET.format(f"<row>{row}</row>" * 10_001))
    assert len(rows_of(content)) == 10_001


def test_an_archive_that_lies_about_its_size_gives_no_more_than_it_says():
    content = changed(workbook(HEADER), SHEET_PART, SHEET.format("<row/>" * 6_000_000))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(SHEET_PART).file_size
    lying = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    with pytest.raises(InvalidRequest) as caught:
        parse(lying)
    assert caught.value.reason == "MALFORMED_FILE"


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>',
        '<row r="1"><c r="XFD1"><v>1</v></c></row>',
        '<row r="1"><c r="AAAAAA1"><v>1</v></c></row>',
        '<row r="x"><c r="A1"><v>1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>99</v></c></row>',
        '<row r="1"><c r="A1" t="d"><v>never</v></c></row>',
        "<row",
    ],
)
def test_a_sheet_that_makes_no_sense_is_refused(rows):
    with pytest.raises(InvalidRequest):
        parse(changed(workbook(HEADER), SHEET_PART, SHEET.format(rows)))


def test_entities_are_not_expanded_without_end():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>' + SHEET.format(
        '<row r="1"><c r="A1" t="str"><v>&l9;</v></c></row>'
    )
    with pytest.raises(InvalidRequest, match="cannot be read"):
        parse(changed(workbook(HEADER), SHEET_PART, text))


def test_an_archive_of_something_else_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("positions.csv", "ticker\n")
    with pytest.raises(InvalidRequest, match="no Excel workbook"):
        parse(file.getvalue())


def test_more_lines_than_a_table_has_are_refused():
    cells = "".join(f'<row r="{n}"><c t="str"><v>a</v></c></row>' for n in range(1, 50_002))
    for content in (b"a,b\n" * 50_001, changed(workbook(HEADER), SHEET_PART, SHEET.format(cells))):
        with pytest.raises(InvalidRequest, match="more than 50000 lines") as caught:
            rows_of(content)
        assert caught.value.reason == "REQUEST_TOO_LARGE"


def test_more_cells_than_a_table_has_are_refused():
    with pytest.raises(InvalidRequest, match="cells"):
        rows_of((b"a," * 200 + b"\n") * 10_000)


GOOD = workbook(HEADER, ["AAPL", 10, 1.5, "2022-01-03", ""])  # once: it contains the time


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_to_a_workbook_crashes_the_reader(data: st.DataObject):
    content = GOOD
    place = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:place] + data.draw(st.binary(min_size=1, max_size=8)) + content[place + 8 :]
    with contextlib.suppress(InvalidRequest):
        parse(damaged)


def test_only_archives_are_workbooks():
    assert workbooks.is_workbook(workbook(HEADER))
    assert not workbooks.is_workbook(b"ticker,quantity\n")
