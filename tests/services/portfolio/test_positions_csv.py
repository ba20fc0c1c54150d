"""What the CSV reader makes of good, odd and hostile files."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import InvalidRequest
from services.portfolio.domain import positions_csv
from services.portfolio.domain.positions_csv import parse

HEADER = "ticker,quantity,entry_price,entry_date,tags\n"


def reasons(text: str) -> list[tuple[int, str, str]]:
    return [(issue.line, issue.field, issue.reason) for issue in parse((HEADER + text).encode()).errors]


def test_the_template():
    parsed = parse((HEADER + "AAPL,10,125.5,2022-01-03,core; tech ;\nCUR:USD,-2500.75,,2022-12-28,\n").encode())
    (position,) = parsed.positions
    assert (position.symbol, position.quantity, position.entry_price) == ("AAPL", Decimal(10), Decimal("125.5"))
    assert position.tags == ("core", "tech")
    (cash,) = parsed.cash
    assert (cash.currency, cash.amount, str(cash.balance_date)) == ("USD", Decimal("-2500.75"), "2022-12-28")
    assert (parsed.row_count, parsed.errors, parsed.warnings) == (2, [], [])


@pytest.mark.parametrize(
    "header",
    ["Symbol,Qty,Price,Trade Date", "TRADE_DATE,price,QTY,symbol", " Entry Date ,Entry  Price,quantity,Ticker"],
)
def test_header_in_any_case_order_and_alias(header):
    values = {"s": "AAPL", "t": "AAPL", "q": "10", "p": "1.5", "d": "2022-01-03"}
    cells = [
        values["d" if "date" in name.lower() else "p" if "price" in name.lower() else name.strip().lower()[0]]
        for name in header.split(",")
    ]
    parsed = parse(f"{header}\n{','.join(cells)}\n".encode())
    assert [(p.symbol, p.quantity, p.entry_price) for p in parsed.positions] == [("AAPL", 10, Decimal("1.5"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding, end):
    text = HEADER + "AAPL,1,1,2022-01-03,größe\nJPM,2,2,2022-01-03,\n"
    parsed = parse(text.replace("\n", end).encode(encoding))
    assert [(p.line, p.symbol) for p in parsed.positions] == [(2, "AAPL"), (3, "JPM")]
    assert parsed.positions[0].tags == ("größe",)


def test_mixed_line_ends_and_quoted_newlines_keep_the_line_numbers():
    parsed = parse((HEADER + 'AAPL,1,1,2022-01-03,"a\nb"\r\n\r\nJPM,x,1,2022-01-03,\rKO,1,1,2022-01-03,\n').encode())
    assert [(p.line, p.symbol) for p in parsed.positions] == [(2, "AAPL"), (6, "KO")]
    assert [(e.line, e.field) for e in parsed.errors] == [(5, "quantity")]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (",1,1,2022-01-03,", "ticker", "missing"),
        ("=cmd|'/c calc',1,1,2022-01-03,", "ticker", "malformed_symbol"),
        ("A'; DROP TABLE users,1,1,2022-01-03,", "ticker", "malformed_symbol"),
        ("AAPL,,1,2022-01-03,", "quantity", "missing"),
        ("AAPL,0,1,2022-01-03,", "quantity", "zero_quantity"),
        ("AAPL,NaN,1,2022-01-03,", "quantity", "not_a_number"),
        ("AAPL,Infinity,1,2022-01-03,", "quantity", "not_a_number"),
        ("AAPL,1_000,1,2022-01-03,", "quantity", "not_a_number"),
        ("AAPL,١٢,1,2022-01-03,", "quantity", "not_a_number"),
        ('AAPL,"1,5",1,2022-01-03,', "quantity", "not_a_number"),
        ("AAPL,=1+1,1,2022-01-03,", "quantity", "not_a_number"),
        ("AAPL,1e99,1,2022-01-03,", "quantity", "out_of_range"),
        ("AAPL,0.0000000000001,1,2022-01-03,", "quantity", "out_of_range"),
        ("AAPL,1,-1,2022-01-03,", "entry_price", "negative_price"),
        ("AAPL,1,nan,2022-01-03,", "entry_price", "not_a_number"),
        ("AAPL,1,1,,", "entry_date", "missing"),
        ("AAPL,1,1,2022-13-01,", "entry_date", "not_a_date"),
        ("AAPL,1,1,2022-02-30,", "entry_date", "not_a_date"),
        ("AAPL,1,1,20220103,", "entry_date", "not_a_date"),
        ("AAPL,1,1,2022-W52-3,", "entry_date", "not_a_date"),
        ("AAPL,1,1,01/03/2022,", "entry_date", "not_a_date"),
        ("AAPL,1,1,2022-01-03," + ";".join(map(str, range(21))), "tags", "too_many_tags"),
        ("AAPL,1,1,2022-01-03," + "x" * 51, "tags", "tag_too_long"),
        ("CUR:DOLLAR,1,,2022-01-03,", "ticker", "unknown_currency"),
        ("CUR:USD,1,2,2022-01-03,", "entry_price", "cash_price"),
        ("CUR:USD,ten,,2022-01-03,", "quantity", "not_a_number"),
    ],
)
def test_a_bad_row_is_named_by_line_field_and_reason(row, field, reason):
    good = "KO,1,1,2022-01-03,\n"
    assert reasons(good + row + "\n" + good) == [(3, field, reason)]


def test_issues_carry_the_text_found():
    (issue,) = parse((HEADER + "AAPL,ten,1,2022-01-03,\n").encode()).errors
    assert issue.value == "ten"
    assert "number" in issue.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n , ,\n", "empty"),
        (b"AAPL,10,125.5,2022-01-03\n", "no column ticker"),
        (b"a;b;c\n", "a;b;c"),
        (b"ticker,symbol,quantity,price,entry date\n", "twice"),
        (b"ticker,quantity,price\n", "no column entry_date"),
        (HEADER.encode() + b"A\0APL,1,1,2022-01-03,\n", "line 2 contains NUL"),
        (HEADER.encode() + b"\xff\xfeAAPL", "line 2 is not UTF-8"),
        (HEADER.encode() + b'"AAPL,1', "line 2"),
        (HEADER.encode() + b"A" * 200_000, "line 2"),
        (b"x," * 1_000_000 + b"\n", "1000001 columns"),
        (b"PK\x03\x04\x14\x00\x06\x00", "line 1"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        parse(content)
    assert caught.value.reason == "MALFORMED_FILE"


def test_a_file_over_the_limits_is_refused():
    with pytest.raises(InvalidRequest) as caught:
        parse(b"x" * (positions_csv.MAX_BYTES + 1))
    assert caught.value.reason == "REQUEST_TOO_LARGE"
    row = "AAPL,1,1,2022-01-03,\n"
    assert len(parse((HEADER + row * positions_csv.MAX_ROWS).encode()).positions) == positions_csv.MAX_ROWS
    with pytest.raises(InvalidRequest, match="more than 10000 rows"):
        parse((HEADER + row * (positions_csv.MAX_ROWS + 1)).encode())


def test_repeated_rows_are_kept_with_a_warning():
    parsed = parse((HEADER + "AAPL,1,1,2022-01-03,\nAAPL,2,2,2022-01-03,\nAAPL,1,1,2022-01-04,\n").encode())
    assert len(parsed.positions) == 3
    assert [(w.line, w.reason) for w in parsed.warnings] == [(3, "repeated_row")]


def test_a_balance_is_stated_once():
    assert reasons("CUR:USD,1,,2022-01-03,\ncur:usd,2,,2022-01-03,\nCUR:EUR,1,1,2022-01-03,\n") == [
        (3, "ticker", "repeated_cash")
    ]


def test_unknown_columns_are_ignored_with_a_warning():
    parsed = parse(b"ticker,quantity,entry_price,entry_date,broker\nAAPL,1,0,2022-01-03,X\n")
    assert [(w.line, w.field, w.reason) for w in parsed.warnings] == [
        (1, "broker", "unknown_column"),
        (2, "entry_price", "zero_price"),
    ]


@pytest.mark.parametrize(
    "text", ["AAPL230120C00150000", "aapl230120c00150000", "O:AAPL230120C00150000", "AAPL  230120C00150000"]
)
def test_option_symbols_become_compact(text):
    assert parse(f"{HEADER}{text},-2,3.1,2022-12-01,\n".encode()).positions[0].symbol == "AAPL230120C00150000"


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(content):
    for prefix in (b"", HEADER.encode()):
        try:
            parsed = parse(prefix + content)
        except InvalidRequest:
            continue
        assert len(parsed.positions) + len(parsed.cash) + len(parsed.errors) == parsed.row_count


@given(
    st.decimals(min_value=-(10**12), max_value=10**12, places=6, allow_nan=False).filter(lambda x: x != 0),
    st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False),
    st.dates(),
)
def test_what_is_written_is_read(quantity, price, day):
    (position,) = parse(f"{HEADER}AAPL,{quantity},{price},{day},\n".encode()).positions
    assert (position.quantity, position.entry_price, position.entry_date) == (quantity, price, day)
