"""Answers about the past of a book: snapshots of it, and what they add up to."""

import math
from datetime import date, timedelta
from typing import Any

import grpc

from chassis.call import current_call
from chassis.dates import parse_optional_date
from chassis.pagination import decode_page, encode_page, foreign_token
from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import attribution_pb2, performance_pb2, pnl_explain_pb2, snapshots_pb2
from services.risk.application.snapshots import SnapshotTaking
from services.risk.convert import message_of
from services.risk.domain.attribution import ATTRIBUTION, AttributionParameters
from services.risk.domain.performance import PERFORMANCE, PerformanceParameters
from services.risk.domain.pnl_explained import PNL_EXPLAIN, PnlExplainParameters
from services.risk.domain.snapshot import Snapshot, SnapshotPage, warnings_of
from services.risk.handlers.answering import Answering, stated

Context = grpc.aio.ServicerContext[Any, Any]
PAGE_SIZE = 260


class HistoryAnalytics(Answering):
    """Snapshots, and performance, attribution and explanation."""

    _snapshots: SnapshotTaking

    async def GetPerformance(self, request: pb.GetPerformanceRequest, context: Context) -> performance_pb2.Performance:
        """Answer what a portfolio has earned."""
        parameters = PerformanceParameters(
            **stated(
                period=request.period,
                risk_free_rate=request.risk_free_rate,
                include_series=request.include_series,
            )
        )
        return await self._answer(PERFORMANCE.kind, request, parameters, performance_pb2.Performance)

    async def GetAttribution(self, request: pb.GetAttributionRequest, context: Context) -> attribution_pb2.Attribution:
        """Answer which positions a portfolio won and lost by."""
        parse_optional_date("start_date", request.start_date)
        parameters = AttributionParameters(**stated(group_by=request.group_by, start_date=request.start_date))
        return await self._answer(ATTRIBUTION.kind, request, parameters, attribution_pb2.Attribution)

    async def GetPnlExplain(self, request: pb.GetPnlExplainRequest, context: Context) -> pnl_explain_pb2.PnlExplanation:
        """Answer why a portfolio won or lost."""
        parse_optional_date("start_date", request.start_date)
        parameters = PnlExplainParameters(**stated(start_date=request.start_date))
        return await self._answer(PNL_EXPLAIN.kind, request, parameters, pnl_explain_pb2.PnlExplanation)

    async def CreateSnapshot(self, request: pb.CreateSnapshotRequest, context: Context) -> pb.CreateSnapshotResponse:
        """Keep what a portfolio was at the close of one session or many."""
        start = parse_optional_date("start_date", request.start_date)
        end = parse_optional_date("end_date", request.end_date)
        call = current_call()
        taken = await self._snapshots.take(
            call.user_id,
            request.portfolio_id,
            start,
            end,
            lambda: math.inf if call.remaining_seconds is None else call.remaining_seconds,
        )
        kept = taken.kept
        return pb.CreateSnapshotResponse(
            snapshot=_message(taken.snapshot),
            start_date=taken.start_date.isoformat(),
            end_date=taken.end_date.isoformat(),
            created_count=kept.created_count,
            replaced_count=kept.replaced_count,
            unchanged_count=taken.session_count - kept.created_count - kept.replaced_count,
            remaining_count=len(taken.left),
            next_start_date=taken.left[0].isoformat() if taken.left else "",
        )

    async def ListSnapshots(self, request: pb.ListSnapshotsRequest, context: Context) -> pb.ListSnapshotsResponse:
        """Answer a page of snapshots, the oldest first."""
        size = request.page_size or PAGE_SIZE
        start = parse_optional_date("start_date", request.start_date) or date.min
        end = parse_optional_date("end_date", request.end_date) or date.max
        asked = SnapshotPage(max(start, _after(request.page_token)), end, size + 1)
        found = await self._snapshots.page(current_call().user_id, request.portfolio_id, asked)
        shown = found[:size]
        more = len(found) > size
        token = encode_page({"date": shown[-1].snapshot_date.isoformat()}) if more else ""
        return pb.ListSnapshotsResponse(snapshots=map(_message, shown), next_page_token=token)


def _message(snapshot: Snapshot) -> snapshots_pb2.Snapshot:
    return message_of(snapshots_pb2.Snapshot, snapshot, warnings=warnings_of(snapshot))


def _after(token: str) -> date:
    place = decode_page(token, "date")
    if not place:
        return date.min
    try:
        return date.fromisoformat(place["date"]) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise foreign_token(token) from None
