"""Real prices for the demo: everything that the bundled provider has, stored and sealed once."""

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from chassis.channels import Channels
from cli.access import ServiceAccess
from cli.stack.errors import StackError
from cli.synchronisation import Wanted, synchronise
from plimsoll.marketdata.v1.marketdata_service_pb2 import ResolveSessionRequest
from plimsoll.marketdata.v1.marketdata_service_pb2_grpc import MarketDataServiceStub

PROVIDER = "bundled"


async def ensure_market_data(access: ServiceAccess, console: Console) -> None:
    """Stores and seals prices where no session was ever sealed; elsewhere there is nothing to do.

    Raises:
        StackError: marketdata does not answer, or refuses.
    """
    if await newest_sealed_date(access):
        return
    from services.marketdata.reference.instruments import read_listings

    symbols = sorted(read_listings())
    columns = (TextColumn("storing prices      "), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("sync", total=len(symbols))
        synced = await synchronise(access, Wanted(PROVIDER, symbols), lambda count: progress.advance(task, count))
    stored = f"{synced.stored_count:,} closes of {len(symbols) - len(synced.refused)} instruments"
    console.print(f"prices: {stored}, up to {synced.sealed_date}", highlight=False)


async def newest_sealed_date(access: ServiceAccess) -> str:
    """The newest session that can be valued at, or nothing where none was ever sealed."""
    channels = Channels("cli", access.service_key)
    marketdata = MarketDataServiceStub(channels.channel("marketdata", access.marketdata_address))
    try:
        return (await marketdata.ResolveSession(ResolveSessionRequest())).newest_sealed_date
    except grpc.aio.AioRpcError as error:
        # An empty store is this call's only failed precondition.
        if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
            return ""
        raise StackError(f"marketdata at {access.marketdata_address}: {error.details()}") from error
    finally:
        await channels.close()
