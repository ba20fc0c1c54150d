"""`plimsoll sync`: has marketdata fetch and store history, a chunk of symbols at a time, and seals it at the end."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from chassis.channels import Channels
from cli.access import ServiceAccess
from cli.stack.errors import StackError
from plimsoll.marketdata.v1.ingestion_service_pb2 import (
    SealSessionRequest,
    SyncSymbolsRequest,
    SyncSymbolsResponse,
    SyncYieldsRequest,
    SyncYieldsResponse,
)
from plimsoll.marketdata.v1.ingestion_service_pb2_grpc import IngestionServiceStub

CHUNK = 10
"""Symbols in one call: few enough to see progress and to stay far below the call's deadline."""
RATE_LIMITED = "rate_limited"


@dataclass(slots=True)
class Synced:
    """What a sync has brought."""

    stored_count: int = 0
    """Bars and corporate actions stored."""
    quarantined_count: int = 0
    """Rows that failed a check."""
    refused: dict[str, str] = field(default_factory=dict)
    """Symbols of which nothing could be fetched, and why."""
    last_date: str = ""
    """Last session that any of the symbols has, YYYY-MM-DD."""
    sealed_date: str = ""
    """Newest sealed session, YYYY-MM-DD."""

    def add(self, answer: SyncSymbolsResponse) -> None:
        """Add what a chunk brought."""
        self.stored_count += sum(outcome.stored_count for outcome in answer.outcomes)
        self.quarantined_count += sum(outcome.quarantined_count for outcome in answer.outcomes)
        self.refused |= {outcome.symbol: outcome.reason for outcome in answer.outcomes if outcome.reason}
        self.last_date = max(self.last_date, answer.last_session_date)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a sync shall bring."""

    provider: str
    """Whom marketdata shall ask. Empty: those of its settings, in their order."""
    symbols: Sequence[str]
    start_date: str = ""
    """Bring all sessions from here on anew, YYYY-MM-DD. Empty: what is missing."""


async def synchronise(access: ServiceAccess, wanted: Wanted, advance: Callable[[int], None]) -> Synced:
    """Sync symbols and seal the last session that any of them has.

    Args:
        access: how to reach marketdata.
        wanted: what to bring.
        advance: told after each chunk how many symbols are done with.

    Raises:
        StackError: marketdata does not answer, or refuses, or nobody has any history.
    """
    async with _marketdata(access) as marketdata:
        synced = await _sync_symbols(marketdata, wanted, advance)
        if not synced.last_date:
            who = f"provider {wanted.provider!r}" if wanted.provider else "no provider"
            verb = "has no" if wanted.provider else "has any"
            raise StackError(f"{who} {verb} history of any of the {len(wanted.symbols)} symbols: nothing to seal")
        seal = await marketdata.SealSession(SealSessionRequest(session_date=synced.last_date))
    synced.sealed_date = seal.newest_sealed_date
    return synced


async def seal(access: ServiceAccess, session_date: str) -> str:
    """Declare history complete up to a session (YYYY-MM-DD); give the newest that is.

    Raises:
        StackError: marketdata does not answer, or refuses.
    """
    async with _marketdata(access) as marketdata:
        sealed = await marketdata.SealSession(SealSessionRequest(session_date=session_date))
    return str(sealed.newest_sealed_date)


async def synchronise_yields(access: ServiceAccess, provider: str) -> SyncYieldsResponse | None:
    """Sync Treasury yields. None: nobody offers them.

    Raises:
        StackError: marketdata does not answer, or refuses.
    """
    async with _marketdata(access) as marketdata:
        try:
            answer: SyncYieldsResponse = await marketdata.SyncYields(SyncYieldsRequest(provider=provider))
        except grpc.aio.AioRpcError as error:
            # Its only field is the provider: it is not set up, or has no yields.
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                return None
            raise
    return answer


async def _sync_symbols(marketdata: IngestionServiceStub, wanted: Wanted, advance: Callable[[int], None]) -> Synced:
    """Sync chunk by chunk; symbols that a vendor's rate left no room for come again, as long as any gets through."""
    synced, left = Synced(), list(dict.fromkeys(wanted.symbols))
    while left:
        synced.refused = {symbol: reason for symbol, reason in synced.refused.items() if symbol not in left}
        for start in range(0, len(left), CHUNK):
            chunk = left[start : start + CHUNK]
            request = SyncSymbolsRequest(provider=wanted.provider, symbols=chunk, start_date=wanted.start_date)
            synced.add(await marketdata.SyncSymbols(request))
            advance(sum(synced.refused.get(symbol) != RATE_LIMITED for symbol in chunk))
        limited = [symbol for symbol in left if synced.refused.get(symbol) == RATE_LIMITED]
        left = limited if len(limited) < len(left) else []
    return synced


@asynccontextmanager
async def _marketdata(access: ServiceAccess) -> AsyncIterator[IngestionServiceStub]:
    channels = Channels("cli", access.service_key)
    try:
        yield IngestionServiceStub(channels.channel("marketdata", access.marketdata_address))
    except grpc.aio.AioRpcError as error:
        raise StackError(f"marketdata at {access.marketdata_address}: {error.details()}") from error
    finally:
        await channels.close()
