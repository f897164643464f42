"""A warm kernel as whoever grades holds it: run a cell, take what it shows up to a bound, ask, stop, end."""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from tlkit.grading.kernel import Limits
from tlkit.grading.sandbox.cgroups import Cgroup
from tlkit.grading.warm import wire
from tlkit.grading.warm.outputs import PER_MESSAGE, Kept


@dataclass
class Run:
    """What became of one cell.

    Args:
        outputs: what it showed.
        remark: what happened to it, if it did not simply run.
        goes_on: whether its kernel can go on.
        reply: what the kernel said at its end.
    """

    outputs: list[NotebookNode] = field(default_factory=list)
    remark: str = ""
    goes_on: bool = True
    reply: Any = None


class RemoteKernel:
    """One kernel.

    Args:
        connection: to the process that runs cells.
        first_process: a descriptor of the first process in its namespace, at whose end everything in there ends; where
            there is no such namespace, of the process itself; None for a snapshot.
        own_number: of the process itself, which leads a group of processes, where there is no namespace.
        group: its control group, if it has one.

    `gone` says why it no longer answers, once whoever asks it has found that.
    """

    def __init__(self, connection: socket.socket, first_process: int | None = None, own_number: int | None = None,
                 group: Cgroup | None = None):
        self.connection, self.first_process, self.own_number, self.group = connection, first_process, own_number, group
        self._requests, self._snapshots = 0, []
        self.gone: dict[str, Any] = {}

    def __enter__(self) -> "RemoteKernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write_files(self, folder: Path, skipped: tuple[str, ...] = (".ipynb",)) -> None:
        """Put the files of a folder into the folder that the kernel works in."""
        names, parts = [], []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.suffix not in skipped and not _is_hidden(path, folder):
                parts.append(path.read_bytes())
                names.append([str(path.relative_to(folder)), len(parts[-1])])
        if names:
            self._request({"do": "files", "names": names}, b"".join(parts), time.monotonic() + 60)

    def run(self, source: str, limits: Limits) -> Run:
        """Run a cell."""
        return self._run({"do": "run", "source": source}, limits, None)

    def grade(self, source: str, points: float, sources: list[str], limits: Limits,
              answer: Callable[[wire.Message, float], tuple[Any, wire.Message | None]], is_silent: bool = False) -> Run:
        """Run a graded cell in a checks' kernel.

        Args:
            answer: (the question, a deadline) -> the reply as it came from a learner's kernel, or plain content.
        """
        return self._run({"do": "grade", "source": source, "points": points, "sources": sources, "is_silent": is_silent},
                         limits, answer)

    def judge_shown(self, source: str, sources: list[str], limits: Limits,
                    answer: Callable[[wire.Message, float], tuple[Any, wire.Message | None]]) -> Run:
        """Let a checks' kernel judge, by shown cases, what a graded cell will check."""
        return self._run({"do": "judge_shown", "source": source, "sources": sources}, limits, answer)

    def snapshot(self, seconds: float) -> "RemoteKernel | None":
        """The kernel as it is now, for questions later on; None where it has threads that a fork would lose."""
        ours, theirs = socket.socketpair()
        with theirs:
            deadline = time.monotonic() + seconds
            try:
                number = self._send({"do": "snapshot"}, b"", deadline)
                socket.send_fds(self.connection, [b"s"], [theirs.fileno()])
                made = self._reply(number, deadline).content() is True
            except (wire.Closed, wire.Late, wire.Refused, OSError):
                made = False
        taken = RemoteKernel(ours)
        with contextlib.suppress(wire.Closed, wire.Late, wire.Refused):
            if made and wire.receive(ours, time.monotonic() + seconds).content() is True:
                self._snapshots.append(taken)
                return taken
        ours.close()
        return None

    def ask(self, question: wire.Message, deadline: float, limits: Limits) -> tuple[Any, wire.Message | None]:
        """Pass a question on; the reply as it came, unread, or {"gone": why} where none came."""
        wanted = b'{"do":"ask","about":' + question.text + b"}"
        try:
            number = self._next()
            wire.forward(self.connection, wire.Message(wire.REQUEST, number, wanted, question.numbers), deadline)
            return None, self._reply(number, deadline)
        except wire.Late:
            return {"gone": f"it had not answered after {limits.cell_seconds:g} s", "late": True}, None
        except wire.Refused as error:
            return {"gone": f"it sent {error}"}, None
        except wire.Closed:
            memory = bool(self.group and self.group.ran_out_of_memory())
            return {"gone": "the process ended" + (", for want of memory" if memory else ""), "memory": memory}, None

    def close(self) -> None:
        """End everything in the kernel's namespace."""
        for snapshot in self._snapshots:
            snapshot.connection.close()
        self.connection.close()
        if self.first_process is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.first_process, signal.SIGKILL)
            if self.own_number is not None:
                with contextlib.suppress(OSError):
                    os.killpg(self.own_number, signal.SIGKILL)
            select.select([self.first_process], [], [], 10)  # readable once all of it is gone
            os.close(self.first_process)
            self.first_process = None
        if self.group:
            self.group.close()
            self.group = None

    def _next(self) -> int:
        self._requests += 1
        return self._requests

    def _send(self, content: dict, numbers: bytes, deadline: float) -> int:
        number = self._next()
        wire.send(self.connection, wire.REQUEST, number, content, numbers, deadline)
        return number

    def _request(self, content: dict, numbers: bytes, deadline: float) -> Any:
        return self._reply(self._send(content, numbers, deadline), deadline).content()

    def _reply(self, number: int, deadline: float) -> wire.Message:
        """The reply to a request; what is shown meanwhile is dropped."""
        dropped = 0
        while True:
            message = wire.receive(self.connection, deadline)
            if message.kind == wire.REPLY and message.request == number:
                return message
            dropped += len(message.text) + len(message.numbers) + PER_MESSAGE
            if dropped > wire.MAX_NUMBERS:
                raise wire.Refused("more than it was asked")

    def _run(self, request: dict, limits: Limits, answer: Callable | None) -> Run:
        run, book = Run(), Kept(limits)
        deadline = time.monotonic() + limits.cell_seconds
        interrupted = False
        try:
            number = self._send(request, b"", deadline)
            while True:
                try:
                    message = wire.receive(self.connection, deadline, limits.sent_bytes)
                except wire.Late:
                    if interrupted:
                        raise
                    interrupted, deadline = True, time.monotonic() + limits.grace_seconds
                    run.remark = f"this cell had not finished after {limits.cell_seconds:g} s and was stopped"
                    self._interrupt()
                    continue
                if message.request != number:
                    continue
                if message.kind == wire.REPLY:
                    run.reply = message.content()
                    return run
                if message.kind == wire.ASK and answer is not None:
                    content, reply = answer(message, deadline)
                    if reply is None:
                        wire.send(self.connection, wire.REPLY, number, content, deadline=deadline)
                    else:
                        wire.forward(self.connection, reply, deadline)
                elif message.kind == wire.OUTPUT:
                    is_over = book.is_over
                    book.add(message, run.outputs)
                    if book.is_over and not is_over:
                        run.remark = f"this cell sent more than {limits.sent_bytes / 1e6:g} MB and was stopped"
                        interrupted, deadline = True, min(deadline, time.monotonic() + limits.grace_seconds)
                        self._interrupt()
        except wire.Late:
            run.goes_on = False
            run.remark = run.remark.replace(" and was stopped", " and could not be interrupted") or "this cell took too long to be sent"
        except wire.Refused as error:
            run.goes_on, run.remark = False, f"this cell sent {error} at once, which was not read"
        except wire.Closed:
            run.goes_on = False
            memory = self.group and self.group.ran_out_of_memory()
            run.remark = "the kernel died while this cell ran" + (": it took more memory than is allowed" if memory else "")
        return run

    def _interrupt(self) -> None:
        """Send an interrupt to the process that runs cells."""
        number = _peer(self)
        if number:
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGINT)


def _peer(kernel: RemoteKernel) -> int | None:
    """The process that runs cells: the child of the namespace's first process; None where it is not known."""
    if kernel.first_process is None or kernel.own_number is not None:
        return kernel.own_number
    with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
        info = Path(f"/proc/self/fdinfo/{kernel.first_process}").read_text()
        first = next(line.split()[1] for line in info.splitlines() if line.startswith("Pid:"))
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return min(map(int, children))
    return None


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
