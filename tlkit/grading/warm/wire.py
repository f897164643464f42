"""Messages between processes, of which either may be a learner's: JSON, and raw numbers behind it. Never pickle.

A message is two lengths and the number of the request that it belongs to (4 bytes each, network order), one byte for its
kind, so many bytes of JSON and so many bytes of numbers.
"""

import json
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

MAX_JSON = 4 << 20
MAX_NUMBERS = 64 << 20
_HEAD = struct.Struct("!IIIc")

REQUEST, OUTPUT, ASK, REPLY, DONE = b"q", b"o", b"a", b"r", b"d"


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """Nothing whole came in time."""


class Refused(Exception):
    """What came is no message, or is larger than is allowed."""


@dataclass(frozen=True)
class Message:
    """What came, unread: `text` is JSON, `numbers` the arrays behind it, `request` what it belongs to."""

    kind: bytes
    request: int
    text: bytes
    numbers: bytes

    def content(self) -> Any:
        """The JSON's content.

        Raises:
            Refused: it is not JSON.
        """
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise Refused("what came is not JSON") from error


def send(connection: socket.socket, kind: bytes, request: int, content: Any, numbers: bytes = b"",
         deadline: float | None = None) -> None:
    """Send a message.

    Args:
        deadline: on the monotonic clock, for a side that does not read.
    Raises:
        Closed, Late
    """
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":")).encode()
    forward(connection, Message(kind, request, text, numbers), deadline)


def forward(connection: socket.socket, message: Message, deadline: float | None = None) -> None:
    """Send a message as it is.

    Raises:
        Closed, Late
    """
    head = _HEAD.pack(len(message.text), len(message.numbers), message.request, message.kind)
    rest = memoryview(b"".join((head, message.text, message.numbers)))
    try:
        while rest:
            connection.settimeout(_left(deadline))
            rest = rest[connection.send(rest):]
    except TimeoutError:
        raise Late from None
    except OSError as error:
        raise Closed from error


def receive(connection: socket.socket, deadline: float | None = None, max_json: int = MAX_JSON,
            max_numbers: int = MAX_NUMBERS) -> Message:
    """The next message.

    Raises:
        Closed, Late
        Refused: it is larger than is allowed; nothing more can be read of this connection.
    """
    text_length, numbers_length, request, kind = _HEAD.unpack(_exactly(connection, _HEAD.size, deadline))
    if text_length > max_json or numbers_length > max_numbers:
        raise Refused(f"a message of {(text_length + numbers_length) / 1e6:.0f} MB")
    return Message(kind, request, _exactly(connection, text_length, deadline), _exactly(connection, numbers_length, deadline))


def _exactly(connection: socket.socket, length: int, deadline: float | None) -> bytes:
    received = bytearray()
    try:
        while len(received) < length:
            connection.settimeout(_left(deadline))
            part = connection.recv(min(length - len(received), 1 << 20))
            if not part:
                raise Closed
            received += part
    except TimeoutError:
        raise Late from None
    except OSError as error:
        raise Closed from error
    return bytes(received)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late
    return left
