"""How every analysis is answered: the call's book and parameters in, the answer and how it was served out."""

import time
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from chassis.call import current_call
from chassis.dates import parse_optional_date
from services.risk.application.analyses import Analyses, Target
from services.risk.convert import served_message
from services.risk.handlers.catalogue import KINDS


class AboutABook(Protocol):
    """What every request about a book says."""

    portfolio_id: str
    as_of_date: str
    portfolio_revision: int


M = TypeVar("M", bound=Message)


class Answering:
    """What the handlers of each group of analyses share."""

    def __init__(self, analyses: Analyses) -> None:
        self._analyses = analyses

    async def _answer(self, kind: str, request: AboutABook, parameters: Any, message: type[M]) -> M:
        """Give the answer of one kind about a portfolio, with how it was served."""
        day = parse_optional_date("as_of_date", request.as_of_date)
        return await self._answer_about(
            Target(request.portfolio_id, request.portfolio_revision, day), kind, parameters, message
        )

    async def _answer_about(self, target: Target, kind: str, parameters: Any, message: type[M]) -> M:
        """Give the answer of one kind, with how it was served."""
        started = time.perf_counter()
        asked = KINDS[kind]
        answer, cached = await self._analyses.answer(
            asked.analysis, asked.render, current_call().user_id, target, parameters
        )
        rendered = message.FromString(answer.payload)
        elapsed = time.perf_counter() - started
        rendered.served.CopyFrom(served_message(answer.calculated_time, elapsed, cached=cached))  # type: ignore[attr-defined] # every answer has it
        return rendered


def stated(**fields: Any) -> dict[str, Any]:
    """Give the fields that a request states; of the others the defaults of the analysis hold."""
    return {name: value for name, value in fields.items() if value}
