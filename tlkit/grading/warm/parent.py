"""The warm parent: imports once what a unit needs, then forks a kernel for whoever connects.

Two of them serve. The first forks learners' kernels and knows no secret. The second, itself a fork of the first, forks
the kernels that checks run in; it may have computed beforehand what is due, from the class's secret seeds.

    python -m tlkit.grading.warm.parent DESCRIPTOR    # of a file with the settings as JSON
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tlkit.grading.sandbox.allowance import Allowance, apply_rlimits
from tlkit.grading.warm import wire

_NUMBERS = 1_000_000  # forks are counted; the number chooses a user id


def main() -> None:
    with open(int(sys.argv[1]), encoding="utf-8") as file:
        settings = json.load(file)
    sys.argv = ["tlkit"]
    sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())]
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    parent = Parent(settings)
    parent.warm_up()
    checks, learners = (socket.socket(fileno=settings[name]) for name in ("checks", "learners"))
    if os.fork() == 0:
        libc.prctl(1, signal.SIGKILL)
        learners.close()
        parent.serve(checks, trusted=True)
    checks.close()
    parent.serve(learners, trusted=False)


class Parent:
    """What both parents share.

    Args:
        settings: "modules" to import, "notebooks" (the released code cells of each, which say what more to import),
            "sandboxed", "limit_processes" (where no control group does).
    """

    def __init__(self, settings: dict[str, Any]):
        self.settings = settings
        self.shell: Any = None

    def warm_up(self) -> None:
        """Import everything, note how the libraries are, make the shell."""
        from tlkit.grading import session
        from tlkit.grading.warm.shell import new_shell

        _import(self.settings["modules"])
        with contextlib.suppress(ImportError):
            import torch

            torch.set_num_threads(1)
        with contextlib.suppress(ImportError):  # a progress bar's thread would keep kernels from being forked
            importlib.import_module("tqdm").tqdm.monitor_interval = 0
        self.shell = new_shell()
        with contextlib.suppress(Exception):
            self.shell.run_line_magic("matplotlib", "inline")
        for cells in self.settings.pop("notebooks"):
            _import(self._modules_used_by(cells))
        session.remember()
        _import(["tlkit.grading.answering", "tlkit.grading.trusted", "tlkit.grading.sandbox.namespaces"])

    def _modules_used_by(self, cells: list[str]) -> list[str]:
        """What a released notebook imports while it runs, also deep inside of libraries; it runs in a fork."""
        reading, writing = os.pipe()
        if os.fork() == 0:
            self.shell.speak(lambda output: None)
            for source in cells:
                self.shell.run(source)
            with open(writing, "w", encoding="utf-8") as file:
                json.dump(list(sys.modules), file)
            os._exit(0)
        os.close(writing)
        with open(reading, encoding="utf-8") as file:
            names = json.loads(file.read() or "[]")
        os.wait()
        return names

    def serve(self, listener: socket.socket, trusted: bool) -> None:
        """Fork for every connection, for ever."""
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        number = 0
        while True:
            connection, _ = listener.accept()
            number = (number + 1) % _NUMBERS
            try:
                request = wire.receive(connection).content()
                if request.get("do") == "prepare":
                    self._prepare(connection, request)
                    continue
            except (wire.Closed, wire.Refused):
                connection.close()
                continue
            if os.fork() == 0:
                try:
                    listener.close()
                    self._become_kernel(connection, request, number, trusted)
                except Exception:
                    traceback.print_exc()
                    sys.__stderr__.flush()
                finally:
                    os._exit(0)
            connection.close()

    def _prepare(self, connection: socket.socket, request: dict) -> None:
        """Compute what is due with these seeds, so that every fork knows it already."""
        from tlkit.grading import trusted

        faults = trusted.prepare(request["seeds"])
        gc.collect()
        gc.freeze()
        with contextlib.suppress(wire.Closed):
            wire.send(connection, wire.REPLY, 0, faults)
        connection.close()

    def _become_kernel(self, connection: socket.socket, request: dict, number: int, trusted: bool) -> None:
        from tlkit.grading.warm.kernel import LearnersKernel, fresh_process

        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        allowance = Allowance(**request["allowance"])
        if self.settings["sandboxed"]:
            self._enter_sandbox(connection, allowance, number, trusted)
        else:
            os.setsid()
            apply_rlimits(allowance, with_processes=False)
            os.chdir(tempfile.mkdtemp(dir=request["folder"]))
        fresh_process()
        # A release's own modules lie in the folder that a kernel works in; in front, as in every notebook, but for checks.
        sys.path.insert(len(sys.path) if trusted else 0, "")
        if trusted:
            from tlkit.grading.trusted import ChecksKernel

            kernel = ChecksKernel(connection, self.shell, request.get("seeds", {}))
        else:
            kernel = LearnersKernel(connection, self.shell)
        wire.send(connection, wire.REPLY, 0, "ready")
        kernel.serve()

    def _enter_sandbox(self, connection: socket.socket, allowance: Allowance, number: int, trusted: bool) -> None:
        """Go through three forks: the first makes namespaces, the second is their first process, the third is us."""
        from tlkit.grading.sandbox import namespaces

        namespaces.separate()
        if os.fork():
            os._exit(0)
        wire.send(connection, wire.REPLY, 0, "first process")  # the other side takes our number from this message
        if wire.receive(connection).content() != "go on":
            os._exit(0)
        os.setsid()
        hidden = [] if trusted else [str(path) for path in _records()]
        namespaces.wall_in(allowance, number, hidden, self.settings["limit_processes"])
        kernel = os.fork()
        if kernel:
            _end_with(connection, kernel)


def _import(names: list[str]) -> None:
    """Import what can be; the records of exercises never, since forks for learners would know them."""
    for name in names:
        if name not in sys.modules and not name.startswith(("tlkit.exercises.", "__m")):
            with contextlib.suppress(BaseException):
                importlib.import_module(name)


def _records() -> list[Path]:
    """Folders of exercise records: they hold the right letters of every quiz, and every case."""
    import tlkit.exercises

    folder = Path(tlkit.exercises.__file__).parent
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__")


def _end_with(connection: socket.socket, kernel: int) -> None:
    """Be the first process of a namespace, in which everything ends when we do: as soon as whoever grades is gone.

    The kernel may end earlier, which the other side must see, and forks of it live on.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    poll, ended = select.poll(), os.pidfd_open(kernel)
    poll.register(connection, 0)  # only the end of it
    poll.register(ended, select.POLLIN)
    while True:
        happened = dict(poll.poll(500))
        if connection.fileno() in happened:
            os._exit(0)
        if ended in happened:
            poll.unregister(ended)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    main()
