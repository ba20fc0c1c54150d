"""ResultService: the ledger, read, replayed and explained."""

from datetime import datetime
from typing import Any

import grpc
import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.call import current_call
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.risk.v1 import result_service_pb2 as pb
from plimsoll.risk.v1.result_service_pb2_grpc import ResultServiceServicer
from services.risk.application.replays import Replays, read
from services.risk.domain.ledger import ResultPage, StoredResult
from services.risk.handlers.catalogue import KINDS
from services.risk.ports import Ledger

Context = grpc.aio.ServicerContext[Any, Any]
PAGE_SIZE = 50
METHODOLOGY = "docs/methodology"
Explanation = pb.ResultExplanation


class ResultHandler(ResultServiceServicer):
    """Serves the results of a user."""

    def __init__(self, ledger: Ledger, replays: Replays) -> None:
        self._ledger = ledger
        self._replays = replays

    async def ListResults(self, request: pb.ListResultsRequest, context: Context) -> pb.ListResultsResponse:
        """Answer a page of results, the newest first."""
        size = request.page_size or PAGE_SIZE
        asked = ResultPage(size + 1, request.portfolio_id, request.kind, _before(request.page_token))
        found = await self._ledger.page(current_call().user_id, asked)
        shown = found[:size]
        token = ""
        if len(found) > size:
            token = encode_page({"time": shown[-1].calculated_time.isoformat(), "id": shown[-1].result_id})
        return pb.ListResultsResponse(results=map(_line, shown), next_page_token=token)

    async def GetResult(self, request: pb.GetResultRequest, context: Context) -> pb.GetResultResponse:
        """Answer a result as it was answered."""
        stored = await read(self._ledger, current_call().user_id, request.result_id)
        payload = AnyMessage(
            type_url=f"type.googleapis.com/{KINDS[stored.kind].message.DESCRIPTOR.full_name}", value=stored.payload
        )
        return pb.GetResultResponse(result=_line(stored), payload=payload)

    async def ReplayResult(self, request: pb.ReplayResultRequest, context: Context) -> pb.ReplayResultResponse:
        """Compute a result again, and answer whether it came out the same."""
        replay = await self._replays.replay(current_call().user_id, request.result_id)
        return pb.ReplayResultResponse(
            result_id=replay.result_id,
            verdict=pb.ReplayResultResponse.Verdict.Value(replay.verdict),
            changed=replay.changed,
            stored_digest=replay.stored_digest,
            replayed_digest=replay.replayed_digest,
        )

    async def ExplainResult(self, request: pb.ExplainResultRequest, context: Context) -> pb.ResultExplanation:
        """Answer what a result was computed from and how."""
        stored = await read(self._ledger, current_call().user_id, request.result_id)
        kind = KINDS[stored.kind]
        answered: Any = kind.message.FromString(stored.payload)
        return Explanation(
            result=_line(stored),
            parameters_json=msgspec.json.encode(stored.parameters, order="sorted").decode(),
            inputs=[Explanation.Input(name=name, digest=digest) for name, digest in sorted(stored.digests.items())],
            formulas=[Explanation.Formula(formula_id=name, path=_path(name)) for name in kind.analysis.formulas],
            metadata=answered.metadata,
            pinned_data_version=stored.pinned_data_version,
            platform=stored.platform,
        )


def _line(stored: StoredResult) -> pb.StoredResult:
    moment = Timestamp()
    moment.FromDatetime(stored.calculated_time)
    return pb.StoredResult(
        result_id=stored.result_id,
        kind=stored.kind,
        portfolio_id=stored.portfolio_id,
        portfolio_revision=stored.portfolio_revision,
        as_of_date=stored.as_of_date.isoformat(),
        model_version=stored.model_version,
        calculated_time=moment,
    )


def _path(formula: str) -> str:
    page, _, heading = formula.partition("#")
    return f"{METHODOLOGY}/{page}.md" + (f"#{heading}" if heading else "")


def _before(token: str) -> tuple[datetime, str] | None:
    place = decode_page(token, "time", "id")
    if not place:
        return None
    try:
        return datetime.fromisoformat(place["time"]), bytes.fromhex(place["id"]).hex()
    except ValueError:
        raise foreign_token(token) from None
