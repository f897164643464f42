"""Grading on the workers of a dask scheduler: each in a network of its own, one of them killed while it works."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.grading.classwork.conftest import RIGHT, SHORT, WORTH, WRONG, hand_in, needs_sandbox, submission
from tlkit.errors import TlkitError
from tlkit.grading.classwork.distributed import Cluster
from tlkit.grading.classwork.grade_class import grade_class

BRIDGE, NET = "tlkitbr0", "10.213.77"
CAN_MAKE_NETWORKS = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip") is not None


@contextlib.contextmanager
def networks(count: int):
    """Prefixes of commands that run in networks of their own, joined by a bridge at NET.1; plain ones where that cannot be."""
    if not CAN_MAKE_NETWORKS:
        yield "127.0.0.1", [[] for _ in range(count)]
        return
    names = [f"tlkit{number}" for number in range(count)]

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{NET}.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(names):
            ip("netns", "add", name)
            ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
            ip("link", "set", f"{name}a", "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{NET}.{number + 10}/24", "dev", f"{name}b")
            ip("-n", name, "link", "set", f"{name}b", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield f"{NET}.1", [["ip", "netns", "exec", name] for name in names]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)


@pytest.mark.slow
def test_no_submission_is_lost_or_graded_twice_when_a_worker_dies(course, release, tmp_path):
    needs_sandbox()
    for number in range(12):
        hand_in(course, f"s{number:02}", submission(release, RIGHT if number % 2 else WRONG))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with networks(3) as (host, prefixes), contextlib.ExitStack() as stack:
        def start(*command: str) -> subprocess.Popen:
            process = subprocess.Popen(command, env=environment, cwd=tmp_path, start_new_session=True,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(_kill, process)
            return process

        start(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", "18786", "--no-dashboard")
        address = f"tcp://{host}:18786"
        workers = [start(*prefix, sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "1", "--nthreads", "1",
                         "--no-dashboard", "--local-directory", str(tmp_path / f"worker{number}"))
                   for number, prefix in enumerate(prefixes)]
        time.sleep(5)

        def kill_one() -> None:
            while not list((course / "graded").glob("*/*/*.json")):
                time.sleep(0.05)
            _kill(workers[0])

        threading.Thread(target=kill_one, daemon=True).start()
        summary = grade_class(course, scheduler=address, options=SHORT, quiet=True)
        assert workers[0].poll() is not None and workers[1].poll() is None
    assert len(summary.records) == 12 == summary.graded_now
    assert {record.outcome for record in summary.records} == {"graded"}
    assert [record.points == WORTH for record in summary.records] == [bool(number % 2) for number in range(12)]
    assert summary.limits_by in ("cgroup v2", "cgroup v1", "rlimits")
    again = grade_class(course, options=SHORT, quiet=True, jobs=1)
    assert again.graded_now == 0


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def test_a_scheduler_that_is_not_there_is_one_line():
    with pytest.raises(TlkitError, match="no dask scheduler answers at nowhere"), Cluster("nowhere", 1, [], True, {}, 1):
        pass
