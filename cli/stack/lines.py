"""Cuts a stream of bytes into lines that are safe to show on a terminal."""

LONGEST_LINE = 65_536
"""Bytes. A program that never ends its line must not fill our memory."""

# A terminal obeys control characters, wherever they came from; a log line may only be read.
_CONTROLS = {code: "�" for code in [*range(0x20), 0x7F, *range(0x80, 0xA0)] if code != ord("\t")}


class LineCutter:
    """Turns chunks into complete lines; what follows the last line end waits for the next chunk."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Give the lines that a chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [_readable(line) for line in lines]

    def finish(self) -> list[str]:
        """Give the line that never ended, if there is one."""
        rest, self._rest = self._rest, b""
        return [_readable(rest)] if rest else []


def _readable(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r").translate(_CONTROLS)
