"""Quotes where a close is missing, and chains where somebody has an option."""

from datetime import UTC, date, datetime

from sqlalchemy import text

from chassis.database import Database
from services.marketdata.application.resolve import resolve
from services.marketdata.domain import occ
from services.marketdata.domain.fetched import Reason
from services.marketdata.domain.observations import ObservedOption, ObservedQuote, OptionChain
from tests.services.marketdata.market import Bringing, FakeVendor, days, listing, row_count, series, vendor_of

NOW = datetime(2022, 12, 28, 22, tzinfo=UTC)
CALL, PUT = "A230120C00010000", "A230120P00010000"


class Quoting(FakeVendor):
    """Has quotes and chains too."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.quotes: dict[str, ObservedQuote] = {}
        self.chains: dict[str, OptionChain] = {}
        self.asked_quotes: list[str] = []
        self.asked_chains: list[str] = []

    async def fetch_quotes(self, symbols):
        self.asked_quotes += symbols
        return self._answer(symbols, self.quotes, Reason.UNKNOWN_SYMBOL)

    async def fetch_option_chains(self, underlyings):
        self.asked_chains += underlyings
        return self._answer(underlyings, self.chains, Reason.UNKNOWN_SYMBOL)


def quoting(**closes: dict[int, float]) -> Quoting:
    other = vendor_of(**closes)
    return Quoting(list(other.listed.values()), other.bars, "vendor")


def quote(symbol: str, last: float, at: datetime = NOW) -> ObservedQuote:
    return ObservedQuote(symbol, last, 9.0, at, bid=last - 0.1, ask=last + 0.1)


def option(symbol: str, volatility: float | None = 0.3, bid: float = 1.0) -> ObservedOption:
    terms = occ.parse(symbol)
    assert terms is not None
    return ObservedOption(terms, bid, 1.2, 1.1, volatility, 50.0, NOW)


async def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.transaction() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_only_what_has_no_close_is_quoted(database: Database):
    vendor = quoting(A={28: 10.0}, B={27: 10.0})
    vendor.quotes = {"B": quote("B", 10.5)}
    bringing = Bringing(database, vendor, now=NOW)
    await bringing.sync("", ["A", "B"])
    assert vendor.asked_quotes == ["B"]
    stored = """
        SELECT i.symbol, last, previous_close, bid, ask, quote_time, source, data_version
        FROM quotes JOIN instruments AS i USING (instrument_id)"""
    assert await rows(database, stored) == [("B", 10.5, 9.0, 10.4, 10.6, NOW, "vendor", 2)]
    await bringing.sync("", ["A", "B"])
    assert await row_count(database, "quotes") == 1


async def test_a_quote_far_from_the_last_close_is_set_aside(database: Database):
    vendor = quoting(B={27: 10.0})
    vendor.quotes = {"B": quote("B", 5000.0)}
    await Bringing(database, vendor, now=NOW).sync("", ["B"])
    assert await row_count(database, "quotes") == 0
    assert await rows(database, "SELECT symbol, kind, reason FROM quarantine") == [("B", "quote", "jump_without_split")]


async def test_the_chain_of_an_underlying_is_stored_with_contracts_that_are_new(database: Database):
    vendor = quoting(A={28: 10.0}, B={28: 10.0})
    vendor.chains = {"A": OptionChain("A", NOW, [option(CALL), option(PUT, volatility=None), option(CALL, bid=0.5)])}
    bringing = Bringing(database, vendor, now=NOW)
    await bringing.sync("", ["A", "B"])
    assert vendor.asked_chains == []

    await resolve(database, [CALL])
    for _ in range(2):
        await bringing.sync("", ["A", "B"])
    assert vendor.asked_chains == ["A", "A"]
    stored = """
        SELECT i.symbol, session_date, bid, ask, last, implied_volatility, open_interest, source
        FROM option_quotes JOIN instruments AS i USING (instrument_id) ORDER BY 1"""
    assert await rows(database, stored) == [
        (CALL, days(28)[0], 1.0, 1.2, 1.1, 0.3, 50.0, "vendor"),
        (PUT, days(28)[0], 1.0, 1.2, 1.1, None, 50.0, "vendor"),
    ]


async def test_contracts_that_cannot_be_are_set_aside(database: Database):
    vendor = quoting(A={28: 10.0})
    vendor.chains = {"A": OptionChain("A", NOW, [option(CALL, bid=5.0), option(PUT, volatility=900.0)])}
    bringing = Bringing(database, vendor, now=NOW)
    await bringing.sync("", ["A"])
    await resolve(database, [CALL])
    await bringing.sync("", ["A"])
    assert await row_count(database, "option_quotes") == 0
    assert sorted(await rows(database, "SELECT symbol, kind, reason FROM quarantine")) == [
        (CALL, "option_quote", "bid_above_ask"),
        (PUT, "option_quote", "implausible_volatility"),
    ]


async def test_a_chain_before_the_opening_is_of_the_session_before(database: Database):
    vendor = quoting(A={23: 10.0})
    sunday = datetime(2022, 12, 25, 15, tzinfo=UTC)
    vendor.chains = {"A": OptionChain("A", sunday, [option(CALL)])}
    bringing = Bringing(database, vendor, now=sunday)
    await bringing.sync("", ["A"])
    await resolve(database, [CALL])
    vendor.chains = {
        "A": OptionChain("A", sunday, [ObservedOption(option(CALL).terms, 1.0, 1.2, None, 0.3, None, None)])
    }
    await bringing.sync("", ["A"])
    assert await rows(database, "SELECT session_date, quote_time FROM option_quotes") == [(date(2022, 12, 23), None)]


async def test_where_nobody_has_quotes_nobody_is_asked(database: Database):
    vendor = FakeVendor([listing("A")], [series("A", days(27), [1.0])], "vendor")
    await Bringing(database, vendor, now=NOW).sync("", ["A"])
    assert await rows(database, "SELECT kind FROM ingestions") == [("bars",)]
