"""Uploads of files of the earlier file-based system."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.call import current_call
from chassis.errors import InvalidFields, Violation
from chassis.forms import FORM, TABLE_TYPES, Uploaded, file_of
from plimsoll.portfolio.v1 import portfolio_service_pb2
from services.portfolio import convert
from services.portfolio.application.accounts import DEFAULT_CURRENCY
from services.portfolio.application.yaml_imports import YamlImports, YamlUpload
from services.portfolio.handlers.position_requests import decimal
from services.portfolio.handlers.writes import Writes

MEDIA_TYPES = {"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"}
ENDINGS = (".yaml", ".yml")


class YamlUploads:
    """Takes the uploads of UploadPortfolio that are YAML."""

    def __init__(self, writes: Writes, imports: YamlImports) -> None:
        self._writes = writes
        self._imports = imports

    async def upload(
        self, request: portfolio_service_pb2.UploadPortfolioRequest, file: Uploaded
    ) -> portfolio_service_pb2.UploadPortfolioResponse:
        """Import a file."""
        upload = _upload_of(request, file)
        read = await self._imports.read(current_call().user_id, upload)

        async def save(connection: AsyncConnection, owner: str) -> portfolio_service_pb2.UploadPortfolioResponse:
            saved = await self._imports.save(connection, owner, upload, read)
            found = read.saved
            report = convert.import_report(found.row_count, len(found.positions), len(found.cash), found.report)
            portfolio = convert.portfolio(saved) if saved else None
            return portfolio_service_pb2.UploadPortfolioResponse(portfolio=portfolio, report=report)

        return await self._writes.once(request, portfolio_service_pb2.UploadPortfolioResponse, save)


def yaml_of(request: portfolio_service_pb2.UploadPortfolioRequest) -> Uploaded | None:
    """Give the file of an upload if it is YAML, by its media type or its name.

    Raises:
        InvalidFields: the content type is no line of text, of no YAML, or of a form without a boundary.
        InvalidRequest: a form without exactly one file.
    """
    media_type = request.file.content_type.partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES and media_type != FORM and not _named_yaml(request.file_name):
        return None
    file = file_of(request.file.content_type, request.file.data)
    if not file.in_form and file.media_type not in {*MEDIA_TYPES, *TABLE_TYPES}:
        rule = "must be application/yaml or multipart/form-data"
        raise InvalidFields([Violation("file.content_type", request.file.content_type, rule)])
    return file if media_type in MEDIA_TYPES or _named_yaml(request.file_name or file.name) else None


def _named_yaml(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def _upload_of(request: portfolio_service_pb2.UploadPortfolioRequest, file: Uploaded) -> YamlUpload:
    """Give what an upload asks for.

    Raises:
        InvalidFields: it names no portfolio or two, or does not ask to be committed.
    """
    name = request.portfolio_name.strip()
    if not request.commit:
        raise InvalidFields([Violation("commit", "false", "must be true: a YAML file is saved at once or not at all")])
    if bool(name) == bool(request.portfolio_id):
        rule = "must be given, or portfolio_id, and not both"
        raise InvalidFields([Violation("portfolio_name", request.portfolio_name, rule)])
    return YamlUpload(
        portfolio_name=name,
        portfolio_id=request.portfolio_id,
        base_currency=request.base_currency or DEFAULT_CURRENCY,
        portfolio_value=decimal(request.portfolio_value) if request.HasField("portfolio_value") else None,
        content=file.content,
    )
