"""The JSON answers of the public API, read back into the messages of the contract.

A report is written against messages, not dictionaries, so that a renamed field is a type error and an absent optional
figure is told apart from zero.
"""

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
    return PortfolioAnswers(
        ParseDict(complete, CompletePortfolio(), ignore_unknown_fields=True),
        ParseDict(overview, Overview(), ignore_unknown_fields=True),
    )
