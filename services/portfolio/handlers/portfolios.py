"""PortfolioService: portfolios and what is in them."""

from typing import Any

import grpc
from google.protobuf import empty_pb2
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.dates import parse_date, parse_optional_date
from chassis.errors import StaleRevision
from chassis.idempotency import once
from chassis.pagination import decode_page, encode_page
from plimsoll.portfolio.v1 import portfolio_pb2, portfolio_service_pb2, portfolio_service_pb2_grpc
from services.portfolio import convert
from services.portfolio.application.accounts import DEFAULT_CURRENCY
from services.portfolio.application.imports import Imports
from services.portfolio.application.valuation import Books
from services.portfolio.domain.portfolio import Portfolio, Terms
from services.portfolio.handlers.etags import expected_revision, tell_revision
from services.portfolio.handlers.import_messages import uploaded
from services.portfolio.handlers.uploads import upload_of
from services.portfolio.handlers.writes import Writes
from services.portfolio.handlers.yaml_uploads import YamlUploads, yaml_of
from services.portfolio.storage import portfolios

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50


class PortfolioHandler(portfolio_service_pb2_grpc.PortfolioServiceServicer):
    """Serves plimsoll.portfolio.v1.PortfolioService."""

    def __init__(
        self, database: Database, writes: Writes, books: Books, imports: Imports, earlier: YamlUploads
    ) -> None:
        self._database = database
        self._writes = writes
        self._books = books
        self._imports = imports
        self._earlier = earlier

    async def ListPortfolios(
        self, request: portfolio_service_pb2.ListPortfoliosRequest, context: Context
    ) -> portfolio_service_pb2.ListPortfoliosResponse:
        """List the caller's portfolios by name."""
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        after = decode_page(request.page_token, "name").get("name", "")
        async with self._database.transaction(owner) as connection:
            found = await portfolios.page(connection, owner, after, size + 1)
        more = encode_page({"name": found[size - 1].name}) if len(found) > size else ""
        return portfolio_service_pb2.ListPortfoliosResponse(
            portfolios=map(convert.portfolio, found[:size]), next_page_token=more
        )

    async def CreatePortfolio(
        self, request: portfolio_service_pb2.CreatePortfolioRequest, context: Context
    ) -> portfolio_pb2.Portfolio:
        """Make an empty portfolio."""
        terms = Terms(
            name=request.name.strip(),
            benchmark=request.benchmark.strip(),
            start_date=parse_optional_date("start_date", request.start_date),
            end_date=parse_optional_date("end_date", request.end_date),
        )
        currency = request.base_currency or DEFAULT_CURRENCY

        async def create(connection: AsyncConnection, owner: str) -> portfolio_pb2.Portfolio:
            return convert.portfolio(await portfolios.add(connection, owner, currency, terms))

        return await self._told(context, await self._writes.once(request, portfolio_pb2.Portfolio, create))

    async def GetPortfolio(
        self, request: portfolio_service_pb2.GetPortfolioRequest, context: Context
    ) -> portfolio_pb2.Portfolio:
        """Read one portfolio."""
        found = await self._books.glance(current_call().user_id, request.portfolio_id)
        return await self._told(context, convert.portfolio(found))

    async def UpdatePortfolio(
        self, request: portfolio_service_pb2.UpdatePortfolioRequest, context: Context
    ) -> portfolio_pb2.Portfolio:
        """Change the fields that were sent."""
        revision = expected_revision(request.revision)

        async def update(connection: AsyncConnection, owner: str) -> portfolio_pb2.Portfolio:
            found = await _locked(connection, owner, request.portfolio_id, revision)
            before = found.terms
            after = _changed(before, request)
            if after == before:
                return convert.portfolio(found)
            return convert.portfolio(await portfolios.revise(connection, found, after, found.position_count, "updated"))

        return await self._told(context, await self._writes.once(request, portfolio_pb2.Portfolio, update))

    async def DeletePortfolio(
        self, request: portfolio_service_pb2.DeletePortfolioRequest, context: Context
    ) -> empty_pb2.Empty:
        """Delete a portfolio with everything in it."""
        revision = expected_revision(request.revision)

        async def delete(connection: AsyncConnection, owner: str) -> empty_pb2.Empty:
            await _locked(connection, owner, request.portfolio_id, revision)
            await portfolios.remove(connection, owner, request.portfolio_id)
            return empty_pb2.Empty()

        return await self._writes.once(request, empty_pb2.Empty, delete)

    async def UploadPortfolio(
        self, request: portfolio_service_pb2.UploadPortfolioRequest, context: Context
    ) -> portfolio_service_pb2.UploadPortfolioResponse:
        """Take a file of positions, and save it if that is asked for; or one of the earlier file-based system."""
        if file := yaml_of(request):
            return await self._earlier.upload(request, file)
        call = current_call()
        upload = upload_of(request)
        read = await self._imports.read(upload)
        async with self._database.transaction(call.user_id) as connection:

            async def save() -> portfolio_service_pb2.UploadPortfolioResponse:
                outcome = await self._imports.add(connection, call.user_id, upload, read)
                if request.commit:
                    import_id = outcome.record.import_id
                    outcome = await self._imports.complete(connection, call.user_id, import_id, read)
                return uploaded(outcome)

            return await once(connection, call, request, portfolio_service_pb2.UploadPortfolioResponse, save)

    async def GetBook(
        self, request: portfolio_service_pb2.GetBookRequest, context: Context
    ) -> portfolio_service_pb2.Book:
        """Read the book at one revision and one date."""
        day = parse_date("as_of_date", request.as_of_date)
        owner = current_call().user_id
        portfolio = await self._books.glance(owner, request.portfolio_id, request.revision)
        if portfolio.revision == request.known_revision:
            return portfolio_service_pb2.Book(revision=portfolio.revision, unchanged=True)
        return convert.book(portfolio, await self._books.on(day, portfolio, request.data_version))

    async def GetBooks(
        self, request: portfolio_service_pb2.GetBooksRequest, context: Context
    ) -> portfolio_service_pb2.GetBooksResponse:
        """Read the books of every portfolio at one date."""
        day = parse_date("as_of_date", request.as_of_date)
        found = await self._books.every(current_call().user_id, request.revisions, day, request.data_version)
        return portfolio_service_pb2.GetBooksResponse(books=[convert.book(*each) for each in found])

    async def _told(self, context: Context, answer: portfolio_pb2.Portfolio) -> portfolio_pb2.Portfolio:
        """Give an answer, and send its revision as `ETag`."""
        await tell_revision(context, answer.revision)
        return answer


async def _locked(connection: AsyncConnection, owner_id: str, portfolio_id: str, revision: int) -> Portfolio:
    """Give a portfolio that others cannot change now, at the revision that the caller read."""
    found = await portfolios.lock(connection, owner_id, portfolio_id)
    if revision and revision != found.revision:
        raise StaleRevision(revision, found.revision)
    return found


def _changed(terms: Terms, request: portfolio_service_pb2.UpdatePortfolioRequest) -> Terms:
    """Give the terms with what was sent in place of what was there."""
    dates = {
        field: parse_optional_date(field, getattr(request, field)) if request.HasField(field) else getattr(terms, field)
        for field in ("start_date", "end_date")
    }
    return Terms(
        name=request.name.strip() if request.HasField("name") else terms.name,
        benchmark=request.benchmark.strip() if request.HasField("benchmark") else terms.benchmark,
        start_date=dates["start_date"],
        end_date=dates["end_date"],
    )
