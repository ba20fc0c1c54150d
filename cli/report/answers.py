"""The JSON answers of the public API, read back into the messages of the contract.

A report is written against messages, not dictionaries, so that a renamed field is a type error and an absent optional
figure is told apart from zero.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from plimsoll.portfolio.v1.data_service_pb2 import CompletePortfolio
from plimsoll.risk.v1.overview_pb2 import Overview

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PortfolioAnswers:
    """All that a report tells about one portfolio."""

    complete: CompletePortfolio
    overview: Overview
    market_value: float | None
    """Sum of the market values that are known, in base currency."""

    @property
    def name(self) -> str:
        """Name of the portfolio."""
        return self.complete.portfolio.name

    @property
    def net_asset_value(self) -> float | None:
        """Cash plus market value, where the risk service knows it."""
        return known(self.overview, "total_value")


def known(answer: Message, field: str) -> float | None:
    """An optional figure of an answer, or None where it is absent."""
    figure: float | None = getattr(answer, field) if answer.HasField(field) else None
    return figure


def read_answers(complete: Json, overview: Json) -> PortfolioAnswers:
    """The answers of GetCompletePortfolio and GetOverview. A field newer than this report is left out of it."""
    read = ParseDict(complete, CompletePortfolio(), ignore_unknown_fields=True)
    return PortfolioAnswers(read, ParseDict(overview, Overview(), ignore_unknown_fields=True), read.market_value)


def read_joined(portfolios: Sequence[Json], overview: Json) -> PortfolioAnswers:
    """All portfolios as one, in the currency of most of them. What positions are worth is in the report of each."""
    told = ParseDict(overview, Overview(), ignore_unknown_fields=True)
    currencies = Counter(str(portfolio["base_currency"]) for portfolio in portfolios)
    joined = CompletePortfolio(as_of_date=told.metadata.as_of_date)
    joined.portfolio.name = f"All portfolios ({len(portfolios)})"
    joined.portfolio.base_currency = min(currencies, key=lambda name: (-currencies[name], name), default="USD")
    total, cash = known(told, "total_value"), known(told, "cash_balance")
    return PortfolioAnswers(joined, told, None if total is None or cash is None else total - cash)
