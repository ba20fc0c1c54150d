"""IngestionService: parse, call, render."""

from typing import Any

import grpc
from google.protobuf.message import Message

from chassis.call import current_call
from chassis.database import Database
from chassis.dates import parse_date
from chassis.forms import table_of
from chassis.idempotency import once
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceServicer
from services.marketdata import convert_ingestion as convert
from services.marketdata.application import uploads
from services.marketdata.application.ensure import Coverage
from services.marketdata.application.rates import RateSyncs
from services.marketdata.application.seal import seal
from services.marketdata.application.sync import Syncs
from services.marketdata.application.uploads import ReadFile, Uploads
from services.marketdata.domain.occ import canonical
from services.marketdata.handlers import ingestion_requests as requests
from services.marketdata.handlers.viewer import viewer
from services.marketdata.storage import ingestions, quarantine

Context = grpc.aio.ServicerContext[Any, Any]
TELLING_SECONDS = 2.0


class IngestionHandler(IngestionServiceServicer):
    """Serves the ways in which market data comes in."""

    def __init__(self, database: Database, syncs: Syncs, rates: RateSyncs, coverage: Coverage, files: Uploads) -> None:
        self._database = database
        self._syncs = syncs
        self._rates = rates
        self._coverage = coverage
        self._files = files

    async def SyncSymbols(self, request: pb.SyncSymbolsRequest, context: Context) -> pb.SyncSymbolsResponse:
        """Fetch and store what is missing of some symbols."""
        return convert.synced_message(await self._syncs.sync(requests.sync_request(request)))

    async def SyncYields(self, request: pb.SyncYieldsRequest, context: Context) -> pb.SyncYieldsResponse:
        """Fetch and store yields, and the rates of exchange that belong to no instrument either."""
        synced = await self._rates.sync_yields(request.provider)
        await self._rates.sync_fx()
        return convert.yields_message(synced)

    async def SealSession(self, request: pb.SealSessionRequest, context: Context) -> pb.SealSessionResponse:
        """Declare history complete up to a session."""
        sealed = await seal(self._database, parse_date("session_date", request.session_date))
        return pb.SealSessionResponse(newest_sealed_date=str(sealed.newest_sealed), data_version=sealed.data_version)

    async def EnsureCoverage(self, request: pb.EnsureCoverageRequest, context: Context) -> pb.SymbolOutcome:
        """Fetch what is missing of one symbol now."""
        sessions = request.sessions or requests.DEFAULT_SESSIONS
        return convert.outcome_message(await self._coverage.ensure(viewer(), request.symbol, sessions, _patience()))

    async def UploadBars(self, request: pb.UploadBarsRequest, context: Context) -> pb.UploadReport:
        """Store the bars of a file."""
        basis = requests.stored_basis(request)
        content = table_of(request.file.content_type, request.file.data)
        return await self._store(request, await self._files.bars(content, basis, requests.owner_of_upload()))

    async def UploadYields(self, request: pb.UploadYieldsRequest, context: Context) -> pb.UploadReport:
        """Store the yields of a file."""
        content = table_of(request.file.content_type, request.file.data)
        return await self._store(request, await self._files.yields(content))

    async def UploadFxRates(self, request: pb.UploadFxRatesRequest, context: Context) -> pb.UploadReport:
        """Store the rates of exchange of a file."""
        content = table_of(request.file.content_type, request.file.data)
        return await self._store(request, await self._files.fx_rates(content))

    async def UploadCorporateActions(
        self, request: pb.UploadCorporateActionsRequest, context: Context
    ) -> pb.UploadReport:
        """Store the corporate actions of a file."""
        content = table_of(request.file.content_type, request.file.data)
        return await self._store(request, await self._files.corporate_actions(content))

    async def ListIngestions(self, request: pb.ListIngestionsRequest, context: Context) -> pb.ListIngestionsResponse:
        """Answer a page of what was brought in."""
        size = request.page_size or requests.DEFAULT_PAGE
        async with self._database.transaction(viewer()) as connection:
            found = await ingestions.page(connection, requests.before(request.page_token), size + 1)
        return pb.ListIngestionsResponse(
            ingestions=map(convert.ingestion_message, found[:size]),
            next_page_token=requests.next_token([one.ingestion_id for one in found], size),
        )

    async def ListQuarantine(self, request: pb.ListQuarantineRequest, context: Context) -> pb.ListQuarantineResponse:
        """Answer a page of rows that failed a check."""
        size = request.page_size or requests.DEFAULT_PAGE
        after = requests.before(request.page_token)
        async with self._database.transaction(viewer()) as connection:
            found = await quarantine.page(connection, canonical(request.symbol), after, size + 1)
        return pb.ListQuarantineResponse(
            rows=map(convert.quarantined_message, found[:size]),
            next_page_token=requests.next_token([row.quarantine_id for row in found], size),
        )

    async def _store(self, request: Message, file: ReadFile) -> pb.UploadReport:
        call = current_call()
        async with self._database.transaction(call.user_id) as connection:

            async def write() -> pb.UploadReport:
                return convert.upload_message(await uploads.store(connection, file))

            return await once(connection, call, request, pb.UploadReport, write)


def _patience() -> float | None:
    """Seconds to wait for a vendor: those that the caller has left, less what it takes to tell him of it."""
    left = current_call().remaining_seconds
    return None if left is None else max(0.0, left - TELLING_SECONDS)
