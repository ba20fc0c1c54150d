"""Files that users and operators bring: what is read, what is set aside by line, and what is refused as a whole."""

import contextlib
import os
import random
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidRequest, Unavailable
from services.marketdata.clients.vendors.csv_folder import CsvFolder
from services.marketdata.domain.actions_csv import read_actions
from services.marketdata.domain.bars_csv import BarsFile, read_bars
from services.marketdata.domain.corporate_actions import ActionKind
from services.marketdata.domain.csv_table import CHUNK_ROWS, MOST_COLUMNS, days, numbers, plain_number
from services.marketdata.domain.fetched import Reason, RowKind
from services.marketdata.domain.instruments import Kind
from services.marketdata.domain.instruments_csv import read_instruments
from services.marketdata.domain.prices import PriceBasis
from services.marketdata.domain.yields_csv import read_yields, tenor_of
from tests.services.marketdata.treasury import PAR_YIELDS, TENORS
from tests.services.marketdata.vendors import files
from tests.services.marketdata.vendors.market import FIRST, LAST

RAW = PriceBasis.RAW
HEADER = "symbol,date,open,high,low,close,volume\n"


def bars(text: str | bytes) -> BarsFile:
    return read_bars(text if isinstance(text, bytes) else text.encode(), RAW, "upload")


def closes(file: BarsFile) -> dict[str, list[float]]:
    return {symbol: one.series.close.tolist() for symbol, one in file.by_symbol.items()}


def test_bars_are_sorted_by_symbol_and_day_and_remember_their_lines():
    file = bars(HEADER + "msft,2024-01-03,1,2,0.5,1.5,100\nAAPL,2024-01-03,,,,9,\nmsft,2024-01-02,,,,1.25,\n")
    assert file.row_count == 3
    assert list(file.by_symbol) == ["AAPL", "MSFT"]
    msft = file.by_symbol["MSFT"]
    assert msft.series.session_dates.tolist() == [date(2024, 1, 2), date(2024, 1, 3)]
    assert msft.series.close.tolist() == [1.25, 1.5]
    assert (msft.series.open[1], msft.series.high[1], msft.series.low[1], msft.series.volume[1]) == (1.0, 2.0, 0.5, 100)
    assert np.isnan(msft.series.open[0])
    assert msft.lines.tolist() == [4, 2]
    assert list(file.rejected) == []


@pytest.mark.parametrize(
    "text",
    [
        "symbol,date,close\nA,2024-01-02,1.5\n",
        "Symbol , DATE, Close\r\nA,2024-01-02,1.5\r\n",
        "\ufeffsymbol,date,close\nA,2024-01-02,1.5",
        "symbol,date,close\rA,2024-01-02,1.5\r",
        "note,symbol,close,date\nhello,A,1.5,2024-01-02\n",
        'symbol,date,close\n\n  , ,\n"A","2024-01-02","1.5"\n\n',
        "symbol,date,close\n a , 2024-01-02 , 1.5 \n",
        "symbol,date,close\nA,2024-01-02,+1.5e0,and,more,cells\n",
        "symbol,date,close,volume\nA,2024-01-02,1.5\n",
    ],
)
def test_a_file_is_read_however_it_is_written(text: str):
    assert closes(bars(text)) == {"A": [1.5]}
    assert closes(bars(text.encode("utf-16"))) == {"A": [1.5]}


