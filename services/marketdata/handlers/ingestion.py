"""IngestionService: parse, call, render."""

from typing import Any

import grpc

from chassis.database import Database
from chassis.dates import parse_date
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceServicer
from services.marketdata.application.seal import seal
from services.marketdata.application.sync import Syncs

Context = grpc.aio.ServicerContext[Any, Any]


class IngestionHandler(IngestionServiceServicer):
    """Serves the ways in which market data comes in."""

    def __init__(self, database: Database, syncs: Syncs) -> None:
        self._database = database
        self._syncs = syncs

    async def SyncSymbols(self, request: pb.SyncSymbolsRequest, context: Context) -> pb.SyncSymbolsResponse:
        """Fetch and store what is new of some symbols."""
        synced = await self._syncs.sync(request.provider, request.symbols)
        return pb.SyncSymbolsResponse(
            data_version=synced.data_version,
            outcomes=[
                pb.SymbolOutcome(symbol=one.symbol, stored_count=one.stored_count, reason=one.reason)
                for one in synced.outcomes
            ],
            last_session_date=str(synced.last_session or ""),
        )

    async def SealSession(self, request: pb.SealSessionRequest, context: Context) -> pb.SealSessionResponse:
        """Declare history complete up to a session."""
        sealed = await seal(self._database, parse_date("session_date", request.session_date))
        return pb.SealSessionResponse(newest_sealed_date=str(sealed.newest_sealed), data_version=sealed.data_version)
