"""Resolve the locks again: `make lock`.

A lock holds versions and hashes, never the address of an index: a mirror must serve as well as the original.
`dev` is resolved under the versions of `runtime`, so that what is tested is what runs.
"""

import re
import subprocess
import sys
from pathlib import Path

LOCKS = Path(__file__).parent
COMPILE = [
    *(Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", *sys.argv[1:]),
]


def resolve(name: str, *options: str) -> None:
    """Write `locks/<name>.txt` from the dependency group of that name in pyproject.toml."""
    compile_lock(name, "--group", name, *options)


def compile_lock(name: str, *options: str) -> None:
    """Write `locks/<name>.txt` from what the options name."""
    command = [*COMPILE, *options, "--output-file", LOCKS / f"{name}.txt"]
    subprocess.run(command, check=True, cwd=LOCKS.parent)  # noqa: S603


def pins(lock: Path) -> str:
    """Give the versions a lock pins, without their hashes, as constraints for another."""
    return "\n".join(re.findall(r"^[a-z0-9][^\s]*==.*?(?= \\$)", lock.read_text(), flags=re.MULTILINE))


if __name__ == "__main__":
    resolve("runtime")
    constraints = LOCKS / ".constraints"
    constraints.write_text(pins(LOCKS / "runtime.txt"))
    try:
        resolve("dev", "--constraint", str(constraints))
        # An extra is installed beside all of it, so it may ask for nothing else than that.
        constraints.write_text(pins(LOCKS / "dev.txt"))
        for extra in ("plaid", "yfinance"):
            compile_lock(extra, "pyproject.toml", "--extra", extra, "--constraint", str(constraints))
    finally:
        constraints.unlink()
    resolve("prices", "--no-deps")