@pytest.mark.parametrize(
    ("row", "field", "value", "reason"),
    [
        (",2024-01-02,1", "symbol", "", "invalid_symbol"),
        ("A B,2024-01-02,1", "symbol", "A B", "invalid_symbol"),
        ("../A,2024-01-02,1", "symbol", "../A", "invalid_symbol"),
        ("A,02/01/2024,1", "date", "02/01/2024", "unreadable_date"),
        ("A,2024-13-01,1", "date", "2024-13-01", "unreadable_date"),
        ("A,2024-02-30,1", "date", "2024-02-30", "unreadable_date"),
        ("A,-202401-02,1", "date", "-202401-02", "unreadable_date"),
        ("A,2024-1-2,1", "date", "2024-1-2", "unreadable_date"),
        ("A,0024-01-02,1", "date", "0024-01-02", "unreadable_date"),
        ("A,today,1", "date", "today", "unreadable_date"),
        ("A,,1", "date", "", "unreadable_date"),
        ("A,NaT,1", "date", "NaT", "unreadable_date"),
        ("A,2024-01-02,", "close", "", "missing"),
        ("A,2024-01-02", "close", "", "missing"),
        ("A,2024-01-02,nan", "close", "nan", "not_a_number"),
        ("A,2024-01-02,inf", "close", "inf", "not_a_number"),
        ("A,2024-01-02,1e999", "close", "1e999", "not_a_number"),
        ("A,2024-01-02,1_000", "close", "1_000", "not_a_number"),
        ("A,2024-01-02,１", "close", "１", "not_a_number"),
        ("A,2024-01-02,0x10", "close", "0x10", "not_a_number"),
        ('A,2024-01-02,"1,5"', "close", "1,5", "not_a_number"),
        ("A,2024-01-02,=1+1", "close", "=1+1", "not_a_number"),
        ("A,2024-01-02,$5", "close", "$5", "not_a_number"),
        ("A,2024-01-02,1-2", "close", "1-2", "not_a_number"),
        ("A,2024-01-02,e5", "close", "e5", "not_a_number"),
        ("A,2024-01-02,--", "close", "--", "not_a_number"),
    ],
)
def test_a_row_that_is_wrong_is_set_aside_with_its_line(row: str, field: str, value: str, reason: str):
    file = bars(f"symbol,date,close\nA,2024-01-02,1\n{row}\nB,2024-01-02,2\n")
    assert closes(file) == {"A": [1.0], "B": [2.0]}
    (rejected,) = file.rejected
    assert (rejected.kind, rejected.source, rejected.line) == (RowKind.BAR, "upload", 3)
    assert (rejected.field, rejected.value, rejected.reason) == (field, value, reason)


