"""Starting the warm parents, and getting kernels from them: what whoever grades holds in hand."""

import array
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tlkit.errors import TlkitError
from tlkit.grading.sandbox import bubblewrap
from tlkit.grading.sandbox.allowance import Allowance
from tlkit.grading.sandbox.cgroups import Cgroups
from tlkit.grading.warm import wire
from tlkit.grading.warm.remote_kernel import RemoteKernel

ALWAYS = ("numpy", "matplotlib_inline.backend_inline")
START_SECONDS = 300
_PREFIX = "tlkit-parents-"


class WarmParents:
    """The two warm parents of this machine (tlkit.grading.warm.parent), for as long as the block lasts.

    Args:
        notebooks: the released code cells of each notebook to be graded; what these import, the parents import once.
        sandboxed: whether learners' kernels are walled in; the checks' kernels then are too.
        readable: further folders that kernels may read.
    Raises:
        TlkitError: they do not start.
    """

    def __init__(self, notebooks: Iterable[list[str]] = (), sandboxed: bool = True, readable: Iterable[Path] = ()):
        self.notebooks, self.sandboxed, self.readable = list(notebooks), sandboxed, list(readable)
        self.cgroups = Cgroups() if sandboxed else None
        self.folder: Path | None = None
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "WarmParents":
        _sweep_after_those_that_were_killed()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._held = _hold(self.folder)
        if self.cgroups:
            self.cgroups.sweep_empty()
        listeners = {name: self._listen(name) for name in ("learners", "checks")}
        settings = {"modules": ALWAYS, "notebooks": self.notebooks, "sandboxed": self.sandboxed,
                    "limit_processes": bool(self.cgroups) and self.cgroups.kind == "rlimits"}
        settings |= {name: listener.fileno() for name, listener in listeners.items()}
        described = tempfile.TemporaryFile("w+", encoding="utf-8")
        json.dump(settings, described)
        described.flush()
        os.lseek(described.fileno(), 0, os.SEEK_SET)
        program = [sys.executable, "-P", "-m", "tlkit.grading.warm.parent", str(described.fileno())]
        line, environment = program, os.environ | bubblewrap.VARIABLES
        if self.sandboxed:
            path = os.pathsep.join(map(str, self.readable))
            line = bubblewrap.command(program, whole_proc=True, capabilities=True, more=self.readable,
                                      variables={"PYTHONPATH": path} if path else None)
            environment = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                                             env=environment, start_new_session=True,
                                             pass_fds=[file.fileno() for file in (*listeners.values(), described)])
        finally:
            described.close()
            for listener in listeners.values():
                listener.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def limits_by(self) -> str:
        """What limits memory and processes: "cgroup v2", "cgroup v1" or "rlimits"."""
        return self.cgroups.kind if self.cgroups else "rlimits"

    def address(self) -> dict[str, Any]:
        """What another process of this machine needs to get kernels from here (`WarmParents.at`)."""
        return {"folder": str(self.folder), "sandboxed": self.sandboxed}

    @classmethod
    def at(cls, address: dict[str, Any]) -> "WarmParents":
        """Parents that another process has started and will stop."""
        parents = cls(sandboxed=address["sandboxed"])
        parents._process = None
        parents.folder = Path(address["folder"])
        return parents

    def prepare(self, seeds: dict[str, list[int]]) -> list[str]:
        """Let the checks' parent compute what is due in these exercises; one line for each that failed."""
        with self._connected("checks") as connection:
            deadline = time.monotonic() + START_SECONDS
            wire.send(connection, wire.REQUEST, 0, {"do": "prepare", "seeds": seeds}, deadline=deadline)
            return self._answer(connection, deadline)

    def learners_kernel(self, allowance: Allowance = Allowance(), folder: Path | None = None) -> RemoteKernel:
        """A fresh kernel for one learner's notebook.

        Args:
            folder: where it works if it is not sandboxed; a sandbox has its own.
        """
        return self._kernel("learners", {"allowance": vars(allowance), "folder": str(folder or self.folder)}, allowance)

    def checks_kernel(self, seeds: dict[str, list[int]], allowance: Allowance = Allowance(),
                      folder: Path | None = None) -> RemoteKernel:
        """A fresh kernel for the checks of one notebook, with the seeds of hidden cases by exercise's id."""
        return self._kernel("checks", {"allowance": vars(allowance), "seeds": seeds, "folder": str(folder or self.folder)},
                            allowance)

    def close(self) -> None:
        """End the parents, and with them every kernel."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            self._log.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._held)
            if self.cgroups:
                self.cgroups.sweep(os.getpid())

    def _listen(self, name: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / name))
        listener.listen(64)
        return listener

    def _kernel(self, name: str, request: dict[str, Any], allowance: Allowance) -> RemoteKernel:
        deadline = time.monotonic() + START_SECONDS
        connection, group, handle = self._connected(name), None, None
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            wire.send(connection, wire.REQUEST, 0, request, deadline=deadline)
            number = self._sender(connection, deadline)
            handle = os.pidfd_open(number)
            if self.sandboxed:
                group = self.cgroups.make(allowance)
                if group:
                    group.add(number)
                wire.send(connection, wire.REQUEST, 0, "go on", deadline=deadline)
                self._answer(connection, deadline)
            return RemoteKernel(connection, handle, None if self.sandboxed else number, group)
        except BaseException as error:
            connection.close()
            if group:
                group.close()
            if handle is not None:
                os.close(handle)
            if isinstance(error, OSError):
                raise TlkitError(f"no kernel starts ({error}){self._said()}") from error
            raise

    def _sender(self, connection: socket.socket, deadline: float) -> int:
        """The number that whoever sends the next message has on our side, as the system attaches it to the message."""
        connection.settimeout(max(0.1, deadline - time.monotonic()))
        _, ancillary, *_ = connection.recvmsg(1, socket.CMSG_SPACE(12), socket.MSG_PEEK)
        self._answer(connection, deadline)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                return array.array("i", content)[0]
        raise TlkitError(f"a kernel does not say who it is{self._said()}")

    def _connected(self, name: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.folder / name))
        except OSError as error:
            connection.close()
            raise TlkitError(f"the warm parent is gone ({error.strerror}){self._said()}") from error
        return connection

    def _answer(self, connection: socket.socket, deadline: float) -> Any:
        try:
            return wire.receive(connection, deadline).content()
        except (wire.Closed, wire.Late, wire.Refused) as error:
            raise TlkitError(f"no kernel starts{self._said()}") from error

    def _said(self) -> str:
        """The last line of what the parents wrote, if they did."""
        if self._process is None:
            return ""
        self._log.seek(0)
        lines = self._log.read()[-4_000:].decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""


def _hold(folder: Path) -> int | None:
    """A descriptor that holds a lock on a folder for as long as this process lives; None where somebody else has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sweep_after_those_that_were_killed() -> None:
    """Remove what runs have left that ended without a chance to: folders that nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            handle = _hold(folder) if time.time() - folder.stat().st_mtime > 60 else None
            if handle is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)
