"""The example portfolios say what their README says: real closes, real sessions, living options, stated sizes."""

import csv
import gzip
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.metadata import files
from pathlib import Path

import exchange_calendars
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "portfolios"
VALUATION_DATE = date(2022, 12, 28)
FIRST_ENTRY = date(2020, 12, 28)
COMPACT_OCC = re.compile(r"^([A-Z]+)(\d\d)(\d\d)(\d\d)([CP])(\d{8})$")
SIZES = {
    "individual.csv": (16, Decimal(485_000)),
    "high_net_worth.csv": (17, Decimal(2_850_000)),
    "long_short.csv": (30, Decimal(3_200_000)),
}


@dataclass(frozen=True, slots=True)
class Row:
    file: str
    ticker: str
    quantity: Decimal
    entry_price: str
    entry_date: date
    tags: tuple[str, ...]

    @property
    def option(self) -> re.Match[str] | None:
        return COMPACT_OCC.match(self.ticker)

    @property
    def is_cash(self) -> bool:
        return self.ticker.startswith("CUR:")


def rows_of(file: str) -> list[Row]:
    with (FOLDER / file).open(encoding="utf-8", newline="") as text:
        reader = csv.DictReader(text)
        assert reader.fieldnames == ["ticker", "quantity", "entry_price", "entry_date", "tags"]
        return [
            Row(
                file,
                line["ticker"],
                Decimal(line["quantity"]),
                line["entry_price"],
                date.fromisoformat(line["entry_date"]),
                tuple(filter(None, line["tags"].split(";"))),
            )
            for line in reader
        ]


ALL_ROWS = [row for file in SIZES for row in rows_of(file)]
OUTRIGHT = [row for row in ALL_ROWS if not row.is_cash and not row.option]
OPTIONS = [row for row in ALL_ROWS if row.option]


def close(symbol: str, day: date) -> Decimal:
    return CLOSES[symbol][day.isoformat()]


def read_closes() -> dict[str, dict[str, Decimal]]:
    closes: dict[str, dict[str, Decimal]] = {}
    for path in files("skfolio") or []:
        if path.name in ("sp500_dataset.csv.gz", "factors_dataset.csv.gz"):
            header, *lines = gzip.decompress(Path(str(path.locate())).read_bytes()).decode().splitlines()
            _, *symbols = header.split(",")
            for line in lines:
                day, *prices = line.split(",")
                for symbol, price in zip(symbols, prices, strict=True):
                    closes.setdefault(symbol, {})[day] = Decimal(price)
    return closes


CLOSES = read_closes()


@pytest.mark.parametrize("row", OUTRIGHT, ids=lambda row: f"{row.file}:{row.ticker}:{row.entry_date}")
def test_entry_price_is_the_bundled_close_of_the_day_to_the_cent(row: Row) -> None:
    assert re.fullmatch(r"\d+\.\d\d", row.entry_price)
    assert abs(Decimal(row.entry_price) - close(row.ticker, row.entry_date)) <= Decimal("0.005")


@pytest.mark.parametrize("file", SIZES)
def test_size_is_within_one_percent_of_the_stated_one(file: str) -> None:
    count, size = SIZES[file]
    positions = [row for row in rows_of(file) if not row.is_cash]
    value = sum(row.quantity * close(row.ticker, VALUATION_DATE) for row in positions if not row.option)
    cash = sum(row.quantity for row in rows_of(file) if row.is_cash)
    assert len(positions) == count
    assert abs(value + cash - size) <= size / 100


def test_every_date_is_a_session_of_the_two_years_before_the_valuation_date() -> None:
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_ENTRY, end=VALUATION_DATE)
    sessions = {session.date() for session in calendar.sessions}
    assert [row for row in ALL_ROWS if row.entry_date not in sessions] == []


def test_each_book_states_its_cash_once_at_the_valuation_date() -> None:
    for file in SIZES:
        (cash,) = (row for row in rows_of(file) if row.is_cash)
        assert (cash.ticker, cash.entry_price, cash.entry_date) == ("CUR:USD", "", VALUATION_DATE)


def test_the_long_short_book_owes_cash_and_has_every_kind_of_position() -> None:
    rows = rows_of("long_short.csv")
    assert next(row.quantity for row in rows if row.is_cash) < 0
    kinds = {(row.option.group(5) if row.option else "stock", row.quantity > 0) for row in rows if not row.is_cash}
    assert kinds == {(kind, bought) for kind in ("stock", "C", "P") for bought in (True, False)}


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.ticker)
def test_option_lives_past_the_valuation_date_and_its_premium_is_labelled(row: Row) -> None:
    assert row.option is not None
    underlying, year, month, day, _, strike = row.option.groups()
    assert date(2000 + int(year), int(month), int(day)) > VALUATION_DATE
    assert underlying in CLOSES
    assert int(strike) % 500 == 0, "listed strikes are multiples of fifty cents"
    assert Decimal(row.entry_price) > 0
    assert "illustrative-premium" in row.tags


def test_only_options_have_illustrative_prices() -> None:
    assert {row.ticker for row in OUTRIGHT if "illustrative-premium" in row.tags} == set()


def test_general_electric_is_left_out_because_its_spin_off_distorts_the_adjusted_close() -> None:
    underlyings = {row.option.group(1) if row.option else row.ticker for row in ALL_ROWS}
    assert "GE" not in underlyings


def test_written_calls_are_covered_by_shares_of_the_same_book() -> None:
    for row in OPTIONS:
        assert row.option is not None
        if row.quantity < 0 and row.option.group(5) == "C":
            shares = sum(r.quantity for r in rows_of(row.file) if r.ticker == row.option.group(1))
            assert shares >= -100 * row.quantity, row.ticker


def test_tags_are_short_labels_without_repeats() -> None:
    for row in ALL_ROWS:
        assert len(set(row.tags)) == len(row.tags) <= 20, row
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", tag) for tag in row.tags), row


def test_the_committed_files_are_what_the_generator_writes() -> None:
    command = [sys.executable, "-m", "examples.portfolios.generate", "--check"]
    check = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