def test_a_row_is_complained_of_once_and_kept_as_it_came():
    file = bars('symbol,date,close\n"a b",nope,"x\ny"\nA,2024-01-02,1\n')
    (rejected,) = file.rejected
    assert rejected.field == "symbol"
    assert rejected.row_json == '{"symbol": "a b", "date": "nope", "close": "x\\ny"}'
    assert rejected.line == 3  # where the row ends: its quoted cell has two lines
    assert file.by_symbol["A"].lines.tolist() == [4]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n", "no column symbol, date, close"),
        (b"A,2024-01-02,1\n", "no column symbol, date, close"),
        (b"symbol;date;close\nA;2024-01-02;1\n", "no column symbol, date, close"),
        (b"symbol,date\nA,2024-01-02\n", "no column close"),
        (b"symbol,date,close,Close\n", "names a column twice: close"),
        (b"symbol,date,close\nA,2024-01-02,\xff\n", "line 2 is not UTF-8"),
        (b"symbol,date,close\nA,2024-01-02,1\0\n", "line 2 contains NUL"),
        (b"\xff\xfes", "not UTF-16"),
        (b'symbol,date,close\nA,2024-01-02,"1\n', "line 2 cannot be read"),
        (b'symbol,date,close\nA,2024-01-02,"1"2\n', "line 2 cannot be read"),
        (b"symbol,date,close\nA,2024-01-02," + b"1" * 200_000, "line 2 cannot be read"),
        (b"a," * 1_000_000, f"at most {MOST_COLUMNS}"),
        (b'"' + b"x" * 200_000, "the header cannot be read"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_as_a_whole(content: bytes, said: str):
    with pytest.raises(InvalidRequest, match=said) as caught:
        bars(content)
    assert caught.value.reason == "MALFORMED_FILE"
    assert int(caught.value.metadata["line"]) >= 1


def test_rows_of_many_chunks_are_one_file():
    count = 3 * CHUNK_ROWS + 7
    on = [date(2000, 1, 1) + timedelta(days=number) for number in range(count)]
    rows = [f"{'AB'[number % 2]},{day},{number + 1}" for number, day in enumerate(on)]
    rows[CHUNK_ROWS + 1] = "A,1999-12-31,x"
    rng = random.Random(5)
    order = list(range(count))
    rng.shuffle(order)
    file = bars("symbol,date,close\n" + "\n".join(rows[place] for place in order))
    assert file.row_count == count
    assert [row.line for row in file.rejected] == [order.index(CHUNK_ROWS + 1) + 2]
    for code, symbol in enumerate("AB"):
        expected = [float(number + 1) for number in range(code, count, 2) if number != CHUNK_ROWS + 1]
        one = file.by_symbol[symbol]
        assert one.series.close.tolist() == expected
        assert [order[line - 2] + 1.0 for line in one.lines] == expected


@given(st.lists(st.text(max_size=12) | st.floats().map(str) | st.text("0123456789.eE+- ", max_size=8), max_size=10))
def test_numbers_by_the_column_are_those_by_the_cell(cells: list[str]):
    values, bad = numbers(cells)
    for cell, value, is_bad in zip(cells, values.tolist(), bad.tolist(), strict=True):
        expected = plain_number(cell.strip())
        assert is_bad == (expected is None and cell.strip() != "")
        assert value == expected if expected is not None else np.isnan(value)


@given(st.lists(st.one_of(st.dates().map(str), st.text("0123456789-", min_size=10, max_size=10), st.text(max_size=12))))
def test_days_by_the_column_are_those_by_the_cell(cells: list[str]):
    for cell, day in zip(cells, days(cells).tolist(), strict=True):
        try:
            expected = date.fromisoformat(cell.strip())
        except ValueError:
            expected = None
        is_day = expected is not None and expected.year >= 1800 and str(expected) == cell.strip()
        assert day == (expected if is_day else None)


@given(st.binary(max_size=300))
def test_no_bytes_make_more_than_a_refusal(content: bytes):
    for read in (lambda: bars(content), lambda: read_actions(content, "x"), lambda: read_yields(content, "x")):
        with contextlib.suppress(InvalidRequest):
            assert read().row_count <= content.count(b"\n") + content.count(b"\r") + 1


def test_corporate_actions_are_read_and_checked():
    text = (
        "Symbol,Ex Date,Kind,Value\nA,2024-01-02,Split,10\na,2024-01-02,dividend,0.5\nA,2024-01-02,dividend,0.25\n"
        "A,2023-01-02,SPLIT,2\nA,2024-01-03,spinoff,1\nA,2024-01-03,split,0\nA,2024-01-03,split,-2\n"
        "A,2024-01-03,split,x\nA,2024-01-03,dividend,\nA,3.1.2024,split,2\n,2024-01-03,split,2\nA,2024-01-03,split,1e9\n"
    )
    file = read_actions(text.encode(), "upload")
    assert file.row_count == 12
    assert [(action.ex_date, action.kind, action.value) for action in file.by_symbol["A"]] == [
        (date(2023, 1, 2), ActionKind.SPLIT, 2.0),
        (date(2024, 1, 2), ActionKind.SPLIT, 10.0),
        (date(2024, 1, 2), ActionKind.DIVIDEND, 0.75),
    ]
    assert [(row.line, row.field, row.reason) for row in file.rejected] == [
        (6, "kind", "unknown_kind"),
        (7, "value", "not_positive"),
        (8, "value", "not_positive"),
        (9, "value", "not_a_number"),
        (10, "value", "missing"),
        (11, "ex_date", "unreadable_date"),
        (12, "symbol", "invalid_symbol"),
        (13, "value", "implausible_split"),
    ]


@pytest.mark.parametrize(
    ("column", "tenor"),
    [
        ("1 Mo", "1M"),
        ("10 Yr", "10Y"),
        ("3 month", "3M"),
        ("2_years", "2Y"),
        ("30Y", "30Y"),
        ("6m", "6M"),
        ("1.5 Month", ""),
        ("date", ""),
        ("yr", ""),
        ("100 yr", ""),
    ],
)
def test_a_column_is_of_a_tenor(column: str, tenor: str):
    assert tenor_of(column) == tenor


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("12/29/23", date(2023, 12, 29)),
        ("12/29/2023", date(2023, 12, 29)),
        ("1/2/62", date(1962, 1, 2)),
        ("01/02/61", date(2061, 1, 2)),
        ("2023-12-29", date(2023, 12, 29)),
    ],
)
def test_days_of_yields_are_written_in_three_ways(cell: str, day: date):
    file = read_yields(f"Date,10 Yr\n{cell},3.88\n".encode(), "upload")
    assert file.by_tenor["10Y"].series.days.tolist() == [day]
    assert file.by_tenor["10Y"].series.yields.tolist() == [0.0388]


