"""Answers about options: any that a request describes, and the whole book over many moves."""

import math
import time
from datetime import UTC, date, datetime
from typing import Any

import grpc

from chassis.dates import parse_date
from chassis.errors import InvalidFields, Violation
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import option_grid_pb2, option_pricing_pb2
from riskmath.options import DAYS_A_YEAR
from services.risk.application.computing import in_thread
from services.risk.convert import served_message
from services.risk.domain.option_grid import OPTION_GRID, OptionGridParameters
from services.risk.domain.option_pricing import OptionToPrice, PricedOption, price_options
from services.risk.domain.result_id import MODEL_VERSION
from services.risk.handlers.answering import Answering, stated

Context = grpc.aio.ServicerContext[Any, Any]
Asked = pb.CalculateGreeksRequest.OptionToPrice
Priced = option_pricing_pb2.PricedOptions
MOST_CASES = 1000


class OptionAnalytics(Answering):
    """Option models, with a book and without."""

    async def CalculateGreeks(self, request: pb.CalculateGreeksRequest, context: Context) -> Priced:
        """Answer prices and Greeks of the options that a request describes."""
        started = time.perf_counter()
        options = read_options(request)
        found = await in_thread(price_options, options)
        return Priced(
            options=map(_message, found),
            model_version=MODEL_VERSION,
            served=served_message(datetime.now(UTC), time.perf_counter() - started, cached=False),
        )

    async def GetOptionGrid(self, request: pb.GetOptionGridRequest, context: Context) -> option_grid_pb2.OptionGrid:
        """Answer what a portfolio makes over spots, volatilities and time."""
        parameters = OptionGridParameters(
            **stated(
                spot_moves=tuple(request.spot_moves),
                volatility_moves=tuple(request.volatility_moves),
                days_ahead=tuple(request.days_ahead),
            )
        )
        refuse_large_grid(parameters)
        return await self._answer(OPTION_GRID.kind, request, parameters, option_grid_pb2.OptionGrid)


def refuse_large_grid(parameters: OptionGridParameters) -> None:
    """Refuse more cases than an answer has room for.

    Raises:
        InvalidFields: the axes make more.
    """
    sizes = [len(axis) for axis in (parameters.spot_moves, parameters.volatility_moves, parameters.days_ahead)]
    if math.prod(sizes) > MOST_CASES:
        shown = " x ".join(map(str, sizes))
        raise InvalidFields([Violation("spot_moves", shown, f"spots, volatilities and days: at most {MOST_CASES}")])


def read_options(request: pb.CalculateGreeksRequest) -> list[OptionToPrice]:
    """Read the options of a request.

    Raises:
        InvalidFields: an option says twice or not at all when it expires, or what it costs; or a day is none.
    """
    day = parse_date("as_of_date", request.as_of_date) if request.as_of_date else None
    return [_option(f"options[{place}]", asked, day) for place, asked in enumerate(request.options)]


def _option(name: str, asked: Asked, day: date | None) -> OptionToPrice:
    _refuse_unless_one(name, asked, "volatility", "price")
    return OptionToPrice(
        label=asked.label,
        is_call=asked.right == "C",
        is_american=asked.style != "european",
        spot=asked.spot,
        strike=asked.strike,
        years_to_expiry=_years(name, asked, day),
        rate=asked.rate,
        dividend_yield=asked.dividend_yield,
        volatility=asked.volatility if asked.HasField("volatility") else None,
        price=asked.price if asked.HasField("price") else None,
    )


def _years(name: str, asked: Asked, day: date | None) -> float:
    if asked.HasField("years_to_expiry") == bool(asked.expiry_date):
        rule = "must be stated, or expiry_date, and not both"
        shown = str(asked.years_to_expiry) if asked.expiry_date else ""
        raise InvalidFields([Violation(f"{name}.years_to_expiry", shown, rule)])
    if not asked.expiry_date:
        return asked.years_to_expiry
    expiry = parse_date(f"{name}.expiry_date", asked.expiry_date)
    if day is None:
        rule = f"must be stated: {name} has the expiry_date {asked.expiry_date}"
        raise InvalidFields([Violation("as_of_date", "", rule)])
    return (expiry - day).days / DAYS_A_YEAR


def _refuse_unless_one(name: str, asked: Asked, one: str, other: str) -> None:
    if asked.HasField(one) == asked.HasField(other):  # type: ignore[arg-type]  # the names are fields of the message
        shown = str(getattr(asked, one)) if asked.HasField(one) else ""  # type: ignore[arg-type]
        raise InvalidFields([Violation(f"{name}.{one}", shown, f"must be stated, or {other}, and not both")])


def _message(found: PricedOption) -> Priced.PricedOption:
    return Priced.PricedOption(**{field: getattr(found, field) for field in found.__slots__})
