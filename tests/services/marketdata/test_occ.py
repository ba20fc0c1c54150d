"""Option symbols: read, written, and refused."""

import contextlib
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.marketdata.domain.instruments import Kind, Right, Style, style_on
from services.marketdata.domain.occ import ImpossibleTerms, OptionTerms, canonical, parse

terms = st.builds(
    OptionTerms,
    underlying=st.from_regex(r"[A-Z][A-Z0-9]{0,5}", fullmatch=True),
    expiry=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    right=st.sampled_from(Right),
    strike=st.integers(1, 99_999_999).map(lambda thousandths: thousandths / 1000),
)
CALL = OptionTerms("AAPL", date(2023, 1, 20), Right.CALL, 150.0)


def test_a_symbol_is_root_expiry_right_and_strike_in_thousandths():
    assert CALL.symbol == "AAPL230120C00150000"
    assert CALL.name == "AAPL 2023-01-20 150 call"
    assert parse("SPX231215P03800500") == OptionTerms("SPX", date(2023, 12, 15), Right.PUT, 3800.5)


@given(terms)
@example(OptionTerms("A1", date(2024, 2, 29), Right.PUT, 0.001))
@example(OptionTerms("AAPL12", date(2023, 1, 20), Right.CALL, 99_999.999))
def test_what_is_written_is_read_back(one):
    assert parse(one.symbol) == one


@given(terms, st.sampled_from(["", "O:"]), st.booleans(), st.sampled_from([str.upper, str.lower]))
def test_every_spelling_of_a_contract_has_one_canonical_form(one, prefix, padded, case):
    root, tail = one.symbol[:-15], one.symbol[-15:]
    spelling = prefix + (root.ljust(6) if padded else root) + tail
    assert canonical(f" {case(spelling)} ") == one.symbol


@pytest.mark.parametrize(
    "symbol",
    [
        "AAPL",
        "BRK.B",
        "CUR:USD",
        "230120C00150000",
        "TOOLONG230120C00150000",
        "AAPL 230120C00150000",
        "AAPL230120X00150000",
        "AAPL2301200C0150000",
        "AAPL٢٣٠١٢٠C00150000",
        "",
    ],
)
def test_other_symbols_are_not_options(symbol):
    assert parse(canonical(symbol)) is None


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_accident(text):
    with contextlib.suppress(ImpossibleTerms):
        terms = parse(canonical(text))
        assert terms is None or parse(terms.symbol) == terms


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        ("AAPL230230C00150000", "impossible_expiry"),
        ("AAPL231301C00150000", "impossible_expiry"),
        ("AAPL230120C00000000", "strike_not_positive"),
    ],
)
def test_impossible_terms_are_named(symbol, reason):
    with pytest.raises(ImpossibleTerms, match=symbol) as caught:
        parse(symbol)
    assert caught.value.reason == reason


def test_options_on_an_index_are_european():
    assert {kind: style_on(kind) for kind in (Kind.STOCK, Kind.ETF, Kind.INDEX)} == {
        Kind.STOCK: Style.AMERICAN,
        Kind.ETF: Style.AMERICAN,
        Kind.INDEX: Style.EUROPEAN,
    }
