"""Portfolio, identity and marketdata as real gRPC servers that serve given books and marks, for tests of the clients
and of the service as a whole. Authentication, validation and error mapping around them are the chassis's own."""

import base64
import json
import time
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.api.httpbody_pb2 import HttpBody

from chassis.call import current_call
from chassis.errors import NotFound, OutOfRange, Violation
from chassis.health import Health
from chassis.server import Server, Service
from chassis.service_settings import ServiceSettings
from chassis.settings import Secret
from chassis.tokens import TokenVerifier
from plimsoll.identity.v1.event_pb2 import Event
from plimsoll.identity.v1.event_service_pb2 import ListEventsResponse
from plimsoll.identity.v1.event_service_pb2_grpc import EventServiceServicer, add_EventServiceServicer_to_server
from plimsoll.identity.v1.identity_service_pb2_grpc import (
    IdentityServiceServicer,
    add_IdentityServiceServicer_to_server,
)
from plimsoll.marketdata.v1.instrument_pb2 import Instrument
from plimsoll.marketdata.v1.marketdata_service_pb2 import GetMarksResponse, ResolveInstrumentsResponse
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import (
    MarketDataServiceServicer,
    add_MarketDataServiceServicer_to_server,
)
from plimsoll.portfolio.v1.portfolio_service_pb2 import Book, GetBooksResponse
from plimsoll.portfolio.v1.portfolio_service_pb2_grpc import (
    PortfolioServiceServicer,
    add_PortfolioServiceServicer_to_server,
)
from plimsoll.portfolio.v1.risk_settings_pb2 import FactorProxies
from plimsoll.portfolio.v1.risk_settings_service_pb2_grpc import (
    RiskSettingsServiceServicer,
    add_RiskSettingsServiceServicer_to_server,
)
from tests.services.risk.books import AS_OF, PORTFOLIO_ID, SESSION, mark_message, rates_messages, session_message
from tests.services.risk.history_messages import factors_message, facts_message, history_message, yields_message

SERVICE_KEY = Secret("a key that all services of a test share")
OWNER = "0c7d2a34-8f5f-4f34-9d43-2b6a8a1c7e55"
SIGNING_KEY = Ed25519PrivateKey.generate()


async def fetch_keys():
    public = base64.urlsafe_b64encode(SIGNING_KEY.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "test", "x": public}]}


def token(user_id=OWNER, lives_seconds=300):
    now = int(time.time())
    claims = {"iss": "plimsoll", "aud": "plimsoll", "sub": user_id, "iat": now, "exp": now + lives_seconds}
    claims |= {"jti": "1", "role": "member", "scope": "read write", "tier": "registered"}
    return jwt.encode(claims, SIGNING_KEY, algorithm="EdDSA", headers={"kid": "test"})


def metadata(user_id=OWNER):
    return (("authorization", f"Bearer {token(user_id)}"),)


class Identity(IdentityServiceServicer):
    """Publishes the key that the tokens of these tests are signed with."""

    async def GetJwks(self, request, context):
        return HttpBody(content_type="application/json", data=json.dumps(await fetch_keys()).encode())


class Events(EventServiceServicer):
    """What happened, as a test tells it; a page token is the number of events before it."""

    def __init__(self):
        self.happened = []
        self.asked = []

    def tell(self, kind, user_id=OWNER, portfolio_id="", time=None):
        event = Event(event_id=str(uuid.uuid4()), kind=kind, user_id=user_id, portfolio_id=portfolio_id)
        event.created_time.FromDatetime(time or datetime.now(UTC))
        self.happened.append(event)

    async def ListEvents(self, request, context):
        self.asked.append(request.page_token)
        place = int(request.page_token or 0)
        found = self.happened[place : place + (request.page_size or 100)]
        return ListEventsResponse(events=found, next_page_token=str(place + len(found)))


class RiskSettings(RiskSettingsServiceServicer):
    """What stands for the drivers of symbols in the one portfolio, as a test states it."""

    def __init__(self, portfolio):
        self.portfolio = portfolio
        self.proxies = {}
        self.asked = []

    async def GetFactorProxies(self, request, context):
        revision = self.portfolio.book.revision
        self.asked.append((current_call().calling_service, current_call().user_id, request.portfolio_revision))
        if request.portfolio_id != PORTFOLIO_ID or current_call().user_id != OWNER:
            raise NotFound("portfolio", request.portfolio_id)
        return FactorProxies(portfolio_id=PORTFOLIO_ID, portfolio_revision=revision, proxies=self.proxies)