def test_a_cell_that_is_no_yield_does_not_spoil_its_row():
    text = "Date,1 Mo,1.5 Month,10 Yr\n12/28/23,N/A,x,3.84\n12/29/23,5.6,,high\n13/29/23,1,1,1\n12/27/23,,,0\n"
    file = read_yields(text.encode(), "upload")
    assert file.row_count == 4
    assert {tenor: one.series.yields.tolist() for tenor, one in file.by_tenor.items()} == {
        "1M": [0.056],
        "10Y": [0.0, 0.0384],
    }
    assert file.by_tenor["10Y"].lines.tolist() == [5, 2]
    assert [(row.line, row.field, row.value, row.reason) for row in file.rejected] == [
        (3, "10_yr", "high", "not_a_number"),
        (4, "date", "13/29/23", "unreadable_date"),
    ]
    assert {row.symbol for row in file.rejected} == {""}


@pytest.mark.parametrize("text", ["date,close\n2024-01-02,1\n", "Date,1 Yr,1 Year\n", "Day,1 Yr\n2024-01-02,1\n"])
def test_yields_without_a_tenor_are_refused(text: str):
    with pytest.raises(InvalidRequest):
        read_yields((text + "2024-01-02,1,1\n").encode(), "upload")


def test_yields_as_the_treasury_publishes_them_are_read_whole():
    file = read_yields(PAR_YIELDS.encode(), "upload")
    assert (file.row_count, list(file.rejected), list(file.by_tenor)) == (7, [], TENORS)
    ten = file.by_tenor["10Y"].series
    assert (ten.days[0].item(), ten.days[-1].item()) == (date(1990, 1, 2), date(2022, 12, 30))
    assert ten.yields[-1] == 0.0388
    assert np.all(np.diff(ten.days) > np.timedelta64(0, "D"))
    assert [len(file.by_tenor[tenor].series.days) for tenor in ("1M", "20Y", "30Y")] == [3, 4, 7]


def test_instruments_are_read():
    file = read_instruments(
        b"symbol,kind,name,multiplier\nA,stock,Able,\nB,ETF,,2\nC,OPTION,,\nD,private,,\n,stock,,\nE,stock,,x\nF,index,,0\n"
    )
    assert {symbol: (one.kind, one.name, one.currency, one.multiplier) for symbol, one in file.by_symbol.items()} == {
        "A": (Kind.STOCK, "Able", "USD", 1.0),
        "B": (Kind.ETF, "", "USD", 2.0),
    }
    assert list(file.unreadable_lines) == [4, 5, 6, 7, 8]


async def test_a_folder_is_read_again_when_a_file_changes(tmp_path: Path):
    folder = CsvFolder(files.write(tmp_path), RAW)
    assert await folder.symbols() == ["AAPL", "BRK.B", "KO"]
    path = tmp_path / "more.csv"
    path.write_text("symbol,date,close\nNEW,2022-12-20,1\n")
    assert "NEW" in await folder.symbols()
    path.write_text("symbol,date,close\nNEWER,2022-12-20,1\n")
    os.utime(path, ns=(1, 1))
    assert {"NEW", "NEWER"} & set(await folder.symbols()) == {"NEWER"}
    path.unlink()
    assert await folder.symbols() == ["AAPL", "BRK.B", "KO"]


async def test_a_history_in_several_files_is_one(tmp_path: Path):
    (tmp_path / "2.csv").write_text("symbol,date,close\nA,2022-12-21,3\nA,2022-12-19,1\n")
    (tmp_path / "1.csv").write_text("symbol,date,close,volume\nA,2022-12-20,2,50\nB,2022-12-20,9,\n")
    answer = await CsvFolder(tmp_path, RAW).fetch_bars(["A"], date(2022, 1, 1), date(2022, 12, 31))
    assert answer.found["A"].close.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(answer.found["A"].volume, [np.nan, 50.0, np.nan])


