"""A marketdata service of a few instruments, served over real gRPC: what the portfolio service meets in its tests.

Closes are made up and constant per symbol; sessions are the weekdays of 2020 to 2022, and 2022-12-28 is the newest
sealed one. `tests/system` runs the same calls against the real service.
"""

import datetime

import grpc
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1 import instrument_pb2, marketdata_service_pb2, price_pb2, reference_service_pb2
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceServicer
from plimsoll.marketdata.v1.reference_service_pb2_grpc import ReferenceServiceServicer

Date = datetime.date
CLOSES = {"AAPL": 126.04, "JPM": 129.54, "XOM": 105.0, "SPX": 3783.22, "VOD": 10.0, "QUIET": None, "GOOGL": 86.02}
KINDS = {"SPX": instrument_pb2.Instrument.INDEX}
SECTORS = {"AAPL": "Information Technology", "JPM": "Financials", "XOM": "Energy"}
INDUSTRIES = {"XOM": "Integrated Oil & Gas", "JPM": "Diversified Banks"}
EXCHANGES = {"AAPL": "XNAS", "JPM": "XNYS", "XOM": "XNYS"}
CURRENCIES = {"VOD": "GBP"}
RATES: dict[str, dict[str, float]] = {}
"""Dollars for one unit of a currency, by the day from which on they hold; a test tells them."""
RENAMED: dict[str, str] = {}
"""Symbols that a test lets marketdata know by another's instrument."""
NEWEST = Date(2022, 12, 28)
FIRST, LAST = Date(2020, 1, 1), Date(2027, 12, 31)
DATA_VERSION = 7
SPLITS = {"GOOGL": ("2022-07-18", 20.0)}
"""The day from which on shares are new ones, and how many there are for an old one."""
FACTORS = {"Market Beta": ("SPX", ""), "Growth": ("", ""), "Value": ("JPM", "XOM")}
"""The funds that stand for factors; an empty pair is a factor that is not active."""


def weekdays(start: Date, end: Date) -> list[Date]:
    days = (start + datetime.timedelta(n) for n in range((end - start).days + 1))
    return [day for day in days if day.weekday() < 5]


def rates_of_exchange(request, answer) -> None:
    """What a currency is worth in dollars, the last known rate of each session."""
    since = Date.fromisoformat(request.rates_start_date or request.as_of_date)
    days = weekdays(since, Date.fromisoformat(request.as_of_date))
    answer.rate_session_dates.extend(map(str, days))
    for currency in sorted({*request.currencies} - {request.base_currency}):
        told = RATES.get(currency, {}) if request.base_currency == "USD" else {}
        rates = [told.get(max((known for known in told if known <= str(day)), default=""), np.nan) for day in days]
        ages = [0 if rate == rate else -1 for rate in rates]
        packed = {"rates": np.array(rates, "<f8").tobytes(), "ages": np.array(ages, "<i4").tobytes()}
        known = {"rate": rates[-1]} if ages[-1] == 0 else {"reason": "no_fx_rate"}
        answer.rates.add(currency=currency, **packed, **known)


