"""DataService: whole sets, valued but not analysed."""

from typing import Any

import grpc
from cachetools import TTLCache

from chassis.call import current_call
from chassis.dates import parse_optional_date
from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page, encode_page
from plimsoll.common.v1.price_basis_pb2 import PriceBasis
from plimsoll.portfolio.v1 import data_service_pb2, data_service_pb2_grpc, historical_prices_pb2
from services.portfolio import convert_data
from services.portfolio.application.known_market import INSTRUMENT_SECONDS
from services.portfolio.application.portfolio_summaries import PortfolioSummaries
from services.portfolio.application.position_details import PositionDetails
from services.portfolio.application.price_history import PriceHistories, Wanted
from services.portfolio.application.valuation import Books
from services.portfolio.domain.market import Session

Context = grpc.aio.ServicerContext[Any, Any]
MOST_PORTFOLIOS = 500
DEFAULT_LOOKBACK_DAYS = 150
DEFAULT_SYMBOLS = 50
POSITIONS_KEPT = 20_000
"""Positions, of all answers together, that one process keeps rendered; about 20 MB."""


class DataHandler(data_service_pb2_grpc.DataServiceServicer):
    """Serves plimsoll.portfolio.v1.DataService."""

    def __init__(
        self, books: Books, summaries: PortfolioSummaries, details: PositionDetails, prices: PriceHistories
    ) -> None:
        self._books = books
        self._summaries = summaries
        self._details = details
        self._prices = prices
        # What is pinned never changes, but for the names and sectors of instruments; nobody alters an answer.
        self._complete: TTLCache[tuple[str, int, Session], data_service_pb2.CompletePortfolio] = TTLCache(
            POSITIONS_KEPT, INSTRUMENT_SECONDS, getsizeof=lambda answer: 1 + len(answer.positions)
        )

    async def GetCompletePortfolio(
        self, request: data_service_pb2.GetCompletePortfolioRequest, context: Context
    ) -> data_service_pb2.CompletePortfolio:
        """Read a portfolio with the value of every position."""
        as_of_date = parse_optional_date("as_of_date", request.as_of_date)
        owner, revision = current_call().user_id, request.portfolio_revision
        portfolio, session = await self._books.pin(owner, request.portfolio_id, revision, as_of_date)
        pinned = portfolio.portfolio_id, portfolio.revision, session
        if (answer := self._complete.get(pinned)) is None:
            (valued,) = await self._books.values(owner, [portfolio], session)
            answer = convert_data.complete(valued)
            if len(answer.positions) < POSITIONS_KEPT:
                self._complete[pinned] = answer
        return answer

    async def ListPortfolioSummaries(
        self, request: data_service_pb2.ListPortfolioSummariesRequest, context: Context
    ) -> data_service_pb2.ListPortfolioSummariesResponse:
        """List portfolios with their total values."""
        as_of_date = parse_optional_date("as_of_date", request.as_of_date)
        after = decode_page(request.page_token, "name").get("name", "")
        size = request.page_size or MOST_PORTFOLIOS
        page = await self._summaries.page(current_call().user_id, as_of_date, after, size)
        more = encode_page({"name": page.next_after}) if page.next_after else ""
        return convert_data.summaries(page.session, page.books, more)

    async def GetPositionDetails(
        self, request: data_service_pb2.GetPositionDetailsRequest, context: Context
    ) -> data_service_pb2.PositionDetails:
        """Read positions in detail."""
        as_of_date = parse_optional_date("as_of_date", request.as_of_date)
        owner = current_call().user_id
        _refuse_both_or_neither(request)
        if request.portfolio_id:
            found = await self._details.of_portfolio(
                owner,
                request.portfolio_id,
                request.portfolio_revision,
                as_of_date,
                closed=request.include_closed,
            )
        else:
            found = await self._details.of_positions(owner, request.position_ids, as_of_date)
        return convert_data.details(found.session, found.positions)

    async def GetHistoricalPrices(
        self, request: data_service_pb2.GetHistoricalPricesRequest, context: Context
    ) -> historical_prices_pb2.HistoricalPrices:
        """Read daily prices of what a portfolio holds."""
        wanted = Wanted(
            portfolio_id=request.portfolio_id,
            portfolio_revision=request.portfolio_revision,
            as_of_date=parse_optional_date("as_of_date", request.as_of_date),
            lookback_days=request.lookback_days or DEFAULT_LOOKBACK_DAYS,
            max_symbols=request.max_symbols or DEFAULT_SYMBOLS,
            factor_etfs=request.include_factor_etfs,
            price_basis=PriceBasis.Basis.Name(request.price_basis),
        )
        prices = await self._prices.read(current_call().user_id, wanted)
        return convert_data.historical_prices(prices, unix=request.date_format == "unix")


def _refuse_both_or_neither(request: data_service_pb2.GetPositionDetailsRequest) -> None:
    if bool(request.portfolio_id) == bool(request.position_ids):
        rule = "must be given, or position_ids, and not both"
        raise InvalidFields([Violation("portfolio_id", request.portfolio_id, rule)])
    if request.position_ids and request.portfolio_revision:
        rule = "needs portfolio_id: revisions are counted by portfolio"
        raise InvalidFields([Violation("portfolio_revision", f"{request.portfolio_revision}", rule)])
