"""`plimsoll sync`: has marketdata fetch and store history, a chunk of symbols at a time, and seals it at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc

from chassis.channels import Channels
from cli.access import ServiceAccess
from cli.stack.errors import StackError
from plimsoll.marketdata.v1.ingestion_service_pb2 import SealSessionRequest, SyncSymbolsRequest
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceStub

CHUNK = 10
"""Symbols in one call: few enough to see progress and to stay far below the call's deadline."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync has brought."""

    stored_count: int
    """Bars stored."""
    refused: dict[str, str]
    """Symbols of which nothing could be fetched, and why."""
    sealed_date: str
    """Newest sealed session, YYYY-MM-DD."""


async def synchronise(
    access: ServiceAccess, provider: str, symbols: Sequence[str], advance: Callable[[int], None]
) -> Synced:
    """Sync symbols and seal the last session that any of them has.

    Args:
        access: how to reach marketdata.
        provider: whom marketdata shall ask.
        symbols: of which instruments.
        advance: told after each chunk how many symbols it had.

    Raises:
        StackError: marketdata does not answer, or refuses.
    """
    channels = Channels("cli", access.service_key)
    try:
        marketdata = IngestionServiceStub(channels.channel("marketdata", access.marketdata_address))
        return await _synchronise(marketdata, provider, symbols, advance)
    except grpc.aio.AioRpcError as error:
        raise StackError(f"marketdata at {access.marketdata_address}: {error.details()}") from error
    finally:
        await channels.close()


async def _synchronise(
    marketdata: IngestionServiceStub, provider: str, symbols: Sequence[str], advance: Callable[[int], None]
) -> Synced:
    stored_count, last_date = 0, ""
    refused: dict[str, str] = {}
    for start in range(0, len(symbols), CHUNK):
        chunk = symbols[start : start + CHUNK]
        answer = await marketdata.SyncSymbols(SyncSymbolsRequest(provider=provider, symbols=chunk))
        stored_count += sum(outcome.stored_count for outcome in answer.outcomes)
        refused |= {outcome.symbol: outcome.reason for outcome in answer.outcomes if outcome.reason}
        last_date = max(last_date, answer.last_session_date)
        advance(len(chunk))
    if not last_date:
        raise StackError(f"provider {provider!r} has no history of any of the {len(symbols)} symbols: nothing to seal")
    seal = await marketdata.SealSession(SealSessionRequest(session_date=last_date))
    return Synced(stored_count, refused, seal.newest_sealed_date)
