"""What an upload of a portfolio asks for."""

from chassis.errors import InvalidFields, Violation
from chassis.forms import table_of
from plimsoll.portfolio.v1 import portfolio_service_pb2
from services.portfolio.application.accounts import DEFAULT_CURRENCY
from services.portfolio.application.uploads import Upload


def upload_of(request: portfolio_service_pb2.UploadPortfolioRequest) -> Upload:
    """Give what an upload asks for.

    Raises:
        InvalidFields: it names no portfolio or two, or does not ask to be committed.
        InvalidRequest: the body is not a CSV, or a form without exactly one file.
    """
    name = request.portfolio_name.strip()
    if not request.commit:
        rule = "must be true: an import that waits for a confirmation is not offered yet"
        raise InvalidFields([Violation("commit", "false", rule)])
    if bool(name) == bool(request.portfolio_id):
        rule = "must be given, or portfolio_id, and not both"
        raise InvalidFields([Violation("portfolio_name", request.portfolio_name, rule)])
    return Upload(
        portfolio_name=name,
        portfolio_id=request.portfolio_id,
        base_currency=request.base_currency or DEFAULT_CURRENCY,
        content=table_of(request.file.content_type, request.file.data),
    )
