"""`plimsoll sync` at a terminal: which symbols, a progress bar, and what came of it."""

import asyncio
import os
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.access import service_access
from cli.stack.home import Home
from cli.synchronisation import Synced, Wanted, synchronise, synchronise_yields
from plimsoll.marketdata.v1.ingestion_service_pb2 import SyncYieldsResponse


def sync(home: Home, provider: str, symbols: Sequence[str], start_date: str) -> None:
    """Sync symbols, or every instrument that we have reference facts of, and yields; print what was stored.

    Raises:
        StackError: marketdata cannot be reached, or refuses.
    """
    from services.marketdata.reference.factor_funds import factor_funds
    from services.marketdata.reference.instruments import read_listings

    access = service_access(home, os.environ)
    wanted = Wanted(provider, [*(symbols or sorted(read_listings())), *factor_funds()], start_date)
    total = len(set(wanted.symbols))
    console = Console()
    columns = (TextColumn("syncing symbols"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("sync", total=total)
        synced = asyncio.run(synchronise(access, wanted, lambda count: progress.advance(task, count)))
    _tell(synced, console)
    if yields := asyncio.run(synchronise_yields(access, provider)):
        _tell_yields(yields, console)


def _tell(synced: Synced, console: Console) -> None:
    by_reason: dict[str, list[str]] = {}
    for symbol, reason in synced.refused.items():
        by_reason.setdefault(reason, []).append(symbol)
    for reason, symbols in by_reason.items():
        console.print(f"{reason}: {', '.join(symbols)}", highlight=False, markup=False)
    if synced.quarantined_count:
        console.print(f"{synced.quarantined_count:,} rows in quarantine", highlight=False)
    stored = f"{synced.stored_count:,} bars and corporate actions stored"
    console.print(f"{stored}; sealed up to {synced.sealed_date}", highlight=False)


def _tell_yields(yields: SyncYieldsResponse, console: Console) -> None:
    told = f"nothing fetched: {yields.reason}" if yields.reason else f"{yields.stored_count:,} stored"
    console.print(f"Treasury yields: {told}", highlight=False)
