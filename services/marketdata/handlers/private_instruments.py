"""PrivateInstrumentService: parse, call, render."""

from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from chassis.call import current_call
from chassis.database import Database
from chassis.errors import NotFound
from chassis.idempotency import once
from chassis.pagination import decode_page, encode_page
from plimsoll.marketdata.v1 import private_instrument_service_pb2 as pb
from plimsoll.marketdata.v1.instrument_pb2 import Instrument
from plimsoll.marketdata.v1.private_instrument_service_pb2_grpc import PrivateInstrumentServiceServicer
from services.marketdata import convert
from services.marketdata.application.private_instruments import create
from services.marketdata.application.upload_targets import private_listing
from services.marketdata.handlers.ingestion_requests import DEFAULT_PAGE
from services.marketdata.storage import private_instruments

Context = grpc.aio.ServicerContext[Any, Any]


class PrivateInstrumentHandler(PrivateInstrumentServiceServicer):
    """Serves the assets that only their owner knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListPrivateInstruments(
        self, request: pb.ListPrivateInstrumentsRequest, context: Context
    ) -> pb.ListPrivateInstrumentsResponse:
        """Answer a page of the caller's instruments."""
        size = request.page_size or DEFAULT_PAGE
        after = decode_page(request.page_token, "symbol").get("symbol", "")
        async with self._database.transaction(current_call().user_id) as connection:
            found = await private_instruments.page(connection, after, size + 1)
        return pb.ListPrivateInstrumentsResponse(
            instruments=map(convert.instrument_message, found[:size]),
            next_page_token=encode_page({"symbol": found[size - 1].listing.symbol}) if len(found) > size else "",
        )

    async def CreatePrivateInstrument(self, request: pb.CreatePrivateInstrumentRequest, context: Context) -> Instrument:
        """Make an instrument of the caller's."""
        call = current_call()
        listing = private_listing(
            request.symbol.upper(),
            name=request.name.strip(),
            currency=request.currency or "USD",
            sector=request.sector.strip(),
            industry=request.industry.strip(),
        )
        async with self._database.transaction(call.user_id) as connection:

            async def write() -> Instrument:
                return convert.instrument_message(await create(connection, call.user_id, listing))

            return await once(connection, call, request, Instrument, write)

    async def DeletePrivateInstrument(self, request: pb.DeletePrivateInstrumentRequest, context: Context) -> Empty:
        """Remove an instrument of the caller's with its prices."""
        call = current_call()
        async with self._database.transaction(call.user_id) as connection:

            async def write() -> Empty:
                if not await private_instruments.delete(connection, request.instrument_id):
                    raise NotFound("private instrument", request.instrument_id)
                return Empty()

            return await once(connection, call, request, Empty, write)
