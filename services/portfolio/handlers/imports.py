"""ImportService: imports of files, from the look at what was read to their undoing."""

from typing import Any

import grpc
from google.api import httpbody_pb2
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.database import Database
from chassis.pagination import encode_page
from plimsoll.portfolio.v1 import import_pb2, import_service_pb2, import_service_pb2_grpc
from services.portfolio.application.import_checks import ImportChecks
from services.portfolio.application.imports import Imports, Outcome
from services.portfolio.domain.imports.parsing import FORMATS
from services.portfolio.domain.imports.samples import BY_NAME, TEMPLATES
from services.portfolio.handlers import import_messages as messages
from services.portfolio.handlers.page_tokens import place_of
from services.portfolio.handlers.writes import Writes
from services.portfolio.storage import imports, portfolios

Context = grpc.aio.ServicerContext[Any, Any]
DEFAULT_PAGE = 50
DEFAULT_PREVIEW = 200


class ImportHandler(import_service_pb2_grpc.ImportServiceServicer):
    """Serves plimsoll.portfolio.v1.ImportService."""

    def __init__(self, database: Database, writes: Writes, uploaded: Imports, checks: ImportChecks) -> None:
        self._database = database
        self._writes = writes
        self._imports = uploaded
        self._checks = checks

    async def ListImports(
        self, request: import_service_pb2.ListImportsRequest, context: Context
    ) -> import_service_pb2.ListImportsResponse:
        """List the caller's imports."""
        owner, size = current_call().user_id, request.page_size or DEFAULT_PAGE
        place = place_of(request.page_token, ids=("import_id",))
        async with self._database.transaction(owner) as connection:
            if request.portfolio_id:
                await portfolios.get(connection, owner, request.portfolio_id)  # a foreign one is as good as none
            after = await imports.get(connection, owner, place["import_id"]) if place else None
            found = await imports.page(connection, owner, request.portfolio_id, after, size + 1)
        more = encode_page({"import_id": found[size - 1].import_id}) if len(found) > size else ""
        return import_service_pb2.ListImportsResponse(
            imports=map(messages.imported, found[:size]), next_page_token=more
        )

    async def GetImportStatus(
        self, request: import_service_pb2.GetImportStatusRequest, context: Context
    ) -> import_pb2.Import:
        """Say how far an import is."""
        owner = current_call().user_id
        async with self._database.transaction(owner) as connection:
            return messages.imported(await imports.get(connection, owner, request.import_id))

    async def GetImportResults(
        self, request: import_service_pb2.GetImportResultsRequest, context: Context
    ) -> import_service_pb2.ImportOutcome:
        """Say what was said of every row."""
        owner = current_call().user_id
        async with self._database.transaction(owner) as connection:
            return messages.outcome(await self._imports.stored(connection, owner, request.import_id))

    async def PreviewImport(
        self, request: import_service_pb2.PreviewImportRequest, context: Context
    ) -> import_service_pb2.PreviewImportResponse:
        """Show what would be saved."""
        place = place_of(request.page_token, counters=("line",))
        size = request.page_size or DEFAULT_PREVIEW
        found = await self._checks.preview(current_call().user_id, request.import_id, int(place.get("line", "0")), size)
        more = encode_page({"line": f"{found.page[-1].line}"}) if found.more else ""
        return messages.preview(found, more)

    async def ValidateImport(
        self, request: import_service_pb2.ValidateImportRequest, context: Context
    ) -> import_service_pb2.ValidateImportResponse:
        """Check a file again."""
        return messages.validation(await self._checks.validate(current_call().user_id, request.import_id))

    async def CompleteImport(
        self, request: import_service_pb2.CompleteImportRequest, context: Context
    ) -> import_service_pb2.ImportOutcome:
        """Save what is good."""
        owner = current_call().user_id
        async with self._database.transaction(owner) as connection:
            stored = await self._imports.stored(connection, owner, request.import_id)
        if stored.record.state == "COMPLETED":
            return messages.outcome(stored)
        return await self._save(request, request.import_id)

    async def RetryImport(
        self, request: import_service_pb2.RetryImportRequest, context: Context
    ) -> import_service_pb2.ImportOutcome:
        """Save what is good by now."""
        return await self._save(request, request.import_id)

    async def UndoImport(
        self, request: import_service_pb2.UndoImportRequest, context: Context
    ) -> import_service_pb2.ImportOutcome:
        """Take back what an import saved."""

        async def undo(connection: AsyncConnection, owner: str) -> import_service_pb2.ImportOutcome:
            return messages.outcome(await self._imports.undo(connection, owner, request.import_id))

        return await self._writes.once(request, import_service_pb2.ImportOutcome, undo)

    async def GetTemplates(
        self, request: import_service_pb2.GetTemplatesRequest, context: Context
    ) -> import_service_pb2.Templates:
        """List what can be read."""
        brokers = [each for each in FORMATS if each.name not in BY_NAME]
        return messages.templates(TEMPLATES, brokers)

    async def DownloadTemplate(
        self, request: import_service_pb2.DownloadTemplateRequest, context: Context
    ) -> httpbody_pb2.HttpBody:
        """Give a template as a file."""
        disposition = f'attachment; filename="plimsoll-{request.template.replace("_", "-")}.csv"'
        await context.send_initial_metadata((("content-disposition", disposition),))
        content = BY_NAME[request.template].csv.encode()
        return httpbody_pb2.HttpBody(content_type="text/csv; charset=utf-8", data=content)

    async def _save(self, request: Message, import_id: str) -> import_service_pb2.ImportOutcome:
        _, read = await self._imports.read_again(current_call().user_id, import_id)

        async def save(connection: AsyncConnection, owner: str) -> import_service_pb2.ImportOutcome:
            found: Outcome = await self._imports.complete(connection, owner, import_id, read)
            return messages.outcome(found)

        return await self._writes.once(request, import_service_pb2.ImportOutcome, save)
