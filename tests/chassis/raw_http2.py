"""A client that sends what gRPC's own refuses to send: headers with any byte, bodies with any byte."""

import asyncio
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
REQUEST = {":method": b"POST", ":scheme": b"http", ":authority": b"raw", "content-type": b"application/grpc"}


async def call(port: int, path: str, headers: dict[str, bytes], body: bytes = b"") -> bytes:
    """Make one call, and give whatever bytes the server answers until it has ended the stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = REQUEST | {":path": path.encode(), "te": b"trailers"} | headers
    block = b"".join(_literal(name.encode()) + _literal(value, prefix=b"") for name, value in fields.items())
    message = struct.pack(">?I", False, len(body)) + body
    writer.write(PREFACE + _frame(SETTINGS, 0, 0, b""))
    writer.write(_frame(HEADERS, END_HEADERS, 1, block) + _frame(DATA, END_STREAM, 1, message))
    answer = b""
    try:
        async with asyncio.timeout(10):
            ended = False
            while not ended:
                head = await reader.readexactly(9)
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
                answer += await reader.readexactly(int.from_bytes(head[:3]))
                ended = stream == 1 and kind in (DATA, HEADERS) and bool(flags & END_STREAM)
    finally:
        writer.close()
    return answer


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(text: bytes, prefix: bytes = b"\x00") -> bytes:
    """Write a name (with the prefix of a field that is not indexed) or a value, as HPACK does without Huffman."""
    assert len(text) < 127 + 128
    length = bytes([len(text)]) if len(text) < 127 else bytes([127, len(text) - 127])
    return prefix + length + text
