"""Keys and passwords of a stack: generated once, kept in files that only their owner can read."""

import os
import secrets
from pathlib import Path

from chassis.settings import Secret
from cli.stack.errors import StackError

_BYTES = 32


class Credentials:
    """The secrets of one home, one file each. Only the holder of the home's lock may let it generate one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Give the file of a secret, generating the secret when it is needed for the first time.

        Raises:
            StackError: other users can read the file.
        """
        path = self._folder / name
        if not path.exists():
            _write(path, secrets.token_urlsafe(_BYTES))
        if mode := path.stat().st_mode & 0o077:
            raise StackError(f"{path} is open to other users (mode bits {mode:03o}): run chmod 600 on it")
        return path

    def read(self, name: str) -> Secret:
        """Give a secret, generating it when it is needed for the first time."""
        return Secret(self.path(name).read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    # Complete or absent: a crash in between must not leave half a key that everything is encrypted with later.
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(file)
    draft.replace(path)
