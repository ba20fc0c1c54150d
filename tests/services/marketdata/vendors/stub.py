"""A vendor's server, small and real: HTTP/1.1 over a socket on loopback, with every way to go wrong.

It speaks bytes and not a library's idea of HTTP, because half of the faults cannot be said in one: a body that stops in
the middle, one byte a second, a length that is a lie.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """What came in. The target is as it was on the wire."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> list[str]:
        """The parts of the path, each unescaped by itself."""
        return [unquote(part) for part in urlsplit(self.target).path.split("/")[1:]]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True)
class Reply:
    """What goes out."""

    content: object = None
    """Bytes as they are; anything else as JSON."""
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    """Bytes of the body after which the connection dies. None: it does not."""
    seconds_a_byte: float = 0.0

    @property
    def body(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


Answer = Callable[[Request], Reply]


class Stub:
    """Serves answers at a free port, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self._faults: list[tuple[str, list[Reply], bool]] = []
        self._came = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def fail(self, where: str, *replies: Reply, for_ever: bool = True) -> None:
        """Answer requests whose target contains a text with these, one after the other; the last one for ever."""
        self._faults.append((where, list(replies), for_ever))

    def recover(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    async def asked(self, count: int) -> None:
        """Wait until so many requests have come in."""
        while len(self.requests) < count:
            self._came.clear()
            await self._came.wait()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: the one that the library would make complains loudly when it is cancelled.
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                self._came.set()
                if not await self._write(writer, self._reply(request)):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone: that is what many tests are about
        finally:
            writer.close()

    def _reply(self, request: Request) -> Reply:
        for where, replies, for_ever in self._faults:
            if where in request.target and replies:
                return replies.pop(0) if len(replies) > 1 or not for_ever else replies[0]
        return self.answer(request)

    async def _write(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        """Send a reply; say whether the connection is still good."""
        headers = {"content-type": reply.content_type, "content-length": str(len(reply.body))} | dict(reply.headers)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        writer.write(f"HTTP/1.1 {reply.status} Reason\r\n{head}\r\n".encode())
        body = reply.body if reply.cut_at is None else reply.body[: reply.cut_at]
        for part in [body[place : place + 1] for place in range(len(body))] if reply.seconds_a_byte else [body]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(reply.seconds_a_byte)
        return reply.cut_at is None


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Request(first.split(" ")[1], headers)
