"""The few frames of HTTP/2 that a client needs that is to see everything, or to do harm."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW = 0, 1, 3, 4, 7, 8
END_STREAM, ACK = 0x1, 0x1


def frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
    return struct.pack(">I", len(data))[1:] + struct.pack(">BBI", kind, flags, stream) + data


def request(stream: int, name: str, path: bytes = b"/") -> bytes:
    """A GET without a body, in the words of HPACK that need no table."""
    pairs = ((b"\x01", name.encode()), (b"\x04", path))
    literal = b"".join(index + bytes((len(value),)) + value for index, value in pairs)
    return frame(HEADERS, 0x5, stream, b"\x82\x87" + literal)