class Portfolio(PortfolioServiceServicer):
    """One portfolio that one user owns; among all of the user, `further` ones too, and `earlier` revisions of any."""

    def __init__(self, book):
        self.book = book
        self.further = []
        self.earlier = []
        self.callers = []
        self.sent_count = 0
        self.deleted = False
        self.events = Events()
        self.settings = RiskSettings(self)

    async def GetBook(self, request, context):
        call = current_call()
        self.callers.append((call.calling_service, call.user_id))
        if self.deleted or request.portfolio_id != PORTFOLIO_ID or call.user_id != OWNER:
            raise NotFound("portfolio", request.portfolio_id)
        if request.revision > self.book.revision:
            given, current = request.revision, self.book.revision
            absent = Violation("portfolio_revision", str(given), "is not there")
            raise OutOfRange("REVISION_OUT_OF_RANGE", absent, given=given, current=current)
        if request.known_revision == self.book.revision:
            return Book(revision=self.book.revision, unchanged=True)
        self.sent_count += 1
        return self.book

    async def GetBooks(self, request, context):
        self.callers.append((current_call().calling_service, current_call().user_id))
        own = [*([] if self.deleted else [self.book]), *self.further] if current_call().user_id == OWNER else []
        pins = request.revisions or {book.portfolio.portfolio_id: book.revision for book in own}
        at = {(book.portfolio.portfolio_id, book.revision): book for book in (*own, *self.earlier)}
        if missing := [pin for pin in pins.items() if pin not in at]:
            raise NotFound("portfolio", missing[0][0])
        return GetBooksResponse(books=[at[pin] for pin in sorted(pins.items())])


class MarketData(MarketDataServiceServicer):
    """One session, and its marks."""

    def __init__(self, marks, session=SESSION, history=None, factors=None, facts=None, yields=None, rates=None):
        self.rates = rates
        self.known = {mark.instrument_id: mark for mark in marks}
        self.session = session
        self.history = history
        self.factors = factors
        self.facts = facts
        self.yields = yields
        self.named = {}
        self.mark_calls = 0
        self.matrices_asked = []

    async def ResolveSession(self, request, context):
        newest = AS_OF.isoformat()
        if request.as_of_date > newest:
            late = Violation("as_of_date", request.as_of_date, "is after the newest session")
            raise OutOfRange("DATE_OUT_OF_RANGE", late, first="2022-01-03", newest=newest)
        return session_message(self.session)

    async def GetMarks(self, request, context):
        self.mark_calls += 1
        rates, days = rates_messages(self.rates, request) if request.base_currency else ((), ())
        marks = [mark_message(self.known[number]) for number in request.instrument_ids]
        return GetMarksResponse(marks=marks, rates=rates, rate_session_dates=days)

    async def GetPriceMatrix(self, request, context):
        self.matrices_asked.append(list(request.instrument_ids))
        return history_message(self.history, request.instrument_ids, request.sessions)

    async def GetFactorEtfPrices(self, request, context):
        return factors_message(self.factors, request.lookback_days)

    async def BatchGetInstruments(self, request, context):
        return facts_message(self.facts, request.instrument_ids)

    async def ResolveInstruments(self, request, context):
        resolution = ResolveInstrumentsResponse.Resolution
        found = [
            resolution(symbol=symbol, instrument=Instrument(instrument_id=self.named[symbol], symbol=symbol))
            if symbol in self.named
            else resolution(symbol=symbol, reason="unknown_instrument")
            for symbol in request.symbols
        ]
        return ResolveInstrumentsResponse(resolutions=found)

    async def GetYieldCurve(self, request, context):
        return yields_message(self.yields, request.start_date)


@asynccontextmanager
async def serving(name, *register, address="127.0.0.1:0"):
    """Serve some servicers as one service, at a free port if at no other; gives its address."""
    tokens = TokenVerifier("plimsoll", "plimsoll", fetch_keys)
    settings = ServiceSettings(listen_address=address, service_key=SERVICE_KEY, drain_seconds=0.0, rate_limits="off")
    server = Server(Service(health=Health(name), tokens=tokens, register=register), settings)
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.stop()


def serving_portfolio(portfolio, **options):
    identity = (add_IdentityServiceServicer_to_server, Identity())
    events = (add_EventServiceServicer_to_server, portfolio.events)
    settings = (add_RiskSettingsServiceServicer_to_server, portfolio.settings)
    books = (add_PortfolioServiceServicer_to_server, portfolio)
    return serving("portfolio", books, settings, identity, events, **options)


def serving_marketdata(marketdata):
    return serving("marketdata", (add_MarketDataServiceServicer_to_server, marketdata))