class MarketDataStub(MarketDataServiceServicer):
    def __init__(self) -> None:
        self.ids = {symbol: number for number, symbol in enumerate(CLOSES, 1)}
        self.options: dict[str, instrument_pb2.Instrument] = {}

    def instrument(self, symbol: str) -> instrument_pb2.Instrument | None:
        symbol = RENAMED.get(symbol, symbol)
        if symbol in self.options:
            return self.options[symbol]
        if symbol in self.ids:
            return instrument_pb2.Instrument(
                instrument_id=self.ids[symbol],
                symbol=symbol,
                kind=KINDS.get(symbol, instrument_pb2.Instrument.STOCK),
                name=f"{symbol} Inc.",
                sector=SECTORS.get(symbol, ""),
                industry=INDUSTRIES.get(symbol, ""),
                exchange=EXCHANGES.get(symbol, ""),
                currency=CURRENCIES.get(symbol, "USD"),
                multiplier=1,
            )
        if len(symbol) > 15 and symbol[:-15] in self.ids and int(symbol[-8:]):
            expiry = Date.fromisoformat("20" + symbol[-15:-9])
            self.options[symbol] = instrument_pb2.Instrument(
                instrument_id=1000 + len(self.options),
                symbol=symbol,
                kind=instrument_pb2.Instrument.OPTION,
                currency="USD",
                multiplier=100,
                option=instrument_pb2.OptionContract(
                    underlying_instrument_id=self.ids[symbol[:-15]],
                    underlying_symbol=symbol[:-15],
                    expiry_date=str(expiry),
                    right=symbol[-9],
                    strike=int(symbol[-8:]) / 1000,
                    style=instrument_pb2.OptionContract.AMERICAN,
                ),
            )
            return self.options[symbol]
        return None

    async def ResolveInstruments(self, request, context):
        answer = marketdata_service_pb2.ResolveInstrumentsResponse()
        for symbol in request.symbols:
            found = self.instrument(symbol)
            answer.resolutions.add(symbol=symbol, instrument=found, reason="" if found else "unknown_instrument")
        return answer

    async def BatchGetInstruments(self, request, context):
        every = [self.instrument(symbol) for symbol in self.ids] + list(self.options.values())
        wanted = set(request.instrument_ids)
        return marketdata_service_pb2.BatchGetInstrumentsResponse(
            instruments=[found for found in every if found and found.instrument_id in wanted]
        )

    async def GetMarks(self, request, context):
        symbols = {number: symbol for symbol, number in self.ids.items()}
        answer = marketdata_service_pb2.GetMarksResponse()
        for number in request.instrument_ids:
            close = CLOSES.get(symbols.get(number, ""))
            if close is None:
                optional = number in {option.instrument_id for option in self.options.values()}
                reason = "no_price" if number in symbols else "no_mark" if optional else "unknown_instrument"
                answer.marks.add(instrument_id=number, currency="USD", reason=reason)
                continue
            answer.marks.add(
                instrument_id=number,
                price=close,
                price_date=request.as_of_date,
                price_basis=PriceBasis.TOTAL_RETURN_ADJUSTED,
                source=price_pb2.Mark.CLOSE,
                currency=CURRENCIES.get(symbols[number], "USD"),
                data_version=DATA_VERSION,
            )
        if request.base_currency:
            rates_of_exchange(request, answer)
        return answer

    async def GetSplits(self, request, context):
        return marketdata_service_pb2.GetSplitsResponse(
            splits=[
                marketdata_service_pb2.GetSplitsResponse.Split(instrument_id=self.ids[symbol], ex_date=day, ratio=ratio)
                for symbol, (day, ratio) in SPLITS.items()
                if self.ids[symbol] in request.instrument_ids
            ]
        )

    async def ResolveSession(self, request, context):
        day = Date.fromisoformat(request.as_of_date) if request.as_of_date else NEWEST
        while day.weekday() > 4:
            day -= datetime.timedelta(1)
        closed = Timestamp()
        closed.FromDatetime(datetime.datetime.combine(day, datetime.time(21)))
        return marketdata_service_pb2.ResolveSessionResponse(
            as_of_date=str(day), close_time=closed, data_version=DATA_VERSION, newest_sealed_date=str(NEWEST)
        )

    async def GetTradingCalendar(self, request, context):
        start = max(FIRST, Date.fromisoformat(request.start_date))
        end = min(LAST, Date.fromisoformat(request.end_date))
        return marketdata_service_pb2.GetTradingCalendarResponse(
            session_dates=map(str, weekdays(start, end)), first_date=str(FIRST), last_date=str(LAST)
        )

    async def ListBars(self, request, context):
        """Closes from 2022-07-01 on, without XOM's of one day; AAPL's source knows open, high, low and volume too."""
        if request.symbol == "QUIET":
            return marketdata_service_pb2.ListBarsResponse(symbol="QUIET", reason="no_price")
        if request.symbol not in CLOSES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such instrument")
        start = max(Date(2022, 7, 1), Date.fromisoformat(request.start_date))
        known = {"open": 1.0, "high": 3.0, "low": 0.5, "volume": 900.0} if request.symbol == "AAPL" else {}
        return marketdata_service_pb2.ListBarsResponse(
            available=True,
            symbol=request.symbol,
            price_basis=request.price_basis or PriceBasis.TOTAL_RETURN_ADJUSTED,
            bars=[
                price_pb2.Bar(session_date=str(day), close=day.day, **known)
                for day in weekdays(start, Date.fromisoformat(request.end_date))
                if (request.symbol, day) != ("XOM", Date(2022, 12, 27))
            ],
            data_version=request.known_at_version,
        )


class ReferenceStub(ReferenceServiceServicer):
    async def ListFactorDefinitions(self, request, context):
        answer = reference_service_pb2.ListFactorDefinitionsResponse(as_of_date=request.as_of_date)
        for name, (proxy, less) in FACTORS.items():
            answer.factors.add(name=name, active=bool(proxy), active_proxy=proxy, active_less_proxy=less)
        return answer

    async def GetExchangeProxies(self, request, context):
        answer = reference_service_pb2.ExchangeProxies(version=3)
        answer.exchange_proxies.add(exchange="XNYS", market="SPX", momentum="XOM", value="JPM")
        answer.exchange_proxies.add(exchange="*", market="VOD", momentum="VOD", value="VOD")
        return answer

    async def GetIndustryProxies(self, request, context):
        answer = reference_service_pb2.IndustryProxies(version=4)
        answer.industry_proxies.add(industry="Integrated Oil & Gas", symbol="QUIET")
        answer.industry_proxies.add(industry="Financials", symbol="AAPL")
        return answer
