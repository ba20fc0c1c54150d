"""Stand-ins for the ports. `test_clients.py` holds them and the real clients to the same behaviour."""

from chassis.errors import NotFound, OutOfRange, Violation
from services.risk.domain.joined_book import join
from services.risk.domain.market import MarketSlice
from tests.services.risk.books import SESSION


class FakeBooks:
    """Books of one user, by portfolio."""

    def __init__(self, *books):
        self.books = {book.portfolio_id: book for book in books}
        self.own_proxies = {}
        self.asked = []

    async def read(self, portfolio_id, revision, session, *, anew=False):
        self.asked.append((portfolio_id, revision, session.as_of_date))
        if (book := self.books.get(portfolio_id)) is None:
            raise NotFound("portfolio", portfolio_id)
        if revision > book.revision:
            absent = Violation("portfolio_revision", str(revision), "is not there")
            raise OutOfRange("REVISION_OUT_OF_RANGE", absent, given=revision, current=book.revision)
        return book

    async def read_all(self, session, revisions=None):
        self.asked.append(("all", revisions, session.as_of_date))
        named = sorted(self.books) if revisions is None else sorted(revisions)
        return join([self.books[portfolio_id] for portfolio_id in named])

    async def proxies(self, portfolio_id, revision):
        if portfolio_id not in self.books:
            raise NotFound("portfolio", portfolio_id)
        return self.own_proxies


class FakeMarket:
    """One session, and its marks."""

    def __init__(self, *marks, session=SESSION):
        self.session = session
        self.known = {mark.instrument_id: mark for mark in marks}
        self.symbols = {}
        self.asked = []

    async def resolve(self, as_of_date, field="as_of_date"):
        newest = self.session.as_of_date
        if as_of_date is not None and as_of_date > newest:
            late = Violation(field, as_of_date.isoformat(), "is after the newest session")
            raise OutOfRange("DATE_OUT_OF_RANGE", late, first="2022-01-03", newest=newest)
        return self.session

    async def marks(self, instrument_ids, session, foreign=None):
        self.asked.append((tuple(instrument_ids), session.as_of_date, session.data_version))
        return MarketSlice(session, {number: self.known[number] for number in instrument_ids})

    async def named(self, symbols):
        return {symbol: self.symbols[symbol] for symbol in symbols if symbol in self.symbols}


class FakeLedger:
    """Results of all users, in memory."""

    def __init__(self):
        self.results = {}

    async def find(self, owner_id, result_id):
        return self.results.get((owner_id, result_id))

    async def add(self, result):
        self.results.setdefault((result.owner_id, result.result_id), result)


class FakeSnapshots:
    """No snapshot of anybody."""

    async def digest(self, owner_id, portfolio_id):
        return ""

    async def page(self, owner_id, portfolio_id, asked):
        return []


class FakeFits:
    """Fits of instruments, in memory, and how often it was asked."""

    def __init__(self):
        self.kept = {}
        self.asked, self.added = [], []

    async def find(self, keys):
        self.asked.append(list(keys))
        return {key: self.kept[key] for key in keys if key in self.kept}

    async def add(self, fits):
        self.added.append(list(fits))
        self.kept.update(fits)
