"""Requests of ingestion that say more than their fields: whose an upload is, pages, and lists within a text."""

from collections.abc import Sequence

from chassis.call import current_call
from chassis.dates import parse_optional_date
from chassis.errors import InvalidFields, Violation
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.marketdata.v1 import ingestion_service_pb2 as pb
from plimsoll.marketdata.v1 import marketdata_service_pb2
from services.marketdata.application.sync import Request
from services.marketdata.convert import basis_of
from services.marketdata.domain.occ import canonical
from services.marketdata.domain.prices import PriceBasis

ADMIN = "admin"
DEFAULT_SESSIONS = 252
DEFAULT_PAGE = 50
LONGEST_SYMBOL = 32
MOST_JUDGED = 2_000
BEFORE = "before"
LARGEST_ID = 2**31 - 1


def sync_request(request: pb.SyncSymbolsRequest) -> Request:
    """Read what is to be synced."""
    return Request(request.provider, request.symbols, parse_optional_date("start_date", request.start_date))


def owner_of_upload() -> str | None:
    """Say whose the bars are that the caller brings. None: everybody's, as an admin's are.

    Raises:
        Unauthenticated: nobody signed in.
    """
    call = current_call()
    return None if call.principal and call.principal.role == ADMIN else call.user_id


def stored_basis(request: pb.UploadBarsRequest) -> PriceBasis:
    """Read what uploaded prices are; one that is derived from others is not stored.

    Raises:
        InvalidFields: it is not one that is stored.
    """
    basis = basis_of(request.price_basis) or PriceBasis.RAW
    if basis not in (PriceBasis.RAW, PriceBasis.TOTAL_RETURN_ADJUSTED):
        raise InvalidFields([Violation("price_basis", basis.name, "must be RAW or TOTAL_RETURN_ADJUSTED")])
    return basis


def before(token: str) -> int:
    """Read after which entry of a list, newest first, a page begins. 0: at its beginning.

    Raises:
        InvalidFields: the token is not ours.
    """
    text = decode_page(token, BEFORE).get(BEFORE, "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_ID)) and int(text) <= LARGEST_ID):
        raise foreign_token(token)
    return int(text)


def next_token(ids: Sequence[int], size: int) -> str:
    """Give the token of the page after this one; empty if this was the last.

    Args:
        ids: of the entries read: one more than the page holds, if there is one.
        size: of the page.
    """
    return encode_page({BEFORE: str(ids[size - 1])}) if len(ids) > size else ""


def symbols_to_judge(request: marketdata_service_pb2.AnalyzeCoverageRequest) -> list[str]:
    """Give the canonical symbols whose coverage is asked for, each once.

    Raises:
        InvalidFields: one is too long, or there are too many.
    """
    asked = [symbol for text in request.symbols for part in text.split(",") if (symbol := part.strip())]
    if too_long := [symbol for symbol in asked if len(symbol) > LONGEST_SYMBOL]:
        raise InvalidFields([Violation("symbols", too_long[0], f"is longer than {LONGEST_SYMBOL} characters")])
    wanted = list(dict.fromkeys(map(canonical, asked)))
    if len(wanted) > MOST_JUDGED:
        raise InvalidFields([Violation("symbols", "", f"name {len(wanted)} symbols; {MOST_JUDGED} are the most")])
    if request.symbols and not wanted:
        raise InvalidFields([Violation("symbols", ",".join(request.symbols), "names no symbol")])
    return wanted
