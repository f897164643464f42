"""A fork of the warm parent walls itself in: processes, mounts, network and shared memory of its own, then no rights.

The warm parent already lives in bubblewrap, so a fork sees no more than is listed there; what is added here keeps forks
apart from each other and from the parent.
"""

import ctypes
import os
from pathlib import Path

from tlkit.grading.sandbox import seccomp
from tlkit.grading.sandbox.allowance import Allowance, apply_rlimits
from tlkit.grading.sandbox.bubblewrap import HOME

_NEW_MOUNTS, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PIDS, _NEW_NET = (
    0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_NO_SETUID, _NO_DEVICES, _NO_PROGRAMS, _BIND, _RECURSIVE, _PRIVATE, _READ_ONLY = 2, 4, 8, 4096, 16384, 1 << 18, 1
_DUMPABLE, _DROP_BOUND, _CLEAR_AMBIENT = 4, 24, 47
_STRANGERS = 61_000  # user ids that nobody has, for forks of a parent that runs as root

libc = ctypes.CDLL(None, use_errno=True)


def separate() -> None:
    """New namespaces for the next fork (processes) and this process (the rest)."""
    as_root = os.geteuid() == 0
    spaces = _NEW_MOUNTS | _NEW_PIDS | _NEW_NET | _NEW_IPC | _NEW_UTS
    user, group = os.getuid(), os.getgid()
    _succeeds(libc.unshare(spaces if as_root else spaces | _NEW_USER))
    if not as_root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def wall_in(allowance: Allowance, number: int, hidden: list[str], limit_processes: bool) -> None:
    """In the first process of the new namespace: own files, own /proc, no capabilities, limits, the filter.

    Args:
        number: tells forks that live at the same time apart.
        hidden: folders that are empty from here on.
        limit_processes: where no control group does.
    """
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    _own_files(allowance.disk_bytes, hidden)
    _mount("proc", "/proc", "proc", _NO_SETUID | _NO_DEVICES)
    user = _STRANGERS + number % 1000 if os.geteuid() == 0 else None
    if user is not None:
        for path in (HOME, "/tmp"):
            os.chown(path, user, user)
    for capability in range(64):
        libc.prctl(_DROP_BOUND, capability, 0, 0, 0)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    libc.prctl(_CLEAR_AMBIENT, 4, 0, 0, 0)
    _drop_capabilities()
    apply_rlimits(allowance, with_processes=limit_processes)
    os.chdir(HOME)
    if not seccomp.load(libc):
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    libc.prctl(_DUMPABLE, 1, 0, 0, 0)  # else its own /proc/self is closed to it


def _own_files(size: int, hidden: list[str]) -> None:
    """Fresh /tmp, home and shared memory. What has to be read below /tmp (an environment, say) shows through again."""
    kept = []
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            point = line.split()[4].encode().decode("unicode_escape")
            if point.startswith("/tmp/") and not any(point.startswith(f"{other}/") for other, _ in kept):
                kept.append((point, os.open(point, os.O_PATH)))
    for point in ("/tmp", "/dev/shm", HOME):
        if os.path.isdir(point):
            _mount("tmpfs", point, "tmpfs", _NO_SETUID | _NO_DEVICES, f"size={size // 2},nr_inodes=20000,mode=755")
    for point, handle in kept:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            os.makedirs(point)
        else:
            os.makedirs(os.path.dirname(point), exist_ok=True)
            open(point, "x").close()
        _mount(f"/proc/self/fd/{handle}", point, "", _BIND | _RECURSIVE)
        os.close(handle)
    if os.path.isdir("/dev/pts"):  # terminals that forks share would carry words from one to another
        _mount("devpts", "/dev/pts", "devpts", _NO_SETUID | _NO_PROGRAMS, "newinstance,ptmxmode=0666,mode=600")
    for folder in hidden:
        _mount("tmpfs", folder, "tmpfs", _READ_ONLY | _NO_SETUID | _NO_DEVICES, "size=4k")


def _mount(source: str, target: str, kind: str, flags: int, options: str | None = None) -> None:
    _succeeds(libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode() if options else None), target)


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    _succeeds(libc.capset(header, (ctypes.c_uint32 * 6)()))


def _succeeds(result: int, what: str = "") -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what or None)
