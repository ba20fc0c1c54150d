"""`plimsoll status`: the parts of the running stack, and whether each can be used."""

import asyncio

from rich.console import Console
from rich.table import Table

from cli.stack import record
from cli.stack.home import Home
from cli.stack.lock import owner
from cli.stack.plan import probe

HEALTHY, UNHEALTHY, NOT_RUNNING = 0, 1, 3


def status(home: Home, console: Console) -> int:
    """Print how the stack of a home is; give the exit code that says the same."""
    running = record.running(home)
    if running is None:
        state = "no stack runs" if owner(home.lock) is None else "a stack is about to start"
        console.print(f"{state} in {home.folder}", highlight=False, markup=False, soft_wrap=True)
        return NOT_RUNNING
    usable = asyncio.run(_ask(running))
    console.print(_table(running, usable))
    console.print(f"home {home.folder}, supervisor {running.pid}", highlight=False, markup=False, soft_wrap=True)
    return HEALTHY if all(usable) else UNHEALTHY


async def _ask(running: record.StackRecord) -> list[bool]:
    return await asyncio.gather(*(probe(part.name, part.address)() for part in running.parts))


def _table(running: record.StackRecord, usable: list[bool]) -> Table:
    table = Table("part", "state", "address", "process", "restarts", "health", box=None, pad_edge=False)
    for part, good in zip(running.parts, usable, strict=True):
        health = "[green]healthy[/]" if good else "[red]no answer[/]"
        table.add_row(part.name, part.state, part.address, str(part.pid or "-"), str(part.restart_count), health)
    return table
