"""What is made of the exports of brokers; every fixture follows a public sample (fixtures/SOURCES.md)."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import InvalidRequest
from services.portfolio.domain.imports.parsing import FORMATS, parse
from services.portfolio.domain.imports.statements import Date, ParsedFile

FIXTURES = Path(__file__).parent / "fixtures"
DAY = Date(2022, 12, 28)


def read(name: str) -> ParsedFile:
    return parse((FIXTURES / name).read_bytes())


def positions(parsed: ParsedFile) -> list[tuple[int, str, float, float, str]]:
    return [(p.line, p.symbol, float(p.quantity), float(p.entry_price), str(p.entry_date)) for p in parsed.positions]


def cash(parsed: ParsedFile) -> list[tuple[str, float, str]]:
    return [(c.currency, float(c.amount), str(c.balance_date)) for c in parsed.cash]


def issues(parsed: ParsedFile) -> list[tuple[int, str, str]]:
    return [(e.line, e.field, e.reason) for e in (*parsed.errors, *parsed.warnings)]


def test_every_fixture_names_what_it_follows():
    sources = (FIXTURES / "SOURCES.md").read_text()
    tables = {path.name for path in FIXTURES.glob("*.csv")}
    assert len(tables) == 8
    rows = [row for row in sources.splitlines() if row.startswith("| `")]
    assert {row.split("`")[1] for row in rows} == tables
    assert all("https://" in row for row in rows)


def test_schwab_one_account():
    parsed = read("schwab_one_account.csv")
    assert parsed.format == "schwab_positions"
    assert positions(parsed) == [
        (4, "AAPL", 1100, 120.5, "2022-12-28"),
        (5, "JPM", -50, 150, "2022-12-28"),
        (6, "AAPL230120C00150000", 2, 3.1, "2022-12-28"),
        (7, "XOM", 10, 105, "2022-12-28"),
    ]
    assert cash(parsed) == [("USD", 5078.62, "2022-12-28")]
    assert issues(parsed) == [(7, "cost_basis", "no_cost_basis"), (0, "entry_date", "entry_date_assumed")]
    assert parsed.row_count == 5


def test_schwab_all_accounts_adds_their_cash_and_keeps_equal_positions():
    parsed = read("schwab_all_accounts.csv")
    assert positions(parsed) == [
        (5, "AAPL", 100, 120.5, "2022-12-28"),
        (12, "AAPL", 100, 120.5, "2022-12-28"),
        (13, "AAPL230120P00100000", -4, 1.2, "2022-12-28"),
    ]
    assert cash(parsed) == [("USD", 3000, "2022-12-28")]
    assert parsed.errors == []


def test_fidelity():
    parsed = read("fidelity_positions.csv")
    assert parsed.format == "fidelity_positions"
    assert positions(parsed) == [
        (3, "AAPL", 100, 120.5, "2022-12-28"),
        (4, "AAPL230120C00150000", 2, 3.1, "2022-12-28"),
        (5, "JPM", -50, 150, "2022-12-28"),
        (6, "AAPL", 10.125, 126.04, "2022-12-28"),
    ]
    assert cash(parsed) == [("USD", 5079.22, "2022-12-28")]
    assert issues(parsed) == [
        (6, "cost_basis", "no_cost_basis"),
        (8, "ticker", "pending_activity"),
        (0, "entry_date", "entry_date_assumed"),
    ]


def test_fidelity_as_it_was_in_2021():
    parsed = read("fidelity_2021.csv")
    assert [(p.symbol, float(p.entry_price)) for p in parsed.positions] == [("AAPL", 112.76755556), ("XOM", 90.0685)]
    assert {p.entry_date for p in parsed.positions} == {Date(2021, 7, 30)}


def test_a_flex_query_of_summaries():
    parsed = read("ibkr_flex_summary.csv")
    assert parsed.format == "ibkr_flex"
    assert positions(parsed) == [
        (2, "AAPL", 2000, 119.5300875, "2022-12-28"),
        (3, "JPM", -500, 150.25, "2022-12-28"),
        (4, "AAPL230120C00150000", -3, 3.1, "2022-12-28"),
    ]
    assert issues(parsed) == [
        (5, "asset_class", "unsupported_asset_class"),
        (0, "entry_date", "entry_date_assumed"),
    ]


def test_a_flex_query_with_lots_knows_the_days_of_entry():
    parsed = read("ibkr_flex_lots.csv")
    assert positions(parsed) == [
        (6, "AAPL", 100, 120.5, "2022-01-03"),
        (7, "AAPL", 50, 113.75, "2022-11-11"),
        (8, "XOM", 10, 60, "2022-12-28"),
    ]
    assert [p.entry_known for p in parsed.positions] == [True, True, False]
    assert cash(parsed) == [("USD", 4878.62, "2022-12-28"), ("EUR", 188, "2022-12-28")]
    assert parsed.errors == []


def test_lots_that_are_not_the_whole_position_do_not_count():
    text = (FIXTURES / "ibkr_flex_lots.csv").read_text()
    parsed = parse(text.replace('"50","126.04"', '"49","126.04"').encode())
    assert positions(parsed)[0] == (5, "AAPL", 150, 118.25, "2022-12-28")


def test_an_activity_statement():
    parsed = read("ibkr_statement.csv")
    assert parsed.format == "ibkr_statement"
    assert positions(parsed) == [
        (17, "AAPL", 1000, 120.5, "2022-01-03"),
        (18, "AAPL", 150, 118.25, "2022-11-11"),
        (19, "BRK.B", 3, 300.5, "2022-12-28"),
        (21, "AAPL230120C00150000", -2, 3.1, "2022-12-28"),
    ]
    assert cash(parsed) == [("USD", -5278.62, "2022-12-28"), ("EUR", 188, "2022-12-28")]
    assert [(e.line, e.reason) for e in parsed.errors] == [(22, "unsupported_asset_class")]


def test_a_statement_of_one_currency_names_it_elsewhere():
    lines = (FIXTURES / "ibkr_statement.csv").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("Cash Report,Data") or "Base Currency" in line)
    assert cash(parse(text.encode())) == [("USD", -5078.62, "2022-12-28")]


def test_robinhood_activity_becomes_positions_first_in_first_out():
    parsed = read("robinhood_activity.csv")
    assert parsed.format == "robinhood_activity"
    open_lots = [(p.symbol, float(p.quantity), float(p.entry_price)) for p in parsed.positions if not p.exit_date]
    closed = [
        (p.symbol, float(p.quantity), float(p.entry_price), str(p.entry_date), float(p.exit_price), str(p.exit_date))
        for p in parsed.positions
        if p.exit_date and p.exit_price is not None
    ]
    assert open_lots == [
        ("AAPL", 10, 156),
        ("AAPL", 10, 156),
        ("JPM", 5, 127.5),
        ("AAPL", 0.046512, 148.35),
        ("AAPL230120P00100000", -4, 1.2),
    ]
    assert closed == [
        ("JPM", 10, 105, "2022-10-03", 131, "2022-12-19"),
        ("JPM", 5, 127.5, "2022-11-01", 131, "2022-12-19"),
        ("AAPL221223C00140000", 1, 2.05, "2022-12-12", 0, "2022-12-23"),
    ]
    assert [(e.line, e.field, e.value, e.reason) for e in parsed.errors] == [
        (20, "quantity", "5", "opened_before_the_file")
    ]


HEADER = (
    '"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code","Quantity","Price","Amount"\n'
)


def activity(*rows: str) -> ParsedFile:
    return parse((HEADER + "".join(f"{row}\n" for row in rows)).encode())


def test_a_split_keeps_what_the_shares_cost():
    parsed = activity(
        '"6/10/2022","","","AAPL","Stock Split","SPL","30","",""', '"1/3/2022","","","AAPL","A","Buy","10","$100.00",""'
    )
    assert [(p.quantity, p.entry_price) for p in parsed.positions] == [(40, 25)]


def test_shares_of_unknown_origin_are_not_made_up():
    parsed = activity('"6/10/2022","","","AAPL","ACATS Transfer In","ACATI","10","",""')
    assert [(e.line, e.field, e.value) for e in parsed.errors] == [(2, "trans_code", "ACATI")]
    assert parsed.positions == []


def test_an_assigned_option_ends_and_its_shares_come():
    parsed = activity(
        '"1/23/2023","","","AAPL","AAPL 1/20/2023 Put $100.00","OASGN","1","",""',
        '"1/23/2023","","","AAPL","Apple\n1 AAPL Option Assigned","Buy","100","$100.00","($10,000.00)"',
        '"1/3/2023","","","AAPL","AAPL 1/20/2023 Put $100.00","STO","1","$2.00","$199.95"',
    )
    option, shares = parsed.positions
    assert (option.quantity, option.exit_price, str(option.exit_date)) == (-1, 0, "2023-01-20")
    assert (shares.quantity, shares.entry_price) == (100, 100)


def test_a_file_without_a_day_needs_one():
    text = (FIXTURES / "schwab_one_account.csv").read_bytes().replace(b" as of 04:31 PM ET, 2022/12/28", b"")
    assert {e.reason for e in parse(text).errors} == {"missing"}
    assert {p.entry_date for p in parse(text, DAY).positions} == {DAY}


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("*.csv")))
def test_any_export_may_come_as_unicode_text_with_windows_line_ends(name):
    text = (FIXTURES / name).read_text()
    for content in (text.encode("utf-8-sig"), text.encode("utf-16"), text.replace("\n", "\r\n").encode()):
        assert parse(content) == read(name)


def test_an_unknown_format_lists_the_columns_found():
    with pytest.raises(InvalidRequest, match="no format that we know: Instrument, Units, Avg Cost") as caught:
        parse(b"My broker\n\nInstrument,Units,Avg Cost\nAAPL,50,150\n")
    assert (caught.value.reason, caught.value.metadata) == ("MALFORMED_FILE", {"line": "3"})


@settings(deadline=None)
@given(st.sampled_from(sorted(FIXTURES.glob("*.csv"))), st.data())
def test_no_damage_to_an_export_crashes_the_reader(path: Path, data: st.DataObject):
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 80)))
    damaged = content[:start] + data.draw(st.binary(max_size=20)) + content[end:]
    try:
        parsed = parse(damaged)
    except InvalidRequest:
        return
    assert parsed.format in {each.name for each in FORMATS}
    assert all(p.quantity != 0 and p.entry_price >= 0 for p in parsed.positions)


CELLS = st.text(alphabet="AZ09 .,$()%-+/:*\n\"'é", max_size=12) | st.sampled_from(
    ["AAPL", "10", "$1,000.00", "(3)", "--", "N/A", "2022-12-28", "12/28/2022", "20221228;1", "-AAPL230120C150", "LOT"]
)


@settings(deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.lists(CELLS, max_size=20), max_size=12))
def test_no_table_under_a_known_header_crashes_its_reader(chosen, rows):
    header = [min(names) for names in chosen.needed]
    lines = [header, *rows]
    text = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    parsed = parse(text.encode(), DAY)
    assert all(p.line >= 1 and p.symbol for p in parsed.positions)
    assert all(isinstance(p.quantity, Decimal) for p in parsed.positions)
