"""Worker processes of this machine, each with one job at a time; one that dies or hangs is replaced, its job tried again."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from tlkit.grading.classwork.marking import Job, Marked
from tlkit.grading.classwork.worker import MAX_JOB, pack
from tlkit.grading.sandbox.bubblewrap import VARIABLES
from tlkit.grading.sandbox.cgroups import Cgroups
from tlkit.grading.warm import wire
from tlkit.grading.warm.parents import WarmParents

TRIES = 2
_SLACK = 120.0


class Pool:
    """Grades jobs in `size` processes.

    Args:
        seconds: after which a job's process is taken for hung.
    """

    def __init__(self, parents: WarmParents, size: int, seconds: float):
        self.parents, self.size, self.seconds = parents, size, seconds + _SLACK
        self._ready = [_Worker(parents) for _ in range(size)]  # they start while the parents warm up

    def close(self) -> None:
        """End the processes that were not needed."""
        while self._ready:
            self._ready.pop().close()

    def map(self, jobs: Iterable[Callable[[], Job]]) -> Iterator[tuple[int, Marked]]:
        """What came of each job, by its position, as soon as it is there; jobs are made when their turn has come."""
        waiting: queue.Queue = queue.Queue(maxsize=self.size)
        done: queue.Queue = queue.Queue()
        stopped = threading.Event()

        def feed() -> None:
            for entry in enumerate(jobs):
                while not stopped.is_set():
                    try:
                        waiting.put(entry, timeout=0.2)
                        break
                    except queue.Full:
                        continue
            for _ in range(self.size):
                while not stopped.is_set():
                    try:
                        waiting.put(None, timeout=0.2)
                        break
                    except queue.Full:
                        continue
            done.put(None)

        threads = [threading.Thread(target=self._work, args=(waiting, done, stopped), daemon=True) for _ in range(self.size)]
        feeder = threading.Thread(target=feed, daemon=True)
        for thread in [*threads, feeder]:
            thread.start()
        ended, due = 0, self.size + 1
        try:
            while ended < due:
                entry = done.get()
                if entry is None:
                    ended += 1
                    continue
                yield entry
        finally:
            stopped.set()

    def _work(self, waiting: queue.Queue, done: queue.Queue, stopped: threading.Event) -> None:
        worker = self._ready.pop() if self._ready else None
        try:
            while not stopped.is_set():
                try:
                    entry = waiting.get(timeout=0.2)
                except queue.Empty:
                    continue
                if entry is None:
                    return
                position, make = entry
                marked = None
                try:
                    job = make()
                    for _ in range(TRIES):
                        worker = worker or _Worker(self.parents)
                        marked, is_fit = worker.mark(job, self.seconds)
                        if not is_fit:
                            worker.close()
                            worker = None
                        if marked.outcome != "failed":
                            break
                except Exception as error:
                    marked = Marked("failed", f"{type(error).__name__}: {error}"[:500])
                done.put((position, marked))
        finally:
            if worker:
                worker.close()
            done.put(None)


class _Worker:
    """One process."""

    def __init__(self, parents: WarmParents):
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tlkit.grading.classwork.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=os.environ | VARIABLES)
        self.connection, self.requests = ours, 0
        wire.send(ours, wire.REQUEST, 0, parents.address())

    def mark(self, job: Job, seconds: float) -> tuple[Marked, bool]:
        """What came of a job, and whether the process can go on."""
        self.requests += 1
        deadline = time.monotonic() + seconds
        try:
            content, numbers = pack(job)
            wire.send(self.connection, wire.REQUEST, self.requests, content, numbers, deadline)
            reply = json.loads(wire.receive(self.connection, deadline, max_numbers=MAX_JOB).numbers)
        except wire.Closed:
            return Marked("failed", "the process that graded it died"), False
        except wire.Late:
            return Marked("failed", f"grading it did not end within {seconds:.0f} s"), False
        except wire.Refused as error:
            return Marked("failed", f"what came of it is too large: {error}"), False
        if "error" in reply:
            return Marked("failed", reply["error"]), True
        return Marked(**reply["marked"]), True

    def close(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()
        Cgroups().sweep(self.process.pid)