async def test_one_file_serves_as_a_folder_and_the_basis_is_that_of_the_settings(tmp_path: Path):
    path = tmp_path / "mine.txt"
    path.write_text("symbol,date,close\nA,2022-12-20,2\n")
    folder = CsvFolder(path, PriceBasis.TOTAL_RETURN_ADJUSTED)
    answer = await folder.fetch_bars(["A"], date(2022, 1, 1), date(2022, 12, 31))
    assert answer.found["A"].price_basis is PriceBasis.TOTAL_RETURN_ADJUSTED


async def test_wrong_rows_come_with_the_symbol_they_are_of(tmp_path: Path):
    (tmp_path / "a.csv").write_text("symbol,date,close\nA,2022-12-20,2\nA,x,2\nB,x,2\n??,2022-12-20,2\n")
    answer = await CsvFolder(tmp_path, RAW).fetch_bars(["A"], date(2022, 1, 1), date(2022, 12, 31))
    assert [(row.symbol, row.line) for row in answer.rejected] == [("A", 3), ("??", 5)]


async def test_files_of_no_use_are_named_and_do_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    folder = files.write(tmp_path)
    (folder / "README.csv").write_text("hello\n")
    (folder / "broken.csv").write_bytes(b"symbol,date,close\n\xff\n")
    (folder / "odd.csv").write_text("symbol,kind,currency\nX,nothing,\nY,stock,Euro\n")
    (folder / "locked.csv").symlink_to("/nowhere")
    (folder / "sub.csv").mkdir()
    provider = CsvFolder(folder, RAW)
    assert await provider.symbols() == ["AAPL", "BRK.B", "KO"]
    assert {"README.csv", "broken.csv", "odd.csv"} <= {Path(str(record.args[0])).name for record in caplog.records}
    caplog.clear()
    await provider.symbols()
    assert caplog.records == []


async def test_of_a_folder_that_is_not_there_nobody_knows_what_is_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = CsvFolder(tmp_path / "late", RAW)
    answer = await folder.fetch_bars(["AAPL"], FIRST, LAST)
    assert answer.failed == {"AAPL": Reason.UNAVAILABLE}  # and not `unknown_symbol`, after which nobody would ask again
    assert "late" in caplog.text
    with pytest.raises(Unavailable):
        await folder.symbols()
    (tmp_path / "late").mkdir()
    files.write(tmp_path / "late")
    assert set((await folder.fetch_bars(["AAPL"], FIRST, LAST)).found) == {"AAPL"}


async def test_while_a_file_is_broken_nobody_says_what_it_lacks(tmp_path: Path):
    (files.write(tmp_path) / "more.csv").write_bytes(b"symbol,date,close\nNEW,2022-12-20,\xff\n")
    folder = CsvFolder(tmp_path, RAW)
    answer = await folder.fetch_bars(["AAPL", "NEW"], FIRST, LAST)
    assert (set(answer.found), answer.failed) == ({"AAPL"}, {"NEW": Reason.MALFORMED})
    actions = await folder.fetch_corporate_actions(["KO"], FIRST, LAST)
    assert actions.failed == {"KO": Reason.MALFORMED}  # an empty list would take back what was there
    (tmp_path / "more.csv").write_text("symbol,date,close\nNEW,2022-12-20,5\n")
    assert (await folder.fetch_bars(["NEW"], FIRST, LAST)).found["NEW"].close.tolist() == [5.0]


async def test_without_a_file_of_actions_nobody_knows_of_any(tmp_path: Path):
    (tmp_path / "a.csv").write_text("symbol,date,close\nA,2022-12-20,2\n")
    answer = await CsvFolder(tmp_path, RAW).fetch_corporate_actions(["A"], date(2022, 1, 1), date(2022, 12, 31))
    assert answer.failed == {"A": Reason.UNKNOWN_SYMBOL}
