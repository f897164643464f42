"""The same grading on other machines: jobs go to the workers of a dask scheduler, what was found comes back as JSON.

A worker needs tlkit and bubblewrap, and no disk in common with anybody. It starts its warm parents with its first job. A job
whose worker is lost goes to another one; the gradebook stays with whoever started the whole.

    dask scheduler
    dask worker tcp://scheduler:8786 --nworkers 1 --nthreads 8     # on every machine, as many threads as cores
    tlkit grade FOLDER --scheduler tcp://scheduler:8786
"""

import atexit
import contextlib
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

from tlkit.errors import TlkitError
from tlkit.grading.classwork.marking import Job, Marked, mark
from tlkit.grading.classwork.worker import pack, unpack
from tlkit.grading.warm import wire
from tlkit.grading.warm.parents import WarmParents

RETRIES = 2
_started: dict[str, WarmParents] = {}
_starting = threading.Lock()


class Cluster:
    """Grades jobs on the workers of a scheduler; use it as a context.

    Args:
        address: of the scheduler; "local" starts one here, with one worker of `jobs` threads.
        jobs: for "local".
        notebooks, sandboxed, seeds: for the warm parents of each worker.
    Raises:
        TlkitError: no scheduler answers.
    """

    def __init__(self, address: str, jobs: int, notebooks: list[list[str]], sandboxed: bool,
                 seeds: dict[str, list[int]], seconds: float):
        self.address, self.jobs = address, jobs
        self.settings = json.dumps({"notebooks": notebooks, "sandboxed": sandboxed, "seeds": seeds})

    def __enter__(self) -> "Cluster":
        from distributed import Client, LocalCluster

        self._stack = contextlib.ExitStack()
        try:
            if self.address == "local":
                target = self._stack.enter_context(LocalCluster(n_workers=1, threads_per_worker=self.jobs, dashboard_address=None))
            else:
                target = self.address
            self.client = self._stack.enter_context(Client(target, timeout=30, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            self._stack.close()
            raise TlkitError(f"no dask scheduler answers at {self.address} ({str(error)[:200]})") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def map(self, jobs: Iterable[Callable[[], Job]]) -> Iterator[tuple[int, Marked]]:
        """What came of each job, by its position, as soon as it is there; a few more than there are threads are out."""
        from distributed import as_completed

        waiting, positions, run = enumerate(jobs), {}, uuid.uuid4().hex
        done = as_completed(loop=self.client.loop, raise_errors=False)

        def submit(count: int) -> None:
            for position, make in itertools.islice(waiting, count):
                content, numbers = pack(make())
                future = self.client.submit(grade_there, self.settings, json.dumps(content).encode(), numbers, pure=False,
                                            retries=RETRIES, key=f"tlkit-grade-{run}-{position}")
                positions[future.key] = position
                done.add(future)

        submit(2 * max(1, sum(self.client.nthreads().values())))
        for future in done:
            position = positions.pop(future.key)
            if future.status == "finished":
                yield position, Marked(**json.loads(future.result()))
            else:
                yield position, Marked("failed", f"no worker could grade it: {future.exception()}"[:500])
            future.release()
            submit(1)


def grade_there(settings: str, content: bytes, numbers: bytes) -> str:
    """On a worker: grade one job; what was found, as JSON."""
    job = unpack(wire.Message(wire.REQUEST, 0, content, numbers))
    return json.dumps(asdict(mark(job, _parents(json.loads(settings), settings))))


def _parents(settings: dict[str, Any], key: str) -> WarmParents:
    """The warm parents of this worker, started by a thread that stays, since they end with the thread that started them."""
    with _starting:
        if key not in _started:
            ready, failed = threading.Event(), []

            def start() -> None:
                try:
                    parents = WarmParents(settings["notebooks"], settings["sandboxed"]).__enter__()
                    atexit.register(parents.close)
                    parents.prepare(settings["seeds"])
                    _started[key] = parents
                except Exception as error:
                    failed.append(error)
                ready.set()
                threading.Event().wait()

            threading.Thread(target=start, daemon=True).start()
            ready.wait()
            if failed:
                raise failed[0]
        return _started[key]
