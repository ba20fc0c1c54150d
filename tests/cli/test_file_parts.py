"""A file is cut into parts that can each be read, and together say what the file says."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.file_parts import parts
from cli.stack.errors import StackError

HEADER = "symbol,date,close\n"


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    return path


def test_a_small_file_is_one_part(tmp_path: Path) -> None:
    content = (HEADER + "A,2022-12-19,1\n").encode()
    (part,) = parts(written(tmp_path, content))
    assert (part.content, part.lines_before, part.size, part.whole) == (content, 0, len(content), True)


def test_each_part_has_the_header_and_knows_its_lines(tmp_path: Path) -> None:
    rows = [f"A,2022-12-{day:02},1\n" for day in range(1, 10)]
    path = written(tmp_path, (HEADER + "".join(rows)).encode())
    found = list(parts(path, largest=60))
    assert [part.content.decode() for part in found] == [
        HEADER + "".join(rows[start : start + 2]) for start in range(0, 9, 2)
    ]
    assert [part.lines_before for part in found] == [0, 2, 4, 6, 8]
    assert not any(part.whole for part in found)


@given(st.lists(st.text(st.sampled_from('a"\n,;é'), max_size=12), max_size=40), st.integers(70, 200))
def test_no_part_is_cut_inside_a_row(tmp_path_factory: pytest.TempPathFactory, cells: list[str], largest: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["name", "number"], *([cell, str(number)] for number, cell in enumerate(cells))])
    path = written(tmp_path_factory.mktemp("parts"), text.getvalue().encode())
    read = [row for part in parts(path, largest) for row in list(csv.reader(io.StringIO(part.content.decode())))[1:]]
    whole = list(csv.reader(io.StringIO(text.getvalue())))[1:]
    assert [row for row in read if row] == whole


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_come_out_as_utf_8(tmp_path: Path, encoding: str) -> None:
    (part,) = parts(written(tmp_path, (HEADER + "É,2022-12-19,1\r\n").encode(encoding)))
    assert part.content.decode() == HEADER + "É,2022-12-19,1\r\n"


def test_bytes_that_are_no_text_are_passed_on_to_who_knows_the_line(tmp_path: Path) -> None:
    content = HEADER.encode() + b"A,2022-12-19,\xff\n"
    (part,) = parts(written(tmp_path, content))
    assert part.content == content


def test_a_row_that_fits_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="line 3 belongs to a row of more than 50 bytes"):
        list(parts(written(tmp_path, (HEADER + "A,1,1\n" + "x" * 100 + "\n").encode()), largest=50))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"nothing\.csv cannot be read: No such file"):
        list(parts(tmp_path / "nothing.csv"))
