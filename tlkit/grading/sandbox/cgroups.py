"""Control groups, version 1 and 2: memory and number of processes of a sandbox as a whole, and an end for all of it.

Where neither version can be had (an ordinary user without delegation), limits for each single process remain
(`tlkit.grading.sandbox.allowance`); `Cgroups.kind` says which it is.
"""

import contextlib
import itertools
import os
import signal
import time
from pathlib import Path

from tlkit.grading.sandbox.allowance import Allowance

ROOT = Path("/sys/fs/cgroup")
_OWN_BYTES = 256 << 20  # pages of a warm parent that a fork writes to are charged to the fork
_numbers = itertools.count()


class Cgroup:
    """One group: of version 2 a single folder, of version 1 a folder for each controller."""

    def __init__(self, folders: list[Path]):
        self.folders = folders

    def add(self, pid: int) -> None:
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def ran_out_of_memory(self) -> bool:
        """Whether the system had to kill something in here for want of memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    for line in (folder / name).read_text().splitlines():
                        if line.startswith("oom_kill ") and int(line.split()[1]):
                            return True
        return False

    def close(self, patience: float = 5.0) -> None:
        """Kill everything in the group and remove it."""
        deadline = time.monotonic() + patience
        for folder in self.folders:
            while folder.exists():
                with contextlib.suppress(OSError):
                    if (folder / "cgroup.kill").exists():
                        (folder / "cgroup.kill").write_text("1")
                    for pid in (folder / "cgroup.procs").read_text().split():
                        with contextlib.suppress(OSError):
                            os.kill(int(pid), signal.SIGKILL)
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        return
                    time.sleep(0.005)


class Cgroups:
    """Where groups can be made on this machine, if anywhere.

    `kind` is "cgroup v2", "cgroup v1" or "rlimits" (no groups).
    """

    def __init__(self, root: Path = ROOT, own: str | None = None):
        own = Path("/proc/self/cgroup").read_text() if own is None and Path("/proc/self/cgroup").exists() else own or ""
        self.kind, self.parents = "rlimits", []
        for kind, parents in (("cgroup v2", _version_2(root, own)), ("cgroup v1", _version_1(root, own))):
            if parents and _can_make_groups(parents):
                self.kind, self.parents = kind, parents
                return

    def make(self, allowance: Allowance) -> Cgroup | None:
        """A group with these limits, or None where there are no groups."""
        if not self.parents:
            return None
        name = f"tlkit-{os.getpid()}-{next(_numbers)}"
        group = Cgroup([parent / name for parent in self.parents])
        memory = str(allowance.memory_bytes + allowance.disk_bytes + _OWN_BYTES)
        try:
            for folder in group.folders:
                folder.mkdir()
                for file, value in (("memory.max", memory), ("memory.swap.max", "0"), ("memory.limit_in_bytes", memory),
                                    ("memory.memsw.limit_in_bytes", memory), ("pids.max", str(allowance.processes))):
                    if (folder / file).exists():
                        with contextlib.suppress(OSError):  # swap accounting may be off
                            (folder / file).write_text(value)
        except OSError:
            group.close()
            return None
        return group

    def sweep(self, pid: int) -> None:
        """Remove what groups a process of this program that is gone has left."""
        for parent in self.parents:
            for folder in parent.glob(f"tlkit-{pid}-*"):
                Cgroup([folder]).close()

    def sweep_empty(self) -> None:
        """Remove groups that nothing is in any more, of programs that were killed before they could."""
        for parent in self.parents:
            for folder in parent.glob("tlkit-[0-9]*-[0-9]*"):
                if not Path("/proc", folder.name.split("-")[1]).exists():
                    with contextlib.suppress(OSError):
                        folder.rmdir()


def _version_2(root: Path, own: str) -> list[Path]:
    """Our own group of version 2, if memory and processes can be limited below it."""
    path = next((line[3:] for line in own.splitlines() if line.startswith("0::")), None)
    folder = root / (path or "/").lstrip("/")
    try:
        available = (folder / "cgroup.controllers").read_text().split()
    except OSError:
        return []
    if path is None or not {"memory", "pids"} <= set(available):
        return []
    with contextlib.suppress(OSError):
        if not {"memory", "pids"} <= set((folder / "cgroup.subtree_control").read_text().split()):
            _leave(folder)
            (folder / "cgroup.subtree_control").write_text("+memory +pids")
        return [folder]
    return []


def _leave(folder: Path) -> None:
    """Processes may not be in a group that hands its controllers on; ours move to one below."""
    leaf = folder / f"tlkit-{os.getpid()}-own"
    if folder != ROOT and str(os.getpid()) in (folder / "cgroup.procs").read_text().split():
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()))


def _version_1(root: Path, own: str) -> list[Path]:
    """Our own groups of the controllers memory and pids."""
    found = []
    for controller in ("memory", "pids"):
        path = next((line.split(":", 2)[2] for line in own.splitlines() if controller in line.split(":")[1].split(",")), None)
        if path is None:
            return []
        folder = root / controller / path.lstrip("/")
        found.append(folder if folder.is_dir() else root / controller)
    return found


def _can_make_groups(parents: list[Path]) -> bool:
    probe = Cgroup([parent / f"tlkit-{os.getpid()}-probe" for parent in parents])
    try:
        for folder in probe.folders:
            folder.mkdir()
        return True
    except OSError:
        return False
    finally:
        probe.close(0)
