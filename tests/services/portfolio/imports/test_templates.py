"""What the reader makes of files in the templates: good, odd and hostile ones."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidRequest
from services.portfolio.domain.imports.issues import MAX_BYTES, MAX_ROWS
from services.portfolio.domain.imports.parsing import parse

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
        ("AAPL,1e-40,1,2022-01-03,", "quantity", "out_of_range"),
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
        (b"AAPL,10,125.5,2022-01-03\n", "no format that we know: AAPL, 10, 125.5, 2022-01-03"),
        (b"a;b;c\n", "a;b;c"),
        (b"ticker,symbol,quantity,price,entry date\n", "twice"),
        (b"ticker,quantity,price\n", "template of five columns the file has no column entry date"),
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
        parse(b"x" * (MAX_BYTES + 1))
    assert caught.value.reason == "REQUEST_TOO_LARGE"
    row = "AAPL,1,1,2022-01-03,\n"
    assert len(parse((HEADER + row * MAX_ROWS).encode()).positions) == MAX_ROWS
    with pytest.raises(InvalidRequest, match="more than 10000 rows") as caught:
        parse((HEADER + row * (MAX_ROWS + 1)).encode())
    assert (caught.value.reason, caught.value.metadata) == ("REQUEST_TOO_LARGE", {"limit_rows": "10000"})


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


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(content):
    for prefix in (b"", HEADER.encode()):
        try:
            parsed = parse(prefix + content)
        except InvalidRequest:
            continue
        if parsed.format in ("five_columns", "twelve_columns"):
            assert len(parsed.positions) + len(parsed.cash) + len(parsed.errors) == parsed.row_count


@settings(deadline=None)
@given(
    st.decimals(min_value=-(10**12), max_value=10**12, places=6, allow_nan=False).filter(lambda x: x != 0),
    st.decimals(min_value=0, max_value=10**9, places=4, allow_nan=False),
    st.dates(),
)
def test_what_is_written_is_read(quantity, price, day):
    (position,) = parse(f"{HEADER}AAPL,{quantity},{price},{day},\n".encode()).positions
    assert (position.quantity, position.entry_price, position.entry_date) == (quantity, price, day)


TWELVE = (
    "Symbol,Quantity,Entry Price Per Share,Entry Date,Investment Class,Investment Subtype,Underlying Symbol,"
    "Strike Price,Expiration Date,Option Type,Exit Date,Exit Price Per Share\n"
)


def test_the_template_of_twelve_columns():
    rows = (
        "AAPL,100,120.5,2022-01-03,PUBLIC,STOCK,,,,,,\n"
        "AAPL,-2,3.1,2022-12-01,OPTIONS,,AAPL,150,2023-01-20,CALL,,\n"
        "JPM,10,140,2022-01-03,public,,,,,,2022-06-01,130\n"
        'MYHOUSE,1,"$250,000.00",2022-01-03,PRIVATE,REAL_ESTATE,,,,,,\n'
    )
    parsed = parse((TWELVE + rows).encode())
    assert (parsed.format, parsed.errors, parsed.warnings) == ("twelve_columns", [], [])
    stock, option, closed, house = parsed.positions
    assert (stock.symbol, stock.stated_class, stock.exit_date) == ("AAPL", "PUBLIC", None)
    assert (option.symbol, option.quantity, option.stated_class) == ("AAPL230120C00150000", -2, "OPTIONS")
    assert (str(closed.exit_date), closed.exit_price, closed.stated_class) == ("2022-06-01", 130, "PUBLIC")
    assert house.entry_price == 250_000


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("AAPL,1,1,2022-01-03,SHARES,,,,,,,", "investment_class", "unknown_class"),
        ("AAPL,1,1,2022-01-03,OPTIONS,,AAPL,150,2023-01-20,,,", "option_type", "missing"),
        ("AAPL,1,1,2022-01-03,OPTIONS,,AAPL,150,2023-01-20,STRADDLE,,", "option_type", "unknown_option_type"),
        ("AAPL,1,1,2022-01-03,OPTIONS,,AAPL,0,2023-01-20,PUT,,", "strike_price", "impossible_strike"),
        ("AAPL,1,1,2022-01-03,OPTIONS,,AAPL,1.00001,2023-01-20,PUT,,", "strike_price", "impossible_strike"),
        ("AAPL230120C00150000,1,1,2022-01-03,OPTIONS,,AAPL,160,2023-01-20,CALL,,", "ticker", "terms_differ"),
        ("AAPL,1,1,2022-01-03,,,,,,,01/02/2022,3", "exit_date", "not_a_date"),
        ("AAPL,1,1,2022-01-03,,,,,,,2022-02-02,-3", "exit_price", "negative_price"),
        ("AAPL,50%,1,2022-01-03,,,,,,,,", "quantity", "not_a_number"),
    ],
)
def test_a_bad_row_of_twelve_columns_is_named(row, field, reason):
    (issue,) = parse((TWELVE + row + "\n").encode()).errors
    assert (issue.line, issue.field, issue.reason) == (2, field, reason)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,250.75", "1250.75"),
        ("(1,250.75)", "-1250.75"),
        ("($3)", "-3"),
        ("-$3.50", "-3.5"),
        ("$-3.50", "-3.5"),
        ("+2", "2"),
        ("1,234,567", "1234567"),
        (".5", "0.5"),
        ("1e3", "1000"),
    ],
)
def test_numbers_as_people_write_them(text, number):
    (position,) = parse(f'{HEADER}AAPL,"{text}",1,2022-01-03,\n'.encode()).positions
    assert position.quantity == Decimal(number)


@pytest.mark.parametrize(
    "text", ["(-3)", "-(3)", "--3", "1,5", "1,2345", "12,34.5", "$", "()", "$$3", "1 000", "3-", "5%"]
)
def test_what_could_be_two_numbers_is_none(text):
    assert reasons(f'AAPL,"{text}",1,2022-01-03,\n') == [(2, "quantity", "not_a_number")]


@pytest.mark.parametrize("text", ["--", "N/A", "-", ""])
def test_what_is_said_to_be_absent_is_missing(text):
    assert reasons(f"AAPL,{text},1,2022-01-03,\n") == [(2, "quantity", "missing")]


EXPORTED = TWELVE.strip() + ",Tags,Strategy,Note\n"


def test_what_the_export_writes_comes_back():
    rows = (
        "AAPL230120C00150000,-2,3.1,2022-12-01,OPTIONS,,AAPL,150,2023-01-20,CALL,,,core;'=tech,wheel,\n"
        "CUR:USD,-5078.62,,2022-12-28,CASH,,,,,,,,,,\n"
        "CUR:USD,6.9,,2022-12-15,CASH,DIVIDEND,AAPL,,,,,,,,'=1+1\n"
        "CUR:EUR,-100,,2022-12-16,CASH,withdrawal,,,,,,,,,\n"
    )
    parsed = parse((EXPORTED + rows).encode())
    assert (parsed.errors, parsed.warnings) == ([], [])
    assert [(p.tags, p.strategy) for p in parsed.positions] == [(("core", "=tech"), "wheel")]
    assert [(c.currency, c.amount) for c in parsed.cash] == [("USD", Decimal("-5078.62"))]
    dividend, withdrawal = parsed.movements
    assert (dividend.kind, dividend.symbol, dividend.note, str(dividend.movement_date)) == (
        *("DIVIDEND", "AAPL", "=1+1", "2022-12-15"),
    )
    assert (withdrawal.kind, withdrawal.currency, withdrawal.amount) == ("WITHDRAWAL", "EUR", -100)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("CUR:USD,5,,2022-12-15,CASH,BRIBE,,,,,,,,,", "investment_subtype", "unknown_movement"),
        ("CUR:USD,-5,,2022-12-15,CASH,DEPOSIT,,,,,,,,,", "quantity", "wrong_sign"),
        ("CUR:USD,5,,2022-12-15,CASH,FEE,,,,,,,,,", "quantity", "wrong_sign"),
        ("CUR:USD,0,,2022-12-15,CASH,INTEREST,,,,,,,,,", "quantity", "zero_quantity"),
        ("CUR:USD,5,,2022-12-15,CASH,DEPOSIT,,,,,,,,," + "x" * 501, "note", "too_long"),
        ("AAPL,5,1,2022-12-15,CASH,,,,,,,,,,", "ticker", "unknown_currency"),
        ("AAPL,5,1,2022-12-15,,,,,,,,,," + "x" * 51 + ",", "strategy", "too_long"),
    ],
)
def test_a_bad_row_of_cash_is_named(row, field, reason):
    (issue,) = parse((EXPORTED + row + "\n").encode()).errors
    assert (issue.line, issue.field, issue.reason) == (2, field, reason)
