"""Check the contract: buf's lint, and that nothing a released client relies on was broken. Part of `make lint`.

buf reads images, so it needs neither the network nor the third-party sources. `baseline.binpb` is the image of the
last release; `python protos/check.py --release` replaces it.
"""

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

PROTOS = Path(__file__).parent
IMAGE = PROTOS.parent / "gen" / "plimsoll.binpb"
BASELINE = PROTOS / "baseline.binpb"


def buf(*arguments: object) -> None:
    """Run buf, or stop with its own message."""
    command = [Path(sys.executable).with_name("buf"), *arguments, "--config", PROTOS / "buf.yaml"]
    if subprocess.run([str(part) for part in command], check=False).returncode != 0:  # noqa: S603
        sys.exit("buf: " + " ".join(map(str, arguments)))


def release() -> None:
    """Make the present contract the one that later changes must not break."""
    image = FileDescriptorSet.FromString(IMAGE.read_bytes())
    for file in image.file:
        file.ClearField("source_code_info")
    BASELINE.write_bytes(image.SerializeToString(deterministic=True))


if __name__ == "__main__":
    if "--release" in sys.argv:
        release()
    own = ["--path", "plimsoll"]
    buf("lint", IMAGE, *own)
    if BASELINE.exists():
        buf("breaking", IMAGE, "--against", BASELINE, *own)
    print("buf: the contract is sound")  # noqa: T201
