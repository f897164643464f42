"""A kernel to run cells in, from which no more output is taken than was agreed, whatever the cells do."""

import asyncio
import contextlib
import functools
import json
import logging
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync
from nbformat import NotebookNode, v4

from tlkit.errors import TlkitError

_PER_MESSAGE = 300  # what a message costs in memory, be it ever so short


@dataclass(frozen=True)
class Limits:
    """How much a notebook may take.

    Args:
        cell_seconds: for each cell; then it is interrupted.
        grace_seconds: for a cell to end when it was interrupted; then its kernel is stopped.
        start_seconds: for a kernel to start.
        kept_bytes: of each cell's output; the rest is dropped.
        kept_in_all: of all learners' cells of a notebook together, where a class is graded.
        sent_bytes: of each cell's output; a cell that sends more is interrupted, and no larger message is read.
        restarts: kernels that may be stopped or die before the rest of the notebook is left out.
    """

    cell_seconds: float = 60
    grace_seconds: float = 5
    start_seconds: float = 120
    kept_bytes: int = 200_000
    kept_in_all: int = 5_000_000
    sent_bytes: int = 10_000_000
    restarts: int = 10


class BoundedClient(NotebookClient):
    """nbclient's client, with bounded memory."""

    def __init__(self, notebook: NotebookNode, manager: AsyncKernelManager, limits: Limits, folder: Path):
        quiet = logging.getLogger("tlkit.grading.kernel")
        quiet.setLevel(logging.CRITICAL)
        super().__init__(
            notebook, manager, log=quiet,
            timeout=math.ceil(limits.cell_seconds), iopub_timeout=math.ceil(limits.grace_seconds),
            startup_timeout=math.ceil(limits.start_seconds), raise_on_iopub_timeout=True, interrupt_on_timeout=True,
            error_on_timeout={"ename": "CellTimeoutError", "evalue": "", "traceback": []},
            allow_errors=True, skip_cells_with_tag="", store_widget_state=False, record_timing=False,
            shutdown_kernel="immediate", resources={"metadata": {"path": str(folder)}},
        )
        self.owns_km = True
        self.limits = limits
        self.on_cell_executed = self._note_timeout

    def run(self, cell: NotebookNode, index: int) -> tuple[bool, str]:
        """Run one cell, which takes its outputs.

        Returns:
            Whether the kernel can go on, and what happened to the cell if it did not simply run (an error in it is
            nothing special).
        """
        self._sent, self._kept, self._remark = 0, 0, ""
        try:
            self.execute_cell(cell, index)
        except DeadKernelError:
            return False, "the kernel died while this cell ran"
        except CellTimeoutError:  # an interrupt that had no effect, or a message that was too large to be read
            if not self.recovers():
                return False, (f"this cell had not finished after {self.limits.cell_seconds:g} s and could not be "
                               "interrupted")
            self._remark = self._remark or f"more than {self.limits.sent_bytes / 1e6:g} MB came at once; they are dropped"
        return True, self._remark

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """nbclient's hook for each message of a cell, with the book kept of what it brings."""
        kind = msg["msg_type"]
        if kind.startswith("comm"):
            return None  # widgets' state, which no grade needs
        if kind not in ("stream", "display_data", "update_display_data", "execute_result", "error"):
            return super().process_message(msg, cell, cell_index)
        size = _PER_MESSAGE + len(json.dumps(msg["content"], default=str))
        self._sent += size
        if self._sent > self.limits.sent_bytes and self._sent - size <= self.limits.sent_bytes:
            self._remark = f"this cell sent more than {self.limits.sent_bytes / 1e6:g} MB and was stopped"
            self._interruption = asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))
        room = self.limits.kept_bytes - self._kept
        if size <= room or (kind in ("execute_result", "error") and size <= 20_000):
            self._kept += size
            return super().process_message(msg, cell, cell_index)
        if room > 0:
            self._kept = self.limits.kept_bytes
            head = str(msg["content"].get("text", ""))[:room]
            cell.outputs.append(v4.new_output("stream", name="stdout", text=f"{head}\n... the rest is dropped ...\n"))
        return None

    def recovers(self) -> bool:
        """Whether the kernel is alive and free to do something; asked over new connections, since a message that was
        too large has closed the one that it came by."""
        return run_sync(self._async_recovers)()

    async def _async_recovers(self) -> bool:
        deadline = time.monotonic() + self.limits.grace_seconds
        self.kc.stop_channels()
        self.kc = self.km.client()
        self.kc.start_channels()
        self.kc.allow_stdin = False
        while await ensure_async(self.km.is_alive()) and time.monotonic() < deadline:
            self.kc.kernel_info()
            with contextlib.suppress(Empty):
                await self.kc.shell_channel.get_msg(timeout=max(0, deadline - time.monotonic()))
                await self.kc.iopub_channel.get_msg(timeout=0.2)  # outputs come this way, once it is open
                return True
        return False

    def _note_timeout(self, cell: NotebookNode, cell_index: int, execute_reply: dict | None) -> None:
        if execute_reply and execute_reply["content"].get("ename") == "CellTimeoutError":
            self._remark = f"this cell had not finished after {self.limits.cell_seconds:g} s and was stopped"


@contextlib.contextmanager
def fresh_kernel(notebook: NotebookNode, folder: Path, limits: Limits) -> Iterator[BoundedClient]:
    """A kernel of this very Python, which works in `folder` and lasts as long as the block.

    The user's own IPython settings and start-up files stay out, and so do kernels of the same name elsewhere.

    Raises:
        TlkitError: the kernel does not start.
    """
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, limits.sent_bytes)
    context.setsockopt(zmq.RCVHWM, 10)  # messages that wait in our memory; the rest waits in the kernel's
    manager.client = functools.partial(manager.client, context=context)
    client = BoundedClient(notebook, manager, limits, folder)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as settings, contextlib.ExitStack() as stack:
        stack.callback(context.destroy, linger=0)
        environment = os.environ | {"NBGRADER_EXECUTION": "autograde", "IPYTHONDIR": settings}
        try:
            stack.enter_context(client.setup_kernel(env=environment, stdout=subprocess.DEVNULL,
                                                    stderr=subprocess.DEVNULL))
        except Exception as error:
            raise TlkitError("the notebook cannot be graded, since no kernel starts here "
                             f"({' '.join(str(error).split())[:200]}); `tlkit doctor` says more") from error
        yield client
