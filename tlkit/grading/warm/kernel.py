"""What a fork of the warm parent does: run cells, and answer questions about what they define.

In the learner's kernel everything in here can be changed by a learner's code; nothing relies on it.
"""

import builtins
import os
import random
import signal
import socket
import sys
from typing import Any

from tlkit.grading.warm import wire
from tlkit.grading.warm.shell import Shell


class Kernel:
    """A fork's end of the connection, and the shell behind it."""

    def __init__(self, connection: socket.socket, shell: Shell):
        self.connection, self.shell, self.request = connection, shell, 0

    def put(self, output: dict[str, Any]) -> None:
        """Send something that the running cell shows."""
        wire.send(self.connection, wire.OUTPUT, self.request, output)

    def serve(self) -> None:
        """Do what is asked, until the other side is gone."""
        self.shell.speak(self.put)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        while True:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                message = wire.receive(self.connection)
            except (wire.Closed, wire.Refused):
                return
            self.request = message.request
            request = message.content()
            reply, numbers = getattr(self, f"do_{request.pop('do')}")(numbers=message.numbers, **request)
            wire.send(self.connection, wire.REPLY, message.request, reply, numbers)

    def do_run(self, source: str, numbers: bytes) -> tuple[Any, bytes]:
        """Run a cell: whether it came to its end."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        try:
            ended = bool(self.shell.run(source).success)
        except KeyboardInterrupt:
            ended = False
        return ended, b""

    def do_snapshot(self, numbers: bytes) -> tuple[Any, bytes]:
        """Fork; the fork stays as it is now until something is asked of it over a connection of its own, which comes
        along. With other threads about no fork is made, since it could wait for them for ever."""
        _, descriptors, *_ = socket.recv_fds(self.connection, 1, 1)
        connection = socket.socket(fileno=descriptors[0])
        try:
            kept = os.fork() if len(os.listdir("/proc/self/task")) == 1 else None
        except OSError:  # it has used up its processes
            kept = None
        if kept != 0:
            connection.close()
            return kept is not None, b""
        self.connection.close()
        self.connection = connection
        return True, b""

    def do_files(self, names: list[list], numbers: bytes) -> tuple[Any, bytes]:
        """Write files, given as (path below the current folder, length)."""
        start = 0
        for name, length in names:
            os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
            with open(name, "wb") as file:
                file.write(numbers[start:start + length])
            start += length
        return True, b""


class LearnersKernel(Kernel):
    """Where a learner's cells run."""

    def __init__(self, connection: socket.socket, shell: Shell):
        from tlkit.grading.answering import Answering

        super().__init__(connection, shell)
        self.answering = Answering(shell.user_ns)
        _say_that_checks_run_later()

    def do_ask(self, about: dict, numbers: bytes) -> tuple[Any, bytes]:
        """Answer a question about a name, from the checks' side."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return self.answering.answer(about, numbers)


def _say_that_checks_run_later() -> None:
    """The records of exercises are not here: the learner's own calls of `check` and `quiz` say so and do nothing."""
    from tlkit.grading import check as checks
    from tlkit.grading import quiz as quizzes

    checks.judge_elsewhere(lambda exercise_id: None)
    quizzes.quiz = lambda quiz_id: print(f"The questions of {quiz_id} stand in the released notebook.")


def fresh_process() -> None:
    """Nothing of the parent's chance, terminal or signals is left."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    sys.stdin = sys.__stdin__ = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    builtins.input = _no_input
    os.environ["NBGRADER_EXECUTION"] = "autograde"


def _no_input(prompt: object = "") -> str:
    raise EOFError("nobody is there to answer input() while a notebook is graded")
