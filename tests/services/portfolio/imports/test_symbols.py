"""Symbols in every way that brokers write them."""

import pytest

from services.portfolio.domain.imports.issues import RowError
from services.portfolio.domain.imports.symbols import canonical


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("aapl", "AAPL"),
        ("BRK.B", "BRK.B"),
        ("BRK/B", "BRK.B"),
        ("BRK B", "BRK.B"),
        ("^GSPC", "^GSPC"),
        ("AAPL240119C00150000", "AAPL240119C00150000"),
        ("AAPL  240119C00150000", "AAPL240119C00150000"),
        ("O:AAPL240119C00150000", "AAPL240119C00150000"),
        ("-AAPL240119C150", "AAPL240119C00150000"),
        ("-QHD100417C32.5", "QHD100417C00032500"),
        ("-AAPL240119C00150000", "AAPL240119C00150000"),
        ("-SPY7131019C168", "SPY7131019C00168000"),
        ("SPY 04/17/2010 114.00 C", "SPY100417C00114000"),
        ("BRK/B 6/19/26 412.5 P", "BRKB260619P00412500"),
        ("AAPL 20JAN23 150 C", "AAPL230120C00150000"),
        ("AAPL 1/20/2023 Call $150.00", "AAPL230120C00150000"),
        ("SPY 12/29/2023 Put $478.50", "SPY231229P00478500"),
    ],
)
def test_a_symbol_in_the_form_that_marketdata_knows(text, symbol):
    assert canonical(text) == symbol
    assert canonical(symbol) == symbol


@pytest.mark.parametrize(
    "text",
    ["", "-", "--", "-AAPL249919C150", "AAPL 13/45/2023 150.00 C", "AAPL 20FOO23 150 C", "=1+1", "A" * 40, "Cash & Co"],
)
def test_what_cannot_be_a_symbol_is_refused(text):
    with pytest.raises(RowError):
        canonical(text)
