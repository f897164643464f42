"""What this machine allows, or the container that this runs in: memory, CPUs, what of them is taken, and by which kernels.

Limits are read where Linux shows them to whoever runs inside: the control groups, version 2 or 1, of a container itself.
Elsewhere there are none but the machine's own.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Memory:
    """Bytes of memory.

    Args:
        total: what may be used in all.
        free: what is left of it; pages that are only cached count as free.
        is_limited: whether a container's limit is meant, which ends programs that go beyond it.
        kills: how many programs it has ended since the container started.
    """

    total: int
    free: int
    is_limited: bool
    kills: int = 0


def memory() -> Memory:
    """The memory of the container, or of the machine where nothing limits it."""
    machine = psutil.virtual_memory()
    for folder, limit_name, used_name, prefix, events_name in (
        (CGROUPS, "memory.max", "memory.current", "", "memory.events"),
        (CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_", "memory.oom_control"),
    ):
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is None or used is None or limit >= machine.total:
            continue
        cached = sum(_entry(folder / "memory.stat", f"{prefix}{kind}_file") for kind in ("active", "inactive"))
        free = limit - used + cached
        return Memory(limit, max(0, min(free, machine.available)), True, _entry(folder / events_name, "oom_kill"))
    return Memory(machine.total, machine.available, False)


def cpus() -> int:
    """How many CPUs may be used at a time: a container's quota, rounded up, if that is less than there are."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = (CGROUPS / "cpu.max").read_text().split()
        return min(there, -(-int(quota) // int(period)))
    for folder in (CGROUPS / "cpu", CGROUPS / "cpu,cpuacct"):
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        if quota and period and quota > 0:
            return min(there, -(-quota // period))
    return there


def other_kernels() -> list[int]:
    """The bytes of memory that each other notebook's kernel of this user holds."""
    found, mine = [], psutil.Process().username()
    for process in psutil.process_iter(["cmdline", "username", "memory_info"]):
        with contextlib.suppress(psutil.Error):
            is_kernel = "ipykernel_launcher" in " ".join(process.info["cmdline"] or [])
            if is_kernel and process.pid != os.getpid() and process.info["username"] == mine and process.info["memory_info"]:
                found.append(process.info["memory_info"].rss)
    return found


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none, or the file says "max"."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _entry(path: Path, name: str) -> int:
    """The number behind a name in a file of such lines; 0 where it is not there."""
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            if line.split(" ")[0] == name:
                return int(line.split()[1])
    return 0
