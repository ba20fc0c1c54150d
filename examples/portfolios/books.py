"""What the three example books hold, since when, and why; prices are looked up by `generate`.

The books are stated as a manager would state them, lot by lot with the sleeve each lot belongs to, so that quantities
and stories can be read and changed here without touching a price.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

VALUATION_DATE = date(2022, 12, 28)


@dataclass(frozen=True, slots=True)
class Lot:
    """A signed quantity of a stock or fund, or of option contracts, entered on one day."""

    symbol: str
    quantity: str
    entry_date: str
    tags: str


@dataclass(frozen=True, slots=True)
class Book:
    """One example portfolio: its file, its lots in reading order, and its cash at the valuation date."""

    file_name: str
    lots: tuple[Lot, ...]
    cash: Decimal


INDIVIDUAL = Book(
    file_name="individual.csv",
    lots=(
        # Five factor funds, built up once a year and with distributions reinvested, hence the fractions of shares.
        Lot("QUAL", "688.4127", "2021-01-14", "core;factor-funds;ira"),
        Lot("USMV", "976.1850", "2021-03-09", "core;factor-funds;ira"),
        Lot("VLUE", "522.7310", "2022-01-13", "core;factor-funds;ira"),
        Lot("MTUM", "246.0934", "2021-06-21", "core;factor-funds;ira"),
        Lot("SIZE", "301.5562", "2022-02-17", "core;factor-funds;ira"),
        # Companies that raise their dividend every year.
        Lot("JNJ", "125", "2021-02-19", "dividend-growth;taxable"),
        Lot("PG", "130", "2021-02-19", "dividend-growth;taxable"),
        Lot("PEP", "85", "2021-04-13", "dividend-growth;taxable"),
        Lot("KO", "260", "2021-04-13", "dividend-growth;taxable"),
        Lot("WMT", "95", "2022-06-02", "dividend-growth;taxable"),
        Lot("HD", "55", "2021-11-04", "dividend-growth;taxable"),
        # A few convictions.
        Lot("AAPL", "210", "2021-03-25", "growth;taxable"),
        Lot("MSFT", "105", "2022-03-24", "growth;taxable"),
        Lot("UNH", "32", "2021-09-15", "growth;taxable"),
        Lot("JPM", "140", "2021-11-22", "cyclical;taxable"),
        Lot("XOM", "135", "2022-01-13", "cyclical;inflation-hedge;taxable"),
    ),
    cash=Decimal("20315.44"),
)

HIGH_NET_WORTH = Book(
    file_name="high_net_worth.csv",
    lots=(
        # Vested employer stock in two lots: the tax lots matter, so they stay apart.
        Lot("AAPL", "2800", "2021-01-28", "concentrated-stock;employer-stock;lot-2021"),
        Lot("AAPL", "1200", "2022-01-28", "concentrated-stock;employer-stock;lot-2022"),
        # Growth compounders.
        Lot("MSFT", "1050", "2021-05-17", "growth;family-trust"),
        Lot("LLY", "780", "2021-04-29", "growth;healthcare;family-trust"),
        Lot("UNH", "360", "2021-07-26", "growth;healthcare;family-trust"),
        # Income.
        Lot("JPM", "1300", "2022-06-21", "income;financials;taxable"),
        Lot("BAC", "3500", "2022-07-26", "income;financials;taxable"),
        Lot("PG", "850", "2021-03-09", "income;staples;taxable"),
        Lot("PEP", "650", "2021-05-17", "income;staples;taxable"),
        Lot("MRK", "1050", "2021-12-09", "income;healthcare;taxable"),
        Lot("PFE", "1900", "2021-12-28", "income;healthcare;taxable"),
        Lot("HD", "420", "2022-05-16", "income;consumer;taxable"),
        # Against inflation.
        Lot("CVX", "820", "2021-08-11", "inflation-hedge;energy;taxable"),
        Lot("XOM", "1150", "2021-10-01", "inflation-hedge;energy;taxable"),
        # Ballast, and money that is promised to a foundation.
        Lot("USMV", "2200", "2021-03-25", "low-volatility;family-trust"),
        Lot("QUAL", "1350", "2022-07-08", "core;donor-advised-fund"),
        Lot("VLUE", "1100", "2022-09-15", "core;donor-advised-fund"),
    ),
    cash=Decimal("96180.75"),
)

LONG_SHORT = Book(
    file_name="long_short.csv",
    lots=(
        # Longs.
        Lot("LLY", "1500", "2022-04-28", "core-long;healthcare"),
        Lot("UNH", "1000", "2022-07-26", "core-long;healthcare"),
        Lot("MRK", "3900", "2022-07-08", "pair-pharma"),
        Lot("XOM", "5200", "2022-06-02", "core-long;energy"),
        Lot("CVX", "2600", "2022-08-29", "pair-energy"),
        Lot("MSFT", "2300", "2022-08-29", "pair-technology"),
        Lot("JPM", "3400", "2022-07-08", "pair-banks"),
        Lot("HD", "1250", "2022-05-16", "pair-retail"),
        Lot("WMT", "2100", "2022-06-02", "core-long;defensive"),
        Lot("PEP", "2000", "2022-09-15", "pair-beverages"),
        Lot("QUAL", "2300", "2022-10-19", "factor-tilt"),
        # Shorts, most of them the other leg of a pair.
        Lot("PFE", "-3700", "2022-07-08", "pair-pharma"),
        Lot("RRC", "-4800", "2022-08-29", "pair-energy"),
        Lot("AMD", "-3900", "2022-08-29", "pair-technology"),
        Lot("BAC", "-5600", "2022-08-11", "pair-banks"),
        Lot("BBY", "-2100", "2022-08-11", "pair-retail"),
        Lot("KO", "-2700", "2022-09-15", "pair-beverages"),
        Lot("SIZE", "-1800", "2022-08-11", "factor-hedge"),
        # Calls bought: two views with limited loss, and a stop for the short in RRC.
        Lot("LLY230616C00400000", "15", "2022-11-04", "directional-calls"),
        Lot("UNH240119C00560000", "8", "2022-10-19", "directional-calls"),
        Lot("RRC230120C00028000", "40", "2022-12-09", "short-stop"),
        # Puts bought: insurance.
        Lot("MTUM230317P00135000", "60", "2022-11-22", "tail-hedge"),
        Lot("AAPL230317P00120000", "40", "2022-12-09", "tail-hedge"),
        Lot("AMD230217P00060000", "30", "2022-11-22", "pair-technology"),
        # Calls written against the longs.
        Lot("XOM230217C00115000", "-25", "2022-12-09", "covered-calls"),
        Lot("CVX230317C00190000", "-15", "2022-11-22", "covered-calls"),
        Lot("JPM230317C00140000", "-20", "2022-11-04", "covered-calls"),
        # Puts written where more would be bought gladly.
        Lot("HD230217P00290000", "-10", "2022-12-09", "put-writing"),
        Lot("PEP230317P00170000", "-15", "2022-11-22", "put-writing"),
        Lot("WMT230317P00135000", "-20", "2022-11-04", "put-writing"),
    ),
    # Proceeds of the shorts are in it; what is left is borrowed from the prime broker.
    cash=Decimal("-321480.60"),
)

BOOKS = (INDIVIDUAL, HIGH_NET_WORTH, LONG_SHORT)
