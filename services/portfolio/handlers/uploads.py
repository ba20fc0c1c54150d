"""What an upload of a portfolio asks for."""

from chassis.dates import parse_optional_date
from chassis.errors import InvalidFields, Violation
from chassis.forms import TABLE_TYPES, Uploaded, file_of
from plimsoll.portfolio.v1 import portfolio_service_pb2
from services.portfolio.application.accounts import DEFAULT_CURRENCY
from services.portfolio.application.imports import Upload
from services.portfolio.domain.import_record import Destination

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_FILE_NAME = 200


def upload_of(request: portfolio_service_pb2.UploadPortfolioRequest) -> Upload:
    """Give what an upload asks for.

    Raises:
        InvalidFields: it names no portfolio or two, or a day that is none.
        InvalidRequest: the body is no file that is taken, or a form without exactly one file.
    """
    name = request.portfolio_name.strip()
    if bool(name) == bool(request.portfolio_id):
        rule = "must be given, or portfolio_id, and not both"
        raise InvalidFields([Violation("portfolio_name", request.portfolio_name, rule)])
    file = file_of(request.file.content_type, request.file.data)
    _refuse_other_kinds(file, request.file.content_type)
    return Upload(
        destination=Destination(request.portfolio_id, name, request.base_currency or DEFAULT_CURRENCY),
        content=file.content,
        # A name in a form may hold what no database takes as text.
        file_name=(request.file_name or file.name).replace("\0", "")[:LONGEST_FILE_NAME],
        file_date=parse_optional_date("entry_date", request.entry_date),
    )


def _refuse_other_kinds(file: Uploaded, content_type: str) -> None:
    """Make sure that a file may be a table; what stands in a form is judged by its content alone."""
    if not file.in_form and file.media_type not in {*TABLE_TYPES, WORKBOOK}:
        rule = "must be text/csv, that of an Excel workbook, or multipart/form-data"
        raise InvalidFields([Violation("file.content_type", content_type, rule)])
