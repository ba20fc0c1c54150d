"""What a service that is not identity asks identity for, over gRPC: calls of a user's day."""

import time
from collections.abc import Callable

import grpc

from chassis.day_calls import Bunch
from chassis.wire import RETRY_AFTER, info_of
from plimsoll.identity.v1 import quota_service_pb2, quota_service_pb2_grpc

ANSWER_SECONDS = 1.0
"""A caller does not wait longer than this to be counted."""


class RemoteCalls:
    """Takes calls of the day of the user whose token came with the present call."""

    def __init__(self, channel: grpc.aio.Channel, clock: Callable[[], float] = time.time) -> None:
        self._quotas = quota_service_pb2_grpc.QuotaServiceStub(channel)
        self._clock = clock

    async def __call__(self, user_id: str, uses: int) -> Bunch | None:
        """Take calls; none where the day's are used up, None where there is no such account.

        Raises:
            grpc.aio.AioRpcError: identity does not answer.
        """
        request = quota_service_pb2.TakeQuotaRequest(kind=quota_service_pb2.TakeQuotaRequest.CALL, uses=uses)
        try:
            answer = await self._quotas.TakeQuota(request, timeout=ANSWER_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            why = info_of(error)
            if why is None or why.reason != "RATE_LIMITED":
                raise
            return Bunch(0, int(why.metadata["limit"]), 0, self._clock() + int(why.metadata[RETRY_AFTER]))
        return Bunch(answer.taken, answer.per_day, answer.remaining, answer.reset_time.ToSeconds())
