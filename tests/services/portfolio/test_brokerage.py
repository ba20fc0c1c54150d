"""What a broker's lines count: no dollar twice."""

from decimal import Decimal

import pytest

from services.portfolio.domain.brokerage import BrokerAccount, BrokerLine, BrokerStatement, counted


def line(
    ticker: str, value: str, kind: str = "equity", *, equivalent: bool = False, currency: str = "USD"
) -> BrokerLine:
    amount = Decimal(value)
    return BrokerLine("a", ticker, ticker, ticker, kind, equivalent, amount, Decimal(1), amount, None, currency)


def statement(current: str | None, *lines: BrokerLine) -> BrokerStatement:
    whole = None if current is None else Decimal(current)
    return BrokerStatement((BrokerAccount("a", "Mine", "", "", "USD", whole),), lines)


STOCK, FUND = line("AAPL", "1000"), line("SPAXX", "500", "mutual fund", equivalent=True)
FUND_OF_TYPE_CASH = line("VMFXX", "500", "cash")


@pytest.mark.parametrize(
    ("current", "lines", "expected"),
    [
        ("1500", [STOCK, FUND, line("CUR:USD", "500", "cash")], [1000, 500, 0]),
        ("1500", [STOCK, FUND_OF_TYPE_CASH, line("CUR:USD", "500", "cash")], [1000, 500, 0]),
        ("1600", [STOCK, FUND, line("CUR:USD", "600", "cash")], [1000, 500, 100]),
        ("2000", [STOCK, FUND, line("CUR:USD", "500", "cash")], [1000, 500, 500]),
        ("1500.01", [STOCK, FUND, line("CUR:USD", "500", "cash")], [1000, 500, 0]),
        (None, [STOCK, FUND, line("CUR:USD", "500", "cash")], [1000, 500, 0]),
        (None, [STOCK, FUND, line("CUR:USD", "600", "cash")], [1000, 500, 600]),
        ("500", [STOCK, FUND, line("CUR:USD", "-1000", "cash")], [1000, 500, -1000]),
        ("1500", [STOCK, FUND, line("CUR:USD", "300", "cash"), line("CUR:USD", "200", "cash")], [1000, 500, 0, 0]),
        ("1000", [STOCK, line("CUR:BTC", "500", "cryptocurrency")], [1000, 500]),
    ],
)
def test_a_sweep_fund_is_not_counted_twice(current: str | None, lines: list[BrokerLine], expected: list[int]):
    assert [found.counted_value for found in counted(statement(current, *lines)).lines] == expected


def test_what_does_not_add_up_for_another_reason_is_told_and_left_alone():
    found = counted(statement("1234", STOCK, FUND, line("CUR:USD", "500", "cash")))
    assert [one.counted_value for one in found.lines] == [1000, 500, 500]
    assert found.warnings == ("Mine: the broker says 1234 in all, and its lines sum to 2000",)


def test_without_rates_of_exchange_there_is_no_sum():
    euros = line("CUR:EUR", "500", "cash", currency="EUR")
    found = counted(statement("1000", STOCK, FUND, euros))
    assert ([one.counted_value for one in found.lines], found.warnings) == ([1000, 500, 500], ())


def test_each_account_is_its_own():
    other = BrokerAccount("b", "Other", "", "", "USD", Decimal(500))
    found = BrokerStatement(
        (*statement("500", FUND).accounts, other),
        (FUND, BrokerLine("b", "u", "CUR:USD", "", "cash", True, Decimal(500), Decimal(1), Decimal(500), None, "USD")),
    )
    assert [one.counted_value for one in counted(found).lines] == [500, 500]
    assert counted(found).only(["b"]).lines[0].ticker == "CUR:USD"
