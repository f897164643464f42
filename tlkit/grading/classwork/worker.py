"""A process that grades one notebook after another; whoever started it sends jobs and gets what was found.

    python -m tlkit.grading.classwork.worker DESCRIPTOR
"""

import contextlib
import ctypes
import json
import resource
import signal
import socket
import sys
import traceback
from dataclasses import asdict
from typing import Any

from tlkit.grading.classwork.marking import Job, mark
from tlkit.grading.sandbox.allowance import address_space
from tlkit.grading.warm import wire
from tlkit.grading.warm.parents import WarmParents

MAX_JOB = 80 << 20
_EXTRA_BYTES = 3 << 30


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    limit = address_space() + _EXTRA_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection = socket.socket(fileno=int(sys.argv[1]))
    parents = WarmParents.at(wire.receive(connection).content())
    while True:
        try:
            message = wire.receive(connection, max_numbers=MAX_JOB)
        except wire.Closed:
            return
        try:
            reply: dict[str, Any] = {"marked": asdict(mark(unpack(message), parents))}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:500], "trace": traceback.format_exc()[-4_000:]}
        text = json.dumps(reply).encode()
        wire.forward(connection, wire.Message(wire.REPLY, message.request, b"", text))


def pack(job: Job) -> tuple[dict[str, Any], bytes]:
    """A job as JSON and the bytes of its files."""
    content = asdict(job)
    parts = [job.content or b"", *job.files.values()]
    content["content"] = None if job.content is None else len(job.content)
    content["files"] = {name: len(data) for name, data in job.files.items()}
    return content, b"".join(parts)


def unpack(message: wire.Message) -> Job:
    """The job that `pack` packed."""
    content, start = message.content(), 0

    def taken(length: int) -> bytes:
        nonlocal start
        start += length
        return message.numbers[start - length:start]

    content["content"] = None if content["content"] is None else taken(content["content"])
    content["files"] = {name: taken(length) for name, length in content["files"].items()}
    return Job(**content)


if __name__ == "__main__":
    main()
