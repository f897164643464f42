"""One CPU and 2 GB for a program and all that it starts, by the strongest means that this machine has.

Control groups of version 2 or 1 (what containers have), else a scope of the user's systemd, else limits for each process and
one core of those that there are.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlkit.grading.sandbox.cgroups import ROOT, Cgroup, Cgroups

PERIOD = 100_000  # microseconds


@dataclass(frozen=True)
class Limits:
    """How a program is limited.

    Args:
        by: in words.
        prefix: what comes before the program's own words.
        seen: options for bubblewrap by which the program sees the limits where a container sees its own.
        group: the control groups, where there are any.
    """

    by: str
    prefix: list[str]
    seen: list[str]
    group: Cgroup | None = None


@contextlib.contextmanager
def limited(folder: Path, memory_bytes: int = 2 << 30, cpus: int = 1) -> Iterator[Limits]:
    """Limits for one program.

    Args:
        folder: where files that stand in for control groups may be written.
    """
    group = _group(memory_bytes, cpus)
    if group is not None:
        kind = "cgroup v2" if len(group.folders) == 1 else "cgroup v1"
        joined = 'for folder in $1; do echo $$ > "$folder/cgroup.procs"; done; shift; exec "$@"'
        prefix = ["/bin/sh", "-c", joined, "sh", " ".join(map(str, group.folders))]
        try:
            yield Limits(f"{kind}: memory and CPU time", prefix, _shown(group), group)
        finally:
            group.close()
        return
    for name, text in (("cpu.max", f"{cpus * PERIOD} {PERIOD}"), ("memory.max", str(memory_bytes))):
        (folder / name).write_text(text + "\n")
    seen = ["--tmpfs", "/sys/fs/cgroup"]
    for name in ("cpu.max", "memory.max"):
        seen += ["--ro-bind", str(folder / name), f"/sys/fs/cgroup/{name}"]
    scope = ["systemd-run", "--user", "--scope", "--quiet", "--collect", f"--property=MemoryMax={memory_bytes}",
             "--property=MemorySwapMax=0", f"--property=CPUQuota={cpus * 100}%", "--"]
    if shutil.which("systemd-run") and subprocess.run([*scope, "true"], capture_output=True).returncode == 0:
        yield Limits("a systemd scope: memory and CPU time", scope, seen)
        return
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))[-cpus:]))
    yield Limits("rlimits: data of each process, and one core", ["prlimit", f"--data={memory_bytes}", "taskset", "-c", cores], seen)


def _group(memory_bytes: int, cpus: int) -> Cgroup | None:
    """Control groups with these limits; None where they cannot be had."""
    found = Cgroups()
    if found.kind == "rlimits":
        return None
    name = f"tlkit-{os.getpid()}-binder"
    if found.kind == "cgroup v2":
        group = Cgroup([found.parents[0] / name])
        values = {"memory.max": memory_bytes, "memory.swap.max": 0, "cpu.max": f"{cpus * PERIOD} {PERIOD}"}
        needed = {"memory.max", "cpu.max"}
    else:
        group = Cgroup([found.parents[0] / name, ROOT / "cpu" / name])
        values = {"memory.limit_in_bytes": memory_bytes, "memory.memsw.limit_in_bytes": memory_bytes,
                  "cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": cpus * PERIOD}
        needed = {"memory.limit_in_bytes", "cpu.cfs_quota_us"}
    try:
        for folder in group.folders:
            folder.mkdir()
            for file, value in values.items():
                if (folder / file).exists():
                    with contextlib.suppress(OSError):  # swap accounting may be off
                        (folder / file).write_text(str(value))
                        needed.discard(file)
    except OSError:
        pass
    if needed:
        group.close()
        return None
    return group


def _shown(group: Cgroup) -> list[str]:
    """The group's own files at the places where a container sees them."""
    if len(group.folders) == 1:
        return ["--ro-bind", str(group.folders[0]), "/sys/fs/cgroup"]
    line = ["--tmpfs", "/sys/fs/cgroup"]
    for folder, name in zip(group.folders, ("memory", "cpu")):
        line += ["--ro-bind", str(folder), f"/sys/fs/cgroup/{name}"]
    return line
