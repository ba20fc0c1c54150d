"""Marketdata and portfolio that also know a past: a server's closes on the five sessions of `pasts`, and trades."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.marketdata.v1.marketdata_service_pb2 import (
    FactorEtfPrices,
    GetMarksResponse,
    GetTradingCalendarResponse,
    PriceMatrix,
)
from plimsoll.portfolio.v1.cash_movement_pb2 import CashMovement
from tests.services.risk import servers
from tests.services.risk.books import SESSION, book_message, mark, mark_message, rates_messages, session_message
from tests.services.risk.pasts import DAYS

FIRST = DAYS[0] - timedelta(days=400)
"""Every day since is a session."""


class PastMarketData(servers.MarketData):
    """Closes by instrument on the sessions of `pasts`; before them they are what they were on the first."""

    def __init__(self, closes, extra_marks=(), rates=None):
        super().__init__(extra_marks, rates=rates)
        self.closes = {number: list(column) for number, column in closes.items()}
        self.matrix_calls = 0

    def close(self, number, day):
        return self.closes[number][max(0, DAYS.index(day) if day in DAYS else 0)]

    async def ResolveSession(self, request, context):
        if not request.as_of_date:
            return session_message(SESSION)
        day = date.fromisoformat(request.as_of_date)
        return session_message(type(SESSION)(day, SESSION.close_time, SESSION.data_version))

    async def GetTradingCalendar(self, request, context):
        first = max(FIRST, date.fromisoformat(request.start_date))
        count = (date.fromisoformat(request.end_date) - first).days + 1
        return GetTradingCalendarResponse(
            session_dates=[(first + timedelta(days=day)).isoformat() for day in range(count)]
        )

    async def GetMarks(self, request, context):
        self.mark_calls += 1
        day = date.fromisoformat(request.as_of_date)
        marks = [self.known.get(number) or mark(number, self.close(number, day)) for number in request.instrument_ids]
        rates, days = rates_messages(self.rates, request) if request.base_currency else ((), ())
        return GetMarksResponse(marks=map(mark_message, marks), rates=rates, rate_session_dates=days)

    async def GetPriceMatrix(self, request, context):
        self.matrix_calls += 1
        end = date.fromisoformat(request.as_of_date)
        days = [end - timedelta(days=back) for back in range(request.sessions - 1, -1, -1)]
        closes = np.array([[self.close(number, day) for number in request.instrument_ids] for day in days], dtype="<f8")
        basis = request.price_basis or PriceBasis.TOTAL_RETURN_ADJUSTED
        return PriceMatrix(
            session_dates=[day.isoformat() for day in days],
            instrument_ids=request.instrument_ids,
            closes=closes.tobytes(),
            price_bases=[basis] * len(request.instrument_ids),
            data_version=5,
        )

    async def GetFactorEtfPrices(self, request, context):
        return FactorEtfPrices()


class PastPortfolio(servers.Portfolio):
    """One portfolio, which on a day before its newest one has what had been traded by then."""

    def __init__(self, held=(), closed=(), movements=(), **fields):
        super().__init__(None)
        self.held, self.closed, self.fields, self.movements = held, closed, fields, movements
        self.revision = 3

    def change(self, *held):
        """Give the portfolio other positions, and so another revision."""
        self.held, self.revision = held, self.revision + 1

    def _undone(self, day):
        """What the trades after a day took from the cash."""
        rows = [*self.held, *(row for row, _ in self.closed)]
        paid = sum(row.quantity * row.entry_price * row.multiplier for row in rows if row.entry_date > day)
        return paid - sum(row.quantity * row.exit_price * row.multiplier for row, end in self.closed if end > day)

    async def GetBook(self, request, context):
        day = date.fromisoformat(request.as_of_date)
        still = [replace(row, exit_price=None) for row, end in self.closed if end > day]
        open_then = [row for row in (*self.held, *still) if row.entry_date <= day]
        gone = [(row, end) for row, end in self.closed if end <= day]
        message = book_message(open_then, [row for row, _ in gone], revision=self.revision, **self.fields)
        for balance in message.cash:
            balance.amount += self._undone(day)
        for position, (_, end) in zip(message.closed_positions, gone, strict=True):
            position.exit_date = end.isoformat()
        for kind, amount, when in self.movements:
            stated = CashMovement.Kind.Value(kind)
            message.cash_movements.add(kind=stated, currency="USD", amount=amount, movement_date=when.isoformat())
        self.book = message
        return await super().GetBook(request, context)
