"""How coverage is written: a line a symbol, and a sentence for all."""

import io

from google.protobuf.json_format import ParseDict
from rich.console import Console

from cli.report.coverage import USES, coverage_line, coverage_page, missing_lines
from plimsoll.marketdata.v1.marketdata_service_pb2 import CoverageReport
from services.marketdata.domain.coverage import NEEDS

SYMBOLS = [
    {
        "symbol": "AAPL",
        "session_count": 8313,
        "continuous_count": 8313,
        "first_date": "1990-01-02",
        "last_date": "2022-12-28",
        "completeness": 1.0,
        "sources": [{"name": "bundled", "bar_count": 8300}, {"name": "upload", "bar_count": 13}],
        "meets": list(NEEDS),
    },
    {
        "symbol": "NEW",
        "session_count": 70,
        "continuous_count": 61,
        "first_date": "2022-09-19",
        "last_date": "2022-12-28",
        "completeness": 0.985,
        "gaps": [{"start_date": "2022-09-29", "end_date": "2022-09-30", "session_count": 2}],
        "gap_count": 1,
        "quarantined_count": 3,
        "meets": ["chat", "regression_minimum"],
    },
    {"symbol": "NOPE"},
]
SUMMARY = {
    "symbol_count": 3,
    "covered_count": 2,
    "mean_completeness": 0.9925,
    "needs": [{"use": "full", "sessions": 252, "met_count": 1, "lacking_symbols": ["NEW", "NOPE"]}],
}


def report(**changed: object) -> CoverageReport:
    answer = {"as_of_date": "2022-12-28", "symbols": SYMBOLS, "summary": SUMMARY} | changed
    return ParseDict(answer, CoverageReport())


def printed(page: object, width: int = 150) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(page)
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_each_symbol_has_a_line() -> None:
    lines = printed(coverage_page(report()))
    assert "AAPL 2 Jan 1990 28 Dec 2022 8,313 8,313 100.0% everything bundled 8,300, upload 13" in lines
    assert "NEW 19 Sep 2022 28 Dec 2022 70 61 98.5% 1 3 regression" in lines
    assert "NOPE - - 0 0 - nothing" in lines


def test_on_a_narrow_terminal_nothing_is_cut_but_long_symbols() -> None:
    lines = printed(coverage_page(report()), width=80)
    assert "Symbol First Last Sessions Unbroken Complete Enough for" in lines
    assert "AAPL 2 Jan 1990 28 Dec 2022 8,313 8,313 100.0% everything" in lines
    assert "NEW 19 Sep 2022 28 Dec 2022 70 61 98.5% regression" in lines


def test_what_is_missing_is_told_by_ranges() -> None:
    assert [line.plain for line in missing_lines(report())] == [
        "NEW: no bar on 29 Sep 2022 to 30 Sep 2022 (2 sessions); in quarantine: 3"
    ]
    gaps = [{"start_date": f"2022-12-{n:02}", "end_date": f"2022-12-{n:02}", "session_count": 1} for n in range(1, 6)]
    holes = [{"symbol": "HOLES", "gaps": gaps, "gap_count": 105}]
    assert [line.plain for line in missing_lines(report(symbols=holes))] == [
        "HOLES: no bar on 5 Dec 2022, 4 Dec 2022, 3 Dec 2022, 102 earlier gaps"
    ]
    many = [{"symbol": f"S{number}", "quarantined_count": 1} for number in range(22)]
    lines = [line.plain for line in missing_lines(report(symbols=many))]
    assert (len(lines), lines[-2], lines[-1]) == (21, "S19: in quarantine: 1", "... and 2 more symbols")


def test_one_sentence_says_what_it_is_good_for() -> None:
    assert coverage_line(report()).plain == (
        "Prices up to 28 Dec 2022: 2 of 3 instruments, 99.2% of their sessions; 1 have 252 sessions without a gap, "
        "enough for every calculation (not NEW, NOPE)."
    )


def test_nothing_covered_is_no_share_of_anything() -> None:
    summary = {"symbol_count": 1, "covered_count": 0}
    assert coverage_line(report(summary=summary)).plain == "Prices up to 28 Dec 2022: 0 of 1 instruments."


def test_many_symbols_are_cut_short() -> None:
    need = {"use": "full", "sessions": 252, "lacking_symbols": [f"S{number}" for number in range(20)]}
    assert coverage_line(report(summary={"needs": [need]})).plain.endswith("S7, ...).")


def test_every_use_of_the_service_has_a_word() -> None:
    assert list(USES) == list(NEEDS)
