"""The home folder of a stack: its database, secrets, logs, and the note of what runs."""

import os
from dataclasses import dataclass
from pathlib import Path

PRIVATE = 0o700
# PostgreSQL refuses to run as root and gets an unprivileged user then, who must be able to pass through.
PASSABLE = 0o711


def default_folder() -> Path:
    """Give the home of this user when no setting names one."""
    if data_home := os.environ.get("XDG_DATA_HOME"):
        return Path(data_home) / "plimsoll"
    if os.geteuid() == 0:
        return Path("/var/lib/plimsoll")
    return Path.home() / ".local" / "share" / "plimsoll"


@dataclass(frozen=True, slots=True)
class Home:
    """Where things are in a home folder."""

    folder: Path

    @property
    def lock(self) -> Path:
        """The file that the supervisor keeps locked."""
        return self.folder / "stack.lock"

    @property
    def record(self) -> Path:
        """What runs, and where."""
        return self.folder / "stack.json"

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.folder / "logs"

    @property
    def secrets(self) -> Path:
        """Keys and passwords, one file each."""
        return self.folder / "secrets"

    def prepare(self) -> None:
        """Create the folders that are missing, closed to other users."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=PASSABLE if os.geteuid() == 0 else PRIVATE)
        for folder in (self.logs, self.secrets):
            folder.mkdir(exist_ok=True, mode=PRIVATE)
