"""How much of the machine a process may take that runs what somebody else wrote."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowance:
    """What one sandboxed process and its children may use.

    Args:
        memory_bytes: beyond what the warm parent already had.
        cpu_seconds: of processor time, of each process.
        processes: processes and threads together.
        file_bytes: the largest file.
        disk_bytes: all files in home, work folder and /tmp together; they are in memory.
    """

    memory_bytes: int = 2 << 30
    cpu_seconds: int = 600
    processes: int = 64
    file_bytes: int = 64 << 20
    disk_bytes: int = 128 << 20


def address_space() -> int:
    """Bytes of address space that this process has now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return 0


def apply_rlimits(allowance: Allowance, with_processes: bool) -> None:
    """Limit this process and its children for good.

    Args:
        with_processes: also their number, which counts every process of the user in this user namespace.
    """
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: allowance.cpu_seconds,
        resource.RLIMIT_FSIZE: allowance.file_bytes,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_AS: address_space() + allowance.memory_bytes,
    }
    if with_processes:
        limits[resource.RLIMIT_NPROC] = allowance.processes
    for what, limit in limits.items():
        hard = resource.getrlimit(what)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (limit, limit))
