"""Which series of FRED hold the yields of a tenor and the rates of a currency pair."""

from dataclasses import dataclass

DOLLAR = "USD"
YIELDS = {
    "1M": "DGS1MO",
    "3M": "DGS3MO",
    "6M": "DGS6MO",
    "1Y": "DGS1",
    "2Y": "DGS2",
    "3Y": "DGS3",
    "5Y": "DGS5",
    "7Y": "DGS7",
    "10Y": "DGS10",
    "20Y": "DGS20",
    "30Y": "DGS30",
}
"""Constant maturities of H.15, in per cent a year."""
DOLLARS_FOR_ONE = {"AUD": "DEXUSAL", "EUR": "DEXUSEU", "GBP": "DEXUSUK", "NZD": "DEXUSNZ"}
FOR_ONE_DOLLAR = {
    "BRL": "DEXBZUS",
    "CAD": "DEXCAUS",
    "CHF": "DEXSZUS",
    "CNY": "DEXCHUS",
    "DKK": "DEXDNUS",
    "HKD": "DEXHKUS",
    "INR": "DEXINUS",
    "JPY": "DEXJPUS",
    "KRW": "DEXKOUS",
    "MXN": "DEXMXUS",
    "NOK": "DEXNOUS",
    "SEK": "DEXSDUS",
    "SGD": "DEXSIUS",
    "THB": "DEXTHUS",
    "TWD": "DEXTAUS",
    "ZAR": "DEXSFUS",
}


@dataclass(frozen=True, slots=True)
class PairSeries:
    """The series of a currency pair. Half of the pairs are quoted the other way round."""

    series_id: str
    inverted: bool


def pair_series(pair: str) -> PairSeries | None:
    """Give the series of a pair (`EURUSD`). None: there is none."""
    base, quote = pair[:3], pair[3:]
    if quote == DOLLAR:
        return _of(base, dollars_wanted=True)
    return _of(quote, dollars_wanted=False) if base == DOLLAR else None


def _of(currency: str, *, dollars_wanted: bool) -> PairSeries | None:
    if currency in DOLLARS_FOR_ONE:
        return PairSeries(DOLLARS_FOR_ONE[currency], inverted=not dollars_wanted)
    if currency in FOR_ONE_DOLLAR:
        return PairSeries(FOR_ONE_DOLLAR[currency], inverted=dollars_wanted)
    return None
