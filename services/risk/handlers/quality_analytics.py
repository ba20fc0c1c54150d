"""Answers about the inputs themselves."""

from typing import Any

import grpc

from plimsoll.risk.v1 import analytics_service_pb2 as pb
from plimsoll.risk.v1 import data_quality_pb2
from services.risk.domain.data_quality import DATA_QUALITY, DataQualityParameters
from services.risk.handlers.answering import Answering, stated

Context = grpc.aio.ServicerContext[Any, Any]


class QualityAnalytics(Answering):
    """How good what is known is."""

    async def GetDataQuality(self, request: pb.GetDataQualityRequest, context: Context) -> data_quality_pb2.DataQuality:
        """Answer what is known of the positions of a portfolio, and what can be computed from it."""
        parameters = DataQualityParameters(**stated(lookback_days=request.lookback_days))
        return await self._answer(DATA_QUALITY.kind, request, parameters, data_quality_pb2.DataQuality)
