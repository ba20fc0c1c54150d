"""`plimsoll sync` at a terminal: which symbols, a progress bar, and what came of it."""

import asyncio
import os
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.access import service_access
from cli.stack.home import Home
from cli.synchronisation import Synced, synchronise


def sync(home: Home, provider: str, symbols: Sequence[str]) -> None:
    """Sync symbols, or every instrument that we have reference facts of, and print what was stored.

    Raises:
        StackError: marketdata cannot be reached, or refuses.
    """
    from services.marketdata.reference.instruments import read_listings

    access = service_access(home, os.environ)
    wanted = list(symbols) or sorted(read_listings())
    console = Console()
    columns = (TextColumn("syncing symbols"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("sync", total=len(wanted))
        synced = asyncio.run(synchronise(access, provider, wanted, lambda count: progress.advance(task, count)))
    _tell(synced, console)


def _tell(synced: Synced, console: Console) -> None:
    for symbol, reason in synced.refused.items():
        console.print(f"{symbol}: {reason}", highlight=False, markup=False)
    console.print(f"{synced.stored_count:,} bars stored; sealed up to {synced.sealed_date}", highlight=False)
