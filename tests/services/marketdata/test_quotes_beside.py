"""The contract quoted next to an option: the same as by sorting all of them, however many are compared at once."""

import math
import random
from datetime import date, timedelta

import pytest

from services.marketdata.domain import quotes_beside as subject
from services.marketdata.domain.instruments import Contract, Right, Style
from services.marketdata.domain.sightings import OptionQuote

DAY = date(2022, 12, 28)


def contract(underlying=1, days=30, right=Right.CALL, strike=100.0):
    return Contract(underlying, "A", DAY + timedelta(days=days), right, strike, Style.AMERICAN)


def quote(of, volatility=0.3, bid=None, ask=None):
    return OptionQuote(of, DAY, bid, ask, None, volatility, 1)


def sorted_out(number, of, quotes):
    """What is next to a contract, by the words of the rule, one pair at a time."""
    near = [
        (
            abs((each.contract.expiry - of.expiry).days),
            abs(math.log(each.contract.strike / of.strike)),
            each.contract.right is not of.right,
            other,
        )
        for other, each in quotes.items()
        if other != number
        and each.contract.underlying_instrument_id == of.underlying_instrument_id
        and (each.implied_volatility is not None or each.mid is not None)
    ]
    return quotes[min(near)[-1]] if near else None


@pytest.mark.parametrize("pairs_at_once", [1, 70, 1_000_000])
def test_as_if_all_were_sorted_for_each(monkeypatch, pairs_at_once):
    monkeypatch.setattr(subject, "PAIRS_AT_ONCE", pairs_at_once)
    chance = random.Random(5)
    contracts = {
        number: contract(chance.randint(1, 4), chance.choice((20, 30, 40)), chance.choice(list(Right)), strike)
        for number, strike in enumerate(chance.choices((80.0, 100.0, 110.0, 125.0), k=120))
    }
    told = chance.sample(sorted(contracts), 60)
    quotes = {
        number: quote(contracts[number], *chance.choice(((0.3,), (None, 1.0, 1.2), (None, 1.2, 1.0), (None,))))
        for number in told
        if contracts[number].underlying_instrument_id != 4
    }
    found = subject.quotes_beside(contracts, quotes)
    expected = {number: sorted_out(number, one, quotes) for number, one in contracts.items()}
    assert found == {number: one for number, one in expected.items() if one}
    assert any(one is None for one in expected.values())


def test_an_option_is_not_next_to_itself():
    alone = contract()
    assert subject.quotes_beside({7: alone}, {7: quote(alone)}) == {}
    other = contract(strike=150.0)
    assert subject.quotes_beside({7: alone}, {7: quote(alone), 8: quote(other)}) == {7: quote(other)}
