"""`plimsoll ingest` at a terminal: a progress bar, and what came of the file."""

import asyncio
import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from cli.access import UserAccess, user_access
from cli.ingestion import FileKind, Ingested, ingest
from cli.report.layout import as_written
from cli.stack.errors import StackError
from cli.stack.home import Home
from cli.synchronisation import seal


def ingest_file(
    home: Home, kind: FileKind, path: Path, email: str, *, adjusted: bool = False, seal_date: str = ""
) -> bool:
    """Bring a file in, print what came of it, and say whether anything of it could be used.

    Args:
        home: where a stack may run.
        kind: what the file holds.
        path: the file.
        email: who signs in. Empty: who the environment names, or who is asked for.
        adjusted: whether its prices are adjusted for splits and dividends.
        seal_date: the session that is complete afterwards, YYYY-MM-DD. Empty: none is sealed.

    Raises:
        StackError: the file or the services cannot be read or reached, or a service refuses.
    """
    access = user_access(home, os.environ)
    console, ingested = Console(), Ingested()
    try:
        _bring(access, email, kind, path, ingested, console, adjusted=adjusted)
    except (StackError, KeyboardInterrupt):
        if ingested.row_count:
            _tell(ingested, console)
            console.print("That is not all of the file: bring it in again for the rest.", soft_wrap=True)
        raise
    _tell(ingested, console)
    if seal_date:
        console.print(f"sealed up to {asyncio.run(seal(access, seal_date))}", highlight=False)
    return ingested.row_count == 0 or ingested.quarantined_count < ingested.row_count


def _bring(
    access: UserAccess, email: str, kind: FileKind, path: Path, ingested: Ingested, console: Console, *, adjusted: bool
) -> None:
    columns = (TextColumn(f"ingesting {kind}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("ingest", total=_size(path))
        asyncio.run(
            ingest(
                access,
                email,
                kind,
                path,
                ingested,
                adjusted=adjusted,
                advance=lambda size: progress.advance(task, size),
            )
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from error


def _tell(ingested: Ingested, console: Console) -> None:
    for issue in ingested.issues:
        where = f"line {issue.line}" + (f", {issue.field}" if issue.field else "")
        shown = as_written(f"{where}: {issue.reason}" + (f" ({issue.value})" if issue.value else ""))
        console.print(shown, soft_wrap=True)
    if ingested.quarantined_count > len(ingested.issues):
        console.print("...", highlight=False)
    known = "" if ingested.stored_count else ": all of it was known, or could not be used"
    console.print(
        f"{ingested.row_count:,} rows; {ingested.stored_count:,} values stored{known}; "
        f"{ingested.quarantined_count:,} in quarantine",
        highlight=False,
        soft_wrap=True,
    )
